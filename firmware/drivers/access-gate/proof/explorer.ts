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

/** Of so many nodes that were found again, one is compared with the first of its key in all that it does next. */
const COMPARED_EVERY = 23

export function explore<N, I>(world: World<N, I>, name: (input: I) => string, states_max: number): Exploration {
  const nodes: N[] = [world.initial]
  const from: Array<[parent: number, input: string]> = [[-1, '']]
  const keyOf = (node: N) => hash('sha1', world.key(node), 'base64')
  const known = new Map([[keyOf(world.initial), 0]])
  let transitions = 0
  const alike = (a: N, b: N) => {
    const inputs = world.inputs(a)
    return inputs.every((input) => keyOf(world.next(a, input).node) === keyOf(world.next(b, input).node))
  }
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
      const key = keyOf(next)
      const first = known.get(key)
      if (first !== undefined) {
        if (transitions % COMPARED_EVERY > 0 || alike(nodes[first] as N, next)) continue
        const promise = 'states of one key behave alike'
        return {
          states: nodes.length,
          transitions,
          complete: false,
          broken: { promise, way: wayTo(index, name(input)) },
        }
      }
      if (nodes.length >= states_max) return { states: nodes.length, transitions, complete: false, broken: undefined }
      known.set(key, nodes.length)
      nodes.push(next)
      from.push([index, name(input)])
    }
  }
  return { states: nodes.length, transitions, complete: true, broken: undefined }
}
