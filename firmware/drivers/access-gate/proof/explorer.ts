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
  const known = new Map([[world.key(world.initial), 0]])
  /** Where each node's inputs lead, in their order. */
  const leads: number[][] = []
  const again: Array<{ first: number; node: N; found: [parent: number, input: string] }> = []
  let transitions = 0
  const wayTo = (index: number, last: string): string[] => {
    const way = [last]
    for (let at = index; at > 0; at = from[at]?.[0] ?? 0) way.unshift(from[at]?.[1] ?? '')
    return way
  }
  const end = (complete: boolean, broken?: Exploration['broken']): Exploration => ({
    states: nodes.length,
    transitions,
    complete,
    broken,
  })
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index] as N
    const leadsTo: number[] = []
    leads.push(leadsTo)
    for (const input of world.inputs(node)) {
      transitions++
      const { node: next, broken } = world.next(node, input)
      if (broken !== undefined) return end(false, { promise: broken, way: wayTo(index, name(input)) })
      const key = world.key(next)
      const first = known.get(key)
      leadsTo.push(first ?? nodes.length)
      if (first !== undefined) {
        if (transitions % COMPARED_EVERY === 0) again.push({ first, node: next, found: [index, name(input)] })
        continue
      }
      if (nodes.length >= states_max) return end(false)
      known.set(key, nodes.length)
      nodes.push(next)
      from.push([index, name(input)])
    }
  }
  const different = again.find(({ first, node }) => {
    const leadsTo = leads[first] as number[]
    return !world.inputs(node).every((input, at) => known.get(world.key(world.next(node, input).node)) === leadsTo[at])
  })
  if (different) return end(false, { promise: 'states of one key behave alike', way: wayTo(...different.found) })
  return end(true)
}
