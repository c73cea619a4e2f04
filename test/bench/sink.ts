import type { Socket } from 'node:net'
import { type Cuttable, cuttableServer } from './cuttable.ts'
import { createListening, type Ear } from './ear.ts'
import { CONNACK, CONNECT, frameAt, PUBACK, PUBLISH, SUBACK, SUBSCRIBE } from './lean-client.ts'

/**
 * An upstream that takes whatever comes as fast as it comes, and counts it: where the broker upstream would be the bottleneck,
 * it is measured how fast the paths are. It answers all that one read brought in one write.
 */

/** MQTT 3.1.1 §2.2.1. */
const UNSUBSCRIBE = 0xa2
const UNSUBACK = 0xb0
const PINGREQ = 0xc0
const PINGRESP = 0xd0
const DISCONNECT = 0xe0

export interface Sink extends Cuttable {
  ear(): Promise<Ear>
}

export async function createSink(): Promise<Sink> {
  const listenings: Array<ReturnType<typeof createListening>> = []
  const hear = (payload: Buffer, at_ms: number) => {
    for (const one of listenings) one.hear(payload, at_ms)
  }
  const server = await cuttableServer((socket) => socket.on('data', createReader(socket, hear)))
  return {
    ...server,
    async ear() {
      const listening = createListening()
      listenings.push(listening)
      return { ...listening, close: () => undefined }
    },
  }
}

function createReader(socket: Socket, hear: (payload: Buffer, at_ms: number) => void): (chunk: Buffer) => void {
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
        hear(body.subarray(isAcknowledged ? topicEnd + 2 : topicEnd), at_ms)
      } else if (type === CONNECT) answers.push(CONNACK, 2, 0, 0)
      else if (type === SUBSCRIBE) answers.push(SUBACK, 3, body[0] ?? 0, body[1] ?? 0, 1)
      else if (type === UNSUBSCRIBE) answers.push(UNSUBACK, 2, body[0] ?? 0, body[1] ?? 0)
      else if (type === PINGREQ) answers.push(PINGRESP, 0)
      else if (type === DISCONNECT) socket.end()
      else throw new Error(`the sink was sent a packet of type 0x${type.toString(16)}`)
    }
    rest = bytes.subarray(at)
    if (answers.length > 0) socket.write(Buffer.from(answers))
  }
}
