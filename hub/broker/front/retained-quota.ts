import type { FrontLimits } from './limits.ts'

/**
 * How much may be retained: by each gateway, whose name is in the topic and who alone publishes under it, and in all.
 * Without it one account could fill memory and disk with topics that nobody ever reads.
 */
export interface RetainedQuota {
  /**
   * Counts the message, unless it is over the limit: undefined. What is retained under the same topic gives its place to it,
   * and has it again with `giveBack`, when the message is not retained after all.
   */
  take(topic: string, payload_bytes: number): { giveBack(): void } | undefined
  /** Nothing is retained there any more. */
  forget(topic: string): void
  count(): number
  bytes(): number
}

interface Owner {
  topics: Map<string, number>
  bytes: number
}

/** `linli/v1/{street}/{community}/{estate}/{gateway}`; a topic of another shape belongs to whoever shares its first levels. */
const OWNER_LEVELS = 6

export function createRetainedQuota(limits: FrontLimits): RetainedQuota {
  const owners = new Map<string, Owner>()
  let count = 0
  let bytes = 0

  function put(topic: string, size: number | undefined): void {
    const name = ownerOf(topic)
    const owner = owners.get(name) ?? { topics: new Map(), bytes: 0 }
    const before = owner.topics.get(topic)
    if (size === undefined) owner.topics.delete(topic)
    else owner.topics.set(topic, size)
    const more = (size ?? 0) - (before ?? 0)
    owner.bytes += more
    bytes += more
    count += (size === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
    if (owner.topics.size === 0) owners.delete(name)
    else owners.set(name, owner)
  }

  return {
    take(topic, payload_bytes) {
      const owner = owners.get(ownerOf(topic))
      const before = owner?.topics.get(topic)
      const size = topic.length + payload_bytes
      const more = size - (before ?? 0)
      const topics = before === undefined ? 1 : 0
      if ((owner?.topics.size ?? 0) + topics > limits.retained_per_gateway_max) return undefined
      if ((owner?.bytes ?? 0) + more > limits.retained_bytes_per_gateway_max) return undefined
      if (count + topics > limits.retained_max || bytes + more > limits.retained_bytes_max) return undefined
      put(topic, size)
      return { giveBack: () => put(topic, before) }
    },
    forget: (topic) => put(topic, undefined),
    count: () => count,
    bytes: () => bytes,
  }
}

function ownerOf(topic: string): string {
  let at = -1
  for (let level = 0; level < OWNER_LEVELS; level++) {
    at = topic.indexOf('/', at + 1)
    if (at === -1) return topic
  }
  return topic.slice(0, at)
}
