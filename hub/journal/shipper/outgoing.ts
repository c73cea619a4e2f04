import type { Writable } from 'node:stream'

/**
 * QoS 1 messages of one connection, written to its stream past the library's own publish: that clones each packet into a
 * store which the log makes needless, and writes each by itself; here what is sent in one turn leaves in one write. The
 * library reads the PUBACKs, keeps the connection alive and gives out the packet ids.
 */
export interface Outgoing {
  /** `acknowledged` is called on PUBACK; never when the connection ends before. */
  publish(topic: string, payload: Uint8Array, retain: boolean, acknowledged: () => void): void
}

/** What is used of the library's client. */
export interface Carrier {
  stream: Pick<Writable, 'destroyed' | 'write'>
  messageIdProvider: { allocate(): number | null }
  on(event: 'packetreceive', listener: (packet: { cmd: string; messageId?: number | undefined }) => void): unknown
}

/** MQTT 3.1.1 §3.3.1: PUBLISH, QoS 1. */
const PUBLISH_QOS1 = 0x32
const RETAIN = 0x01
/** A device says the same few topics all its life. */
const TOPICS_MAX = 4_096

export function createOutgoing(client: Carrier): Outgoing {
  const waiting = new Map<number, () => void>()
  const topics = new Map<string, Buffer>()
  let unwritten: Uint8Array[] = []

  client.on('packetreceive', ({ cmd, messageId }) => {
    if (cmd !== 'puback' || messageId === undefined) return
    const acknowledged = waiting.get(messageId)
    waiting.delete(messageId)
    acknowledged?.()
  })

  function write(): void {
    const bytes = Buffer.concat(unwritten)
    unwritten = []
    // A stream that is gone has told the link so.
    if (!client.stream.destroyed) client.stream.write(bytes)
  }

  function bytesOf(topic: string): Buffer {
    const known = topics.get(topic)
    if (known) return known
    if (topics.size >= TOPICS_MAX) topics.clear()
    const bytes = Buffer.from(topic)
    topics.set(topic, bytes)
    return bytes
  }

  return {
    publish(topic, payload, retain, acknowledged) {
      const id = freeId(client, waiting)
      waiting.set(id, acknowledged)
      if (unwritten.length === 0) process.nextTick(write)
      unwritten.push(header(bytesOf(topic), id, payload.length, retain), payload)
    },
  }
}

/** The library counts them up to 65,535 and begins again (§2.3.1). */
function freeId(client: Carrier, waiting: ReadonlyMap<number, unknown>): number {
  for (;;) {
    const id = client.messageIdProvider.allocate()
    if (id === null) throw new Error('more messages are in flight than MQTT has packet ids')
    if (!waiting.has(id)) return id
  }
}

/** Everything before the payload: fixed header with the remaining length in bytes of seven bits (§2.2.3), topic, packet id. */
function header(topic: Buffer, id: number, payload_bytes: number, retain: boolean): Buffer {
  const remaining = 2 + topic.length + 2 + payload_bytes
  const lengthBytes = remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4
  const bytes = Buffer.allocUnsafe(1 + lengthBytes + 2 + topic.length + 2)
  let at = bytes.writeUInt8(PUBLISH_QOS1 | (retain ? RETAIN : 0))
  for (let left = remaining; at <= lengthBytes; left >>= 7)
    at = bytes.writeUInt8((left & 0x7f) | (left > 127 ? 0x80 : 0), at)
  at = bytes.writeUInt16BE(topic.length, at)
  at += topic.copy(bytes, at)
  bytes.writeUInt16BE(id, at)
  return bytes
}
