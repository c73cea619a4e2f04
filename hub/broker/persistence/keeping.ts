import type { Append, Appended } from '../../journal/types.ts'
import type { Book, Subscriber } from './book.ts'
import type { Bounds } from './bounds.ts'
import type { Progress } from './progress.ts'
import type { Target } from './records.ts'
import { type Grade, gradeOf } from './session.ts'
import type { SessionStore, StoredMessage } from './store.ts'

/**
 * Writes messages for the sessions that want them, in the commit of the message itself, and puts them into their queues
 * in the order in which they came to disk.
 */

/** A message that is about to be written, as it will be sent. */
export interface Outgoing {
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: boolean
  /** A QoS 2 PUBLISH of a persistent session: its packet id goes to disk with it. */
  from?: { client: string; packet_id: number }
}

export interface RetainedPacket {
  cmd: 'publish'
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: true
}

export interface Keeping {
  /** Writes to the hub's journal, and for the sessions that want it; settles when all of it is on disk. */
  append(append: Append, outgoing: Outgoing): Promise<Appended>
  /** For the sessions alone: the hub has it in another form, by an append just before in the same turn. */
  keep(message: Pick<Append, 'topic' | 'time_ms'>, outgoing: Outgoing): Promise<void>
  /** For one session; on disk when the promise settles. */
  enqueue(subscriber: Subscriber, message: Message): Promise<void>
  /** Packets of the broker with these bytes are in the queues already. */
  isKept(payload: unknown): boolean
  markKept(payload: Uint8Array): void
  readonly retained: ReadonlyMap<string, RetainedPacket>
  retain(packet: Omit<RetainedPacket, 'cmd' | 'retain'>): void
  /** A session's own QoS 2 PUBLISH is in; on disk when the promise settles. */
  storeIncoming(subscriber: Subscriber, packet_id: number, joined: boolean): Promise<void>
  /** PUBREL: the ids are free. */
  releaseIncoming(subscriber: Subscriber, packet_ids: readonly number[]): Promise<void>
}

type Message = Pick<StoredMessage, 'topic' | 'payload' | 'retain'> & {
  qos: 1 | 2
  /** The broker's own packet, while it is in memory. */
  packet?: object
}

interface Deps {
  store: SessionStore
  book: Book
  bounds: Bounds
  progress: Progress
  now_ms: () => number
}

/** On the bytes themselves: a set of them costs every collection of garbage a look at each. */
const KEPT = Symbol('kept')

function markKept(payload: Uint8Array & { [KEPT]?: true }): void {
  payload[KEPT] = true
}

export function createKeeping({ store, book, bounds, progress, now_ms }: Deps): Keeping {
  const retained = new Map<string, RetainedPacket>()

  /** The ordinals are given here, so that they have the order of the lane. */
  function write(
    grade: Grade,
    wanting: ReadonlyArray<{ subscriber: Subscriber; qos: 1 | 2 }>,
    message: StoredMessage & { packet?: object },
    joined: boolean,
  ): Promise<Appended> {
    const owed = wanting.map(({ subscriber, qos }) => ({ subscriber, qos, ordinal: subscriber.session.number() }))
    const targets: Target[] = owed.map(({ subscriber, qos, ordinal }) => ({ session: subscriber.n, ordinal, qos }))
    const { topic, payload, retain, packet } = message
    return store.message(grade, targets, message, joined).then((outcome) => {
      if (!('position' in outcome)) return outcome
      const { position } = outcome
      const shared = { topic, payload, retain, ...(packet ? { packet } : {}) }
      for (const { subscriber, qos, ordinal } of owed) {
        if (subscriber.isGone) continue
        subscriber.session.push({ message: shared, grade, position, qos, ordinal, sent: false })
        bounds.check(subscriber)
        subscriber.wake?.()
      }
      progress.settled(grade, position)
      return outcome
    })
  }

  function retain(packet: Omit<RetainedPacket, 'cmd' | 'retain'>): void {
    if (packet.payload.length === 0) retained.delete(packet.topic)
    else retained.set(packet.topic, { ...packet, cmd: 'publish', retain: true })
  }

  function writeIncoming(subscriber: Subscriber, joined = false): Promise<void> {
    const ids = [...subscriber.incoming.keys()]
    return store.record(`incoming/${subscriber.n}`, ids.length === 0 ? undefined : ids, joined)
  }

  function storeIncoming(subscriber: Subscriber, packet_id: number, joined: boolean): Promise<void> {
    const known = subscriber.incoming.get(packet_id)
    if (known) return known
    subscriber.incoming.set(packet_id, Promise.resolve())
    const written = writeIncoming(subscriber, joined)
    subscriber.incoming.set(packet_id, written)
    written.catch(() => subscriber.incoming.delete(packet_id))
    return written
  }

  function keepBeside(
    { topic, ...when }: Pick<StoredMessage, 'topic' | 'time_ms' | 'stream' | 'sequence'>,
    { payload, qos, retain: isRetained, from }: Outgoing,
  ): Array<Promise<unknown>> {
    const wanting = qos === 0 ? [] : book.wanting(topic, qos)
    if (isRetained)
      for (const { subscriber } of wanting)
        if (subscriber.subscribing.count > 0) subscriber.subscribing.fresh.add(topic)
    markKept(payload)
    const written: Array<Promise<unknown>> = []
    if (wanting.length > 0)
      written.push(write(gradeOf(topic), wanting, { topic, payload, retain: false, ...when }, true))
    const sender = from && book.subscribers.get(from.client)
    if (from && sender) written.push(storeIncoming(sender, from.packet_id, true))
    return written
  }

  return {
    append(append, outgoing) {
      const { topic, time_ms, stream, sequence } = append
      const main = store.append(append).then((outcome) => {
        if (outgoing.retain && 'position' in outcome) retain({ topic, payload: outgoing.payload, qos: outgoing.qos })
        return outcome
      })
      // Nobody has a session: nobody can be overtaken either.
      if (book.subscribers.size === 0) {
        if (outgoing.retain) markKept(outgoing.payload)
        return main
      }
      const dedupe = stream === undefined || sequence === undefined ? {} : { stream, sequence }
      const kept = keepBeside({ topic, time_ms, ...dedupe }, outgoing)
      // As many turns for a message without sessions as for one with: what comes first must not be overtaken.
      return Promise.all([main, ...(kept.length > 0 ? kept : [main])]).then(([outcome]) => outcome)
    },
    async keep(message, outgoing) {
      await Promise.all(keepBeside(message, outgoing))
      if (outgoing.retain) retain({ topic: message.topic, payload: outgoing.payload, qos: outgoing.qos })
    },
    async enqueue(subscriber, { qos, ...message }) {
      await write(gradeOf(message.topic), [{ subscriber, qos }], { ...message, time_ms: now_ms() }, false)
    },
    isKept: (payload) => payload instanceof Uint8Array && KEPT in payload,
    markKept,
    retained,
    retain,
    storeIncoming,
    async releaseIncoming(subscriber, packet_ids) {
      for (const packet_id of packet_ids) subscriber.incoming.delete(packet_id)
      await writeIncoming(subscriber)
    },
  }
}
