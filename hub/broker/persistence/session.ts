import { ITEM_BYTES } from './limits.ts'

/**
 * What one subscriber is owed, in order per grade: what waits, what is in flight, and what QoS 2 has half done. Plain data
 * without I/O; `sender.ts` writes it to a socket and `sessions.ts` keeps it on disk.
 */

/** Most urgent first; a topic has always the same grade, so that its order is kept. What goes first when there is too much is the last. */
export const GRADES = ['alarm', 'state', 'telemetry'] as const
export type Grade = (typeof GRADES)[number]

/** Where a topic of the contract has its channel: `linli/v1/street/community/estate/gateway/class/device/channel`. */
const CHANNEL_LEVEL = 8
const GRADE_OF_CHANNEL = new Map<string, Grade>([
  ['state', 'state'],
  ['avail', 'state'],
  ['meta', 'state'],
  ['tele', 'telemetry'],
])

/** Events, commands and results are alarms: they are not said again. */
export function gradeOf(topic: string): Grade {
  return GRADE_OF_CHANNEL.get(topic.split('/', CHANNEL_LEVEL + 1)[CHANNEL_LEVEL] ?? '') ?? 'alarm'
}

export interface Message {
  topic: string
  payload: Uint8Array
  /** As the subscriber sees it: set on what was retained when it subscribed. */
  retain: boolean
  /** The broker's own packet, while it is in memory. */
  packet?: object
}

export interface Item {
  readonly message: Message
  readonly grade: Grade
  /** In the lane of its grade on disk; of a session that ends with its connection just a count. */
  readonly position: number
  readonly qos: 1 | 2
  /** Counts within the session; the packet id follows from it, so that it is the same after a crash (MQTT-4.4.0-1). */
  readonly ordinal: number
  packet_id: number | undefined
  /** Was, or may have been, sent before: sent again with DUP (MQTT-3.3.1-1). */
  sent: boolean
  done: boolean
}

/** Where a session stands in one grade, as it is kept on disk. */
export interface Place {
  /** Everything up to here is done with, … */
  floor: number
  /** … but these: sent and not acknowledged. */
  open: number[]
  /** Everything up to here may have been sent. */
  sent_to: number
}

interface Line {
  /** Sent on this connection, from the first that is not acknowledged; holds acknowledged ones behind that. */
  sent: Item[]
  waiting: Item[]
  /** In `waiting`: what lies before it is gone. */
  head: number
  sent_to: number
}

const PACKET_IDS = 65_535

export interface Session {
  /** Bytes of what waits and is in flight. */
  readonly bytes: number
  readonly messages: number
  readonly inflight: number
  readonly next_ordinal: number
  /** Ids whose PUBREC has come: PUBREL is owed until PUBCOMP (MQTT-4.3.3-1). */
  readonly released: ReadonlySet<number>
  /** Takes the next ordinal; what is pushed later must come in this order per grade. */
  number(): number
  push(item: Omit<Item, 'packet_id' | 'done'>): void
  /** The next item for this connection; undefined when there is none or its packet id is still in use. */
  take(): Item | undefined
  /** PUBACK or PUBCOMP: what it was for. */
  acknowledge(packet_id: number): { item: Item | undefined } | undefined
  /** PUBREC: false when the id is unknown. */
  received(packet_id: number): boolean
  /** The connection is gone: everything not done is sent again, from the front. */
  rewind(): void
  /** Drops the oldest that is not in flight of the least urgent grade. */
  dropOldest(): Item | undefined
  /** Drops everything at or before a position of a grade, in flight too; returns how many. */
  dropUpTo(grade: Grade, position: number): number
  /** Drops what is not in flight and not wanted any more. */
  dropUnless(isWanted: (topic: string) => boolean): number
  /** Of the oldest item of a grade that is not done. */
  oldest(grade: Grade): number | undefined
  /** `otherwise`: the floor where nothing waits. */
  place(grade: Grade, otherwise: number): Place
  /** Not done, most urgent grade first. */
  pending(): Item[]
  /** Gives an item an id of somebody else's choice. */
  assign(item: Item, packet_id: number): void
}

export function itemBytes(item: { message: Message }): number {
  return item.message.payload.length + item.message.topic.length + ITEM_BYTES
}

export function createSession(
  start: { ordinal: number; released: Iterable<number> } = { ordinal: 0, released: [] },
): Session {
  const newLine = (): Line => ({ sent: [], waiting: [], head: 0, sent_to: 0 })
  const lines: Record<Grade, Line> = { alarm: newLine(), state: newLine(), telemetry: newLine() }
  const inflight = new Map<number, Item>()
  const released = new Set(start.released)
  let ordinal = start.ordinal
  let bytes = 0
  let messages = 0

  function finish(item: Item): void {
    if (item.done) return
    item.done = true
    bytes -= itemBytes(item)
    messages -= 1
    if (item.packet_id !== undefined && inflight.get(item.packet_id) === item) inflight.delete(item.packet_id)
    const { sent } = lines[item.grade]
    let settled = 0
    while (sent[settled]?.done) settled += 1
    if (settled > 0) sent.splice(0, settled)
  }

  function peek(line: Line): Item | undefined {
    while (line.waiting[line.head]?.done) line.head += 1
    if (line.head > 1024 && line.head * 2 > line.waiting.length) {
      line.waiting = line.waiting.slice(line.head)
      line.head = 0
    }
    return line.waiting[line.head]
  }

  const open = (line: Line): Item[] => line.sent.filter((item) => !item.done)

  return {
    get bytes() {
      return bytes
    },
    get messages() {
      return messages
    },
    get inflight() {
      return GRADES.reduce((sum, grade) => sum + lines[grade].sent.length, released.size)
    },
    get next_ordinal() {
      return ordinal
    },
    released,
    number: () => ordinal++,
    push(given) {
      const item: Item = { ...given, packet_id: undefined, done: false }
      const line = lines[item.grade]
      line.waiting.push(item)
      if (item.sent) line.sent_to = Math.max(line.sent_to, item.position)
      ordinal = Math.max(ordinal, item.ordinal + 1)
      bytes += itemBytes(item)
      messages += 1
    },
    take() {
      for (const grade of GRADES) {
        const line = lines[grade]
        const item = peek(line)
        if (!item) continue
        const packet_id = 1 + (item.ordinal % PACKET_IDS)
        if (inflight.has(packet_id) || released.has(packet_id)) return undefined
        item.packet_id = packet_id
        inflight.set(packet_id, item)
        line.head += 1
        line.sent.push(item)
        line.sent_to = Math.max(line.sent_to, item.position)
        return item
      }
      return undefined
    },
    acknowledge(packet_id) {
      if (released.delete(packet_id)) return { item: undefined }
      const item = inflight.get(packet_id)
      if (!item) return undefined
      finish(item)
      return { item }
    },
    received(packet_id) {
      const item = inflight.get(packet_id)
      if (!item) return released.has(packet_id)
      finish(item)
      released.add(packet_id)
      return true
    },
    rewind() {
      for (const grade of GRADES) {
        const line = lines[grade]
        const again = open(line)
        for (const item of again) item.sent = true
        line.waiting = [...again, ...line.waiting.slice(line.head)]
        line.head = 0
        line.sent = []
      }
      inflight.clear()
    },
    dropOldest() {
      for (const grade of GRADES.toReversed()) {
        const item = peek(lines[grade])
        if (!item) continue
        finish(item)
        return item
      }
      return undefined
    },
    dropUpTo(grade, position) {
      const line = lines[grade]
      const old = open(line).filter((item) => item.position <= position)
      for (let at = line.head; (line.waiting[at]?.position ?? position + 1) <= position; at += 1)
        old.push(line.waiting[at] as Item)
      const dropped = old.filter((item) => !item.done)
      for (const item of dropped) finish(item)
      return dropped.length
    },
    dropUnless(isWanted) {
      const unwanted = GRADES.flatMap((grade) => lines[grade].waiting.slice(lines[grade].head)).filter(
        (item) => !item.done && !isWanted(item.message.topic),
      )
      for (const item of unwanted) finish(item)
      return unwanted.length
    },
    oldest(grade) {
      const line = lines[grade]
      return (open(line)[0] ?? peek(line))?.position
    },
    place(grade, otherwise) {
      const line = lines[grade]
      const first = peek(line)
      return {
        floor: first ? first.position - 1 : otherwise,
        open: open(line).map(({ position }) => position),
        sent_to: line.sent_to,
      }
    },
    pending: () =>
      GRADES.flatMap((grade) => [
        ...open(lines[grade]),
        ...lines[grade].waiting.slice(lines[grade].head).filter((item) => !item.done),
      ]),
    assign(item, packet_id) {
      item.packet_id = packet_id
      inflight.set(packet_id, item)
    },
  }
}
