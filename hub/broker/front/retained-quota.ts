import type { FrontLimits } from './limits.ts'

/**
 * How much may be retained: by each gateway, whose name is in the topic and who alone publishes under it, and in all.
 * Without it one account could fill memory and disk with topics that nobody ever reads.
 */
export interface RetainedQuota {
  /** Counts the message unless it is over the limit; what is retained under the same topic gives its place to it. */
  take(topic: string, payload_bytes: number): boolean
  /** It was not retained after all, or is no more. */
  give(topic: string): void
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

  function forget(topic: string): void {
    const name = ownerOf(topic)
    const owner = owners.get(name)
    const size = owner?.topics.get(topic)
    if (!owner || size === undefined) return
    owner.topics.delete(topic)
    owner.bytes -= size
    bytes -= size
    count--
    if (owner.topics.size === 0) owners.delete(name)
  }

  return {
    take(topic, payload_bytes) {
      const name = ownerOf(topic)
      const owner = owners.get(name) ?? { topics: new Map(), bytes: 0 }
      const before = owner.topics.get(topic)
      const size = topic.length + payload_bytes
      const more = size - (before ?? 0)
      const topics = before === undefined ? 1 : 0
      if (owner.topics.size + topics > limits.retained_per_gateway_max || count + topics > limits.retained_max)
        return false
      if (owner.bytes + more > limits.retained_bytes_per_gateway_max || bytes + more > limits.retained_bytes_max)
        return false
      owners.set(name, owner)
      owner.topics.set(topic, size)
      owner.bytes += more
      bytes += more
      count += topics
      return true
    },
    give: forget,
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
