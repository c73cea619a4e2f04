import { hash } from 'node:crypto'

/**
 * Breadth-first search through every state that a machine can reach with a small alphabet of inputs. The first broken
 * promise is told with the shortest way to it.
 */

export interface World<N, I> {
  initial: N
  /** What may happen next; inputs that cannot happen here are left out. */
  inputs(node: N): I[]
  /** @returns the next node, and which promise was broken on the way there, if one was */
  next(node: N, input: I): { node: N; broken: string | undefined }
  /** Equal for nodes that behave alike from here on. */
  key(node: N): string
}

export interface Exploration {
  states: number
  transitions: number
  /** Every state that can be reached was reached. */
  complete: boolean
  broken: { promise: string; way: string[] } | undefined
}

export function explore<N, I>(world: World<N, I>, name: (input: I) => string, states_max: number): Exploration {
  const nodes: N[] = [world.initial]
  const from: Array<[parent: number, input: string]> = [[-1, '']]
  const known = new Set([hash('sha1', world.key(world.initial), 'base64')])
  let transitions = 0
  const wayTo = (index: number, last: string): string[] => {
    const way = [last]
    for (let at = index; at > 0; at = from[at]?.[0] ?? 0) way.unshift(from[at]?.[1] ?? '')
    return way
  }
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index] as N
    for (const input of world.inputs(node)) {
      transitions++
      const { node: next, broken } = world.next(node, input)
      if (broken !== undefined) {
        const way = wayTo(index, name(input))
        return { states: nodes.length, transitions, complete: false, broken: { promise: broken, way } }
      }
      const key = hash('sha1', world.key(next), 'base64')
      if (known.has(key)) continue
      if (nodes.length >= states_max) return { states: nodes.length, transitions, complete: false, broken: undefined }
      known.add(key)
      nodes.push(next)
      from.push([index, name(input)])
    }
  }
  return { states: nodes.length, transitions, complete: true, broken: undefined }
}
