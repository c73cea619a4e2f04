import { connect, type Socket } from 'node:net'

/** A client that says exactly what a test tells it to, and hears packets as they are. */

export interface Frame {
  /** Type and flags. */
  first: number
  body: Buffer
}

export interface FramePeer {
  readonly socket: Socket
  readonly frames: Frame[]
  send(...packets: Uint8Array[]): void
  /** Heard so far of a type, e.g. 3 for PUBLISH. */
  of(type: number): Frame[]
  end(): void
}

export function framePeer(port: number, ...packets: Uint8Array[]): FramePeer {
  const frames: Frame[] = []
  let waiting = Buffer.alloc(0)
  const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.concat(packets)))
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    waiting = Buffer.concat([waiting, bytes])
    for (let frame = take(); frame; frame = take()) frames.push(frame)
  })

  function take(): Frame | undefined {
    let length = 0
    for (let at = 1; at < Math.min(5, waiting.length); at += 1) {
      const byte = waiting[at] ?? 0
      length += (byte & 0x7f) * 128 ** (at - 1)
      if (byte >= 0x80) continue
      const end = at + 1 + length
      if (waiting.length < end) return undefined
      const frame = { first: waiting[0] ?? 0, body: waiting.subarray(at + 1, end) }
      waiting = waiting.subarray(end)
      return frame
    }
    return undefined
  }

  return {
    socket,
    frames,
    send: (...more) => void socket.write(Buffer.concat(more)),
    of: (type) => frames.filter(({ first }) => first >> 4 === type),
    end: () => socket.destroy(),
  }
}

/** What a PUBLISH of QoS 1 or 2 says. */
export function readPublish({ first, body }: Frame): {
  topic: string
  text: string
  id: number
  qos: number
  dup: boolean
  retain: boolean
} {
  const length = body.readUInt16BE(0)
  const qos = (first >> 1) & 3
  const after = 2 + length + (qos > 0 ? 2 : 0)
  return {
    topic: body.toString('utf8', 2, 2 + length),
    id: qos > 0 ? body.readUInt16BE(2 + length) : 0,
    text: body.toString('utf8', after),
    qos,
    dup: (first & 8) !== 0,
    retain: (first & 1) !== 0,
  }
}
