import { Readable } from 'node:stream'

/** Statements of MQTT 3.1.1 that Aedes and its in-memory persistence miss, made good around them. */

interface StoredPacket {
  cmd: string
  topic: string
  messageId?: number
  dup?: boolean
  qos: number
}

interface Subscription {
  clientId?: string
  topic: string
  qos: number
}

export interface Persistence {
  outgoingStream(client: object): AsyncIterable<StoredPacket>
  createRetainedStreamCombi(filters: string[]): AsyncIterable<StoredPacket>
  outgoingEnqueueCombi(subscriptions: Subscription[], packet: StoredPacket): Promise<void>
  /** Asked once for each CONNECT that wants its session back. */
  subscriptionsByClient(client: { id: string }): Promise<Subscription[]>
  /** Asked for each CONNECT that wants a clean one. */
  cleanSubscriptions(client: { id: string }): Promise<void>
}

/**
 * Aedes says that a session is present when there is a subscription to restore: this one, which nobody may have, stands for a
 * session without any (MQTT-3.2.2-2).
 */
export const SESSION_MARK = '$linli/session'

export function mend(persistence: Persistence): void {
  const outgoing = persistence.outgoingStream.bind(persistence)
  persistence.outgoingStream = (client) => Readable.from(markRedelivered(outgoing(client)))
  const retained = persistence.createRetainedStreamCombi.bind(persistence)
  persistence.createRetainedStreamCombi = (filters) => Readable.from(matching(retained, filters))
  const enqueue = persistence.outgoingEnqueueCombi.bind(persistence)
  // MQTT-3.8.4-6: what waits, waits with the QoS that was granted.
  persistence.outgoingEnqueueCombi = async (subscriptions, packet) => {
    for (const one of subscriptions) await enqueue([one], { ...packet, qos: Math.min(one.qos, packet.qos) })
  }
  markPresent(persistence)
}

function markPresent(persistence: Persistence): void {
  const sessions = new Set<string>()
  const subscriptions = persistence.subscriptionsByClient.bind(persistence)
  persistence.subscriptionsByClient = async (client) => {
    const found = await subscriptions(client)
    if (sessions.has(client.id)) return found.length > 0 ? found : [{ topic: SESSION_MARK, qos: 0 }]
    sessions.add(client.id)
    return found
  }
  const clean = persistence.cleanSubscriptions.bind(persistence)
  persistence.cleanSubscriptions = (client) => {
    sessions.delete(client.id)
    return clean(client)
  }
}

/** MQTT-3.3.1-1: what was sent before, and so has a packet id, is sent again with DUP. */
async function* markRedelivered(packets: AsyncIterable<StoredPacket>): AsyncGenerator<StoredPacket> {
  for await (const packet of packets)
    yield packet.cmd === 'publish' && packet.messageId !== undefined ? { ...packet, dup: true } : packet
}

/** MQTT-4.7.1-3, §4.7.1.1: an empty level is a level, so `a/+` matches `a/`. */
async function* matching(retained: Persistence['createRetainedStreamCombi'], filters: string[]) {
  for (const filter of filters) {
    for await (const packet of retained(['#'])) if (matches(filter, packet.topic)) yield packet
  }
}

/**
 * MQTT-3.8.4-6: the most that a client was granted for this topic. Aedes looks for a filter that equals the topic, and so
 * sends what is retained with its own QoS to a filter with wildcards.
 */
export function grantedQos(subscriptions: Readonly<Record<string, { qos: number }>>, topic: string): number {
  const granted = Object.keys(subscriptions).filter((filter) => matches(filter, topic))
  return Math.max(0, ...granted.map((filter) => subscriptions[filter]?.qos ?? 0))
}

/** §4.7: whether a well-formed filter matches a topic name. */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  // MQTT-4.7.2-1
  if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false
  }
  return wanted.length === levels.length
}
