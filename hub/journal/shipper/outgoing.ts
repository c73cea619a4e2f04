import type { Duplex } from 'node:stream'

/**
 * QoS 1 messages of one connection, written to its stream past the library's own publish: that clones each packet into a
 * store which the log makes needless, and writes each by itself; here what is sent in one turn leaves in one write. The
 * library keeps the connection alive and gives out the packet ids. What comes in and holds nothing but PUBACKs it does not get
 * to see: parsing one and handing it around costs more than sending the message.
 */
export interface Outgoing {
  /** `answered` is called on PUBACK, or by `refuse`. */
  publish(topic: string, payload: Uint8Array, retain: boolean, answered: Answered): void
  /** The connection has ended: nothing more is answered. */
  refuse(error: Error): void
}

/** With an error: it may or may not have arrived. */
export type Answered = (error?: unknown) => void

/** What is used of the library's client. */
export interface Carrier {
  stream: Pick<Duplex, 'destroyed' | 'write' | 'push'>
  messageIdProvider: { allocate(): number | null }
  /** Something came back: the connection lives. */
  reschedulePing(): void
  on(event: 'packetreceive', listener: (packet: { cmd: string; messageId?: number | undefined }) => void): unknown
}

/** MQTT 3.1.1 §3.3.1: PUBLISH, QoS 1. */
const PUBLISH_QOS1 = 0x32
const RETAIN = 0x01
/** §3.4: with the remaining length, always 2, and the packet id. */
const PUBACK = 0x40
const PUBACK_BYTES = 4
/** A device says the same few topics all its life. */
const TOPICS_MAX = 4_096

export function createOutgoing(client: Carrier): Outgoing {
  const waiting = new Map<number, Answered>()
  const topics = new Map<string, Buffer>()
  let unwritten: Uint8Array[] = []

  function acknowledged(id: number): void {
    const answered = waiting.get(id)
    waiting.delete(id)
    answered?.()
  }

  client.on('packetreceive', ({ cmd, messageId }) => {
    if (cmd === 'puback' && messageId !== undefined) acknowledged(messageId)
  })
  const { stream } = client
  const push = stream.push.bind(stream)
  const isPubacks = createSieve()
  stream.push = (piece, encoding) => {
    if (!(piece instanceof Uint8Array) || !isPubacks(piece)) return push(piece, encoding)
    for (let at = 0; at < piece.length; at += PUBACK_BYTES)
      acknowledged(((piece[at + 2] ?? 0) << 8) | (piece[at + 3] ?? 0))
    client.reschedulePing()
    return true
  }

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
    publish(topic, payload, retain, answered) {
      const id = freeId(client, waiting)
      waiting.set(id, answered)
      if (unwritten.length === 0) process.nextTick(write)
      unwritten.push(header(bytesOf(topic), id, payload.length, retain), payload)
    },
    refuse(error) {
      const all = [...waiting.values()]
      waiting.clear()
      for (const answered of all) answered(error)
    },
  }
}

/** Follows what comes in: true for a piece that begins with a packet and holds whole PUBACKs only. */
function createSieve(): (piece: Uint8Array) => boolean {
  /** Bytes still to come of the packet under way; of its length first, which is not known then. */
  let left = 0
  let isInLength = false
  let [length, shift] = [0, 0]

  function follow(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      if (left > 0) {
        const here = Math.min(left, piece.length - at)
        left -= here
        at += here
        continue
      }
      const byte = piece[at++] ?? 0
      if (isInLength) {
        length += (byte & 0x7f) << shift
        shift += 7
        isInLength = byte > 0x7f
        if (!isInLength) left = length
      } else [isInLength, length, shift] = [true, 0, 0]
    }
  }

  return (piece) => {
    if (left === 0 && !isInLength && piece.length % PUBACK_BYTES === 0) {
      let at = 0
      while (at < piece.length && piece[at] === PUBACK && piece[at + 1] === 2) at += PUBACK_BYTES
      if (at === piece.length) return true
    }
    follow(piece)
    return false
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
