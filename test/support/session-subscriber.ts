import { connectPacket, packet } from './mqtt-bytes.ts'
import { type FramePeer, readPublish } from './mqtt-frames.ts'

/**
 * A subscriber with a session that keeps to MQTT 3.1.1 §4.3 and outlives its connections, and the hub's power cuts: it answers
 * when it is told to, knows which packet ids of QoS 2 it has taken (figure 4.3, method A), and notes what came.
 */
export interface Taken {
  topic: string
  text: string
  qos: number
}

export interface SessionSubscriber {
  readonly name: string
  /** Messages, each once, in the order in which they came first. */
  readonly taken: readonly Taken[]
  /** What must never be: a repetition without DUP, a message of QoS 2 taken twice, a session that is gone. */
  readonly faults: readonly string[]
  isHere(): boolean
  come(): void
  /** The connection ends without a word. */
  leave(): void
  send(bytes: Uint8Array): void
  /** Packets of a type heard on this connection. */
  heard(type: number): number
  /** Answers what is open, oldest first, at most so many. */
  answer(count: number): void
  /** Nothing that came is unanswered. */
  isEven(): boolean
}

const [CONNACK, PUBLISH, PUBREL] = [2, 3, 6]
const answerTo = (first: number, id: number) => packet(first, id >> 8, id & 0xff)

export function sessionSubscriber(name: string, connect: (...packets: Uint8Array[]) => FramePeer): SessionSubscriber {
  const taken: Taken[] = []
  const known = new Map<string, number>()
  const faults: string[] = []
  /** Packet ids of QoS 2 that were taken and not released. */
  const unreleased = new Set<number>()
  let isKnown = false
  let peer: FramePeer | undefined
  let read = 0
  let open: Uint8Array[] = []

  function take(frame: { first: number; body: Buffer }): void {
    const { topic, text, qos, id, dup } = readPublish(frame)
    open.push(answerTo(qos === 2 ? 0x50 : 0x40, id))
    if (qos === 2 && unreleased.has(id)) return
    if (qos === 2) unreleased.add(id)
    const times = known.get(text) ?? 0
    known.set(text, times + 1)
    if (times === 0) taken.push({ topic, text, qos })
    else if (qos === 2) faults.push(`${name} took ${text} of QoS 2 twice`)
    else if (!dup) faults.push(`${name} was sent ${text} again without DUP`)
  }

  function readOn(): void {
    for (const frame of peer?.frames.slice(read) ?? []) {
      read += 1
      const type = frame.first >> 4
      if (type === PUBLISH) take(frame)
      if (type === PUBREL) {
        const id = frame.body.readUInt16BE(0)
        unreleased.delete(id)
        open.push(answerTo(0x70, id))
      }
      if (type === CONNACK) {
        if (isKnown && frame.body[0] !== 1) faults.push(`the session of ${name} is gone`)
        isKnown = true
      }
    }
  }

  return {
    name,
    get taken() {
      readOn()
      return taken
    },
    faults,
    isHere: () => peer !== undefined,
    come() {
      peer = connect(connectPacket({ id: name, flags: 0 }))
      read = 0
      open = []
    },
    leave() {
      readOn()
      peer?.end()
      peer = undefined
      open = []
    },
    send: (bytes) => peer?.send(bytes),
    heard: (type) => peer?.of(type).length ?? 0,
    answer(count) {
      readOn()
      peer?.send(...open.splice(0, count))
    },
    isEven() {
      readOn()
      return open.length === 0 && unreleased.size === 0
    },
  }
}
