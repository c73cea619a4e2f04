/** Topic filters of MQTT 3.1.1 §4.7. Empty levels are levels (MQTT-4.7.1-3); no wildcard at the front matches `$…` (MQTT-4.7.2-1). */

/** Whether a well-formed filter matches a topic name. */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false
  }
  return wanted.length === levels.length
}

/**
 * MQTT-3.8.4-6: the most that a client was granted for this topic. Aedes looks for a filter that equals the topic, and so
 * would send what matches a wildcard with its own QoS.
 */
export function grantedQos(subscriptions: Readonly<Record<string, { qos: number }>>, topic: string): number {
  let least = 2
  let most = 0
  for (const filter in subscriptions) {
    const qos = subscriptions[filter]?.qos ?? 0
    least = Math.min(least, qos)
    most = Math.max(most, qos)
  }
  // Asked for every delivery: nearly every client has one QoS for all its filters.
  if (least >= most) return most
  const granted = Object.keys(subscriptions).filter((filter) => matches(filter, topic))
  return Math.max(0, ...granted.map((filter) => subscriptions[filter]?.qos ?? 0))
}

/** Many filters asked at once, each with the values of those who hold it. */
export interface FilterTree<T> {
  set(filter: string, holder: string, value: T): void
  remove(filter: string, holder: string): void
  match(topic: string): T[]
  readonly size: number
}

interface Level<T> {
  below: Map<string, Level<T>>
  /** By holder: of the filter that ends here. */
  here: Map<string, T>
}

const newLevel = <T>(): Level<T> => ({ below: new Map(), here: new Map() })

export function createFilterTree<T>(): FilterTree<T> {
  const root = newLevel<T>()
  let size = 0

  function collect(level: Level<T>, levels: readonly string[], at: number, found: T[]): void {
    const isRoot$ = at === 0 && levels[0]?.startsWith('$') === true
    const all = isRoot$ ? undefined : level.below.get('#')
    if (all) found.push(...all.here.values())
    const name = levels[at]
    if (name === undefined) {
      found.push(...level.here.values())
      return
    }
    const exact = level.below.get(name)
    if (exact) collect(exact, levels, at + 1, found)
    const any = isRoot$ ? undefined : level.below.get('+')
    if (any) collect(any, levels, at + 1, found)
  }

  function drop(level: Level<T>, levels: readonly string[], at: number, holder: string): void {
    const name = levels[at]
    if (name === undefined) {
      if (level.here.delete(holder)) size -= 1
      return
    }
    const below = level.below.get(name)
    if (!below) return
    drop(below, levels, at + 1, holder)
    if (below.here.size === 0 && below.below.size === 0) level.below.delete(name)
  }

  return {
    set(filter, holder, value) {
      let level = root
      for (const name of filter.split('/')) {
        const below = level.below.get(name) ?? newLevel<T>()
        level.below.set(name, below)
        level = below
      }
      if (!level.here.has(holder)) size += 1
      level.here.set(holder, value)
    },
    remove: (filter, holder) => drop(root, filter.split('/'), 0, holder),
    match(topic) {
      const found: T[] = []
      if (size > 0) collect(root, topic.split('/'), 0, found)
      return found
    },
    get size() {
      return size
    },
  }
}
