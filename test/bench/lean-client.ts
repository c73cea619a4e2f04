import { connect, type Socket } from 'node:net'

/**
 * The smallest MQTT 3.1.1 client that measures: packets are made beforehand, and a message costs about a microsecond,
 * so that on a machine of two cores the figures are those of the brokers and not of their client.
 */

/** MQTT 3.1.1 §2.2.1. */
export const CONNECT = 0x10
export const CONNACK = 0x20
const PUBLISH_QOS1 = 0x32
const PUBLISH = 0x30
const PUBACK = 0x40
export const SUBSCRIBE = 0x82
export const SUBACK = 0x90
const DISCONNECT = Buffer.from([0xe0, 0])
/** How long a broker on the same machine may take to answer a CONNECT or SUBSCRIBE. */
const ANSWER_TIMEOUT_MS = 10_000

export interface LeanClient {
  /** One whole packet of `publishPacket`; leaves at once, without Nagle's delay. */
  write(packet: Buffer): void
  /** Several packets in as few segments as possible. */
  writeAll(packets: readonly Buffer[]): void
  subscribe(filter: string): Promise<void>
  close(): void
}

export interface LeanEvents {
  message?(payload: Buffer, at_ms: number): void
  /** How many PUBACKs one read brought. */
  acknowledged?(count: number): void
  /** The connection ended without `close()`. */
  lost?(error: Error): void
}

/** A PUBLISH with QoS 1. */
export function publishPacket(topic: string, payload: Uint8Array, packetId: number): Buffer {
  return packet(PUBLISH_QOS1, Buffer.concat([text(topic), uint16(packetId), payload]))
}

export async function leanClient(port: number, clientId: string, events: LeanEvents): Promise<LeanClient> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const answers = createAnswers(socket)
  let closing = false
  socket.on('error', () => undefined)
  socket.on('close', () => {
    if (!closing) events.lost?.(new Error(`${clientId}: the broker on port ${port} closed the connection`))
  })
  let pubacks = 0
  const reading: Reading = {
    message: events.message,
    other(type, body) {
      if (type === PUBACK) pubacks++
      else answers.got(type, body)
      return undefined
    },
    end() {
      const count = pubacks
      pubacks = 0
      if (count > 0) events.acknowledged?.(count)
    },
  }
  socket.on('data', createReader(socket, reading))

  const client: LeanClient = {
    write: (bytes) => {
      socket.write(bytes)
    },
    writeAll: (packets) => {
      socket.write(Buffer.concat(packets))
    },
    async subscribe(filter) {
      const answer = answers.wait(SUBACK)
      socket.write(packet(SUBSCRIBE, Buffer.concat([uint16(1), text(filter), Buffer.from([1])])))
      if ((await answer)[2] === 0x80) throw new Error(`${clientId}: the broker refuses the subscription ${filter}`)
    },
    close() {
      closing = true
      socket.end(DISCONNECT)
    },
  }
  const answer = answers.wait(CONNACK)
  // Protocol level 4, clean session, no keep-alive.
  socket.write(packet(CONNECT, Buffer.concat([text('MQTT'), Buffer.from([4, 2, 0, 0]), text(clientId)])))
  if ((await answer)[1] !== 0) throw new Error(`${clientId}: the broker on port ${port} refuses the connection`)
  return client
}

function createAnswers(socket: Socket) {
  const waiting = new Map<number, (body: Buffer) => void>()
  return {
    got: (type: number, body: Buffer) => {
      waiting.get(type)?.(Buffer.from(body))
      waiting.delete(type)
    },
    wait: (type: number) =>
      new Promise<Buffer>((resolve, reject) => {
        const ended = () => reject(new Error('the connection ended before the answer'))
        const timer = setTimeout(() => reject(new Error('no answer from the broker')), ANSWER_TIMEOUT_MS)
        socket.once('close', ended)
        waiting.set(type, (body) => {
          clearTimeout(timer)
          socket.off('close', ended)
          resolve(body)
        })
      }),
  }
}

export interface Reading {
  /** `at_ms` is performance.now() at the read of the segment that ended the message. */
  message: ((payload: Buffer, at_ms: number) => void) | undefined
  /** Any other packet; gives what is to be answered. */
  other(type: number, body: Buffer): readonly number[] | undefined
  /** After all that one read brought. */
  end?(): void
}

/** Takes packets out of a stream, acknowledges messages, and answers all of one read in one write. */
export function createReader(socket: Socket, { message, other, end: ended }: Reading): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const at_ms = performance.now()
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const answers: number[] = []
    let at = 0
    for (let frame = frameAt(bytes, at); frame !== undefined; frame = frameAt(bytes, at)) {
      const { type, body, end } = frame
      at = end
      if ((type & 0xf0) === PUBLISH) {
        const topicEnd = 2 + body.readUInt16BE(0)
        const isAcknowledged = (type & 0x06) !== 0
        if (isAcknowledged) answers.push(PUBACK, 2, body[topicEnd] ?? 0, body[topicEnd + 1] ?? 0)
        message?.(body.subarray(isAcknowledged ? topicEnd + 2 : topicEnd), at_ms)
      } else answers.push(...(other(type, body) ?? []))
    }
    rest = bytes.subarray(at)
    if (answers.length > 0) socket.write(Buffer.from(answers))
    ended?.()
  }
}

/** The packet that starts at `at`, or undefined while it is not whole. MQTT 3.1.1 §2.2.3: 7 bits of length per byte. */
function frameAt(bytes: Buffer, at: number): { type: number; body: Buffer; end: number } | undefined {
  let length = 0
  for (let digit = 0; digit < 4; digit++) {
    const byte = bytes[at + 1 + digit]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * 128 ** digit
    if (byte < 0x80) {
      const start = at + 2 + digit
      const end = start + length
      return end > bytes.length ? undefined : { type: bytes[at] ?? 0, body: bytes.subarray(start, end), end }
    }
  }
  throw new Error('malformed remaining length')
}

function packet(type: number, body: Uint8Array): Buffer {
  const length: number[] = []
  for (let left = body.length; length.length === 0 || left > 0; left = Math.floor(left / 128)) {
    length.push((left % 128) + (left >= 128 ? 0x80 : 0))
  }
  return Buffer.concat([Buffer.from([type, ...length]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint16(bytes.length), bytes])
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
