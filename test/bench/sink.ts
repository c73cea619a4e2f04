import { type Cuttable, cuttableServer } from './cuttable.ts'
import { createListening, type Ear } from './ear.ts'
import { CONNACK, CONNECT, createReader, SUBACK, SUBSCRIBE } from './lean-client.ts'

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
  const server = await cuttableServer((socket) =>
    socket.on('data', createReader(socket, { message: hear, other: answerTo })),
  )
  return {
    ...server,
    async ear() {
      const listening = createListening()
      listenings.push(listening)
      return { ...listening, close: () => undefined }
    },
  }
}

function answerTo(type: number, body: Buffer): readonly number[] | undefined {
  const id = [body[0] ?? 0, body[1] ?? 0]
  if (type === CONNECT) return [CONNACK, 2, 0, 0]
  if (type === SUBSCRIBE) return [SUBACK, 3, ...id, 1]
  if (type === UNSUBSCRIBE) return [UNSUBACK, 2, ...id]
  if (type === PINGREQ) return [PINGRESP, 0]
  if (type === DISCONNECT) return undefined
  throw new Error(`the sink was sent a packet of type 0x${type.toString(16)}`)
}
