import { type Book, createBook, type Subscriber, type Subscription, storedSession } from './book.ts'
import { type Bounds, createBounds } from './bounds.ts'
import { createFilterTree } from './filters.ts'
import { createKeeping, type Keeping } from './keeping.ts'
import { SESSION_LIMITS, type SessionLimits } from './limits.ts'
import { createProgress, type Progress } from './progress.ts'
import type { StoredWill } from './records.ts'
import { restore } from './restore.ts'
import { createSession, type Grade } from './session.ts'
import type { SessionStore } from './store.ts'

/**
 * The persistent sessions of MQTT. A message is on disk for them before its publisher has its PUBACK, a subscription
 * before its SUBACK, a PUBREC before its PUBREL; what a subscriber acknowledged follows within `progress_ms`.
 */

export interface SessionsLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

export interface SessionReadings {
  connected: number
  offline: number
  /** Of persistent sessions and of subscribers that end with their connection. */
  queued_bytes: number
  inflight: number
  dropped: Readonly<Record<Grade, number>>
  expired: number
  by_client: Array<{ client: string; messages: number }>
}

/** Whether an account may have the session of a client id. */
export type Claim = 'granted' | 'of-another-account' | 'too-many'

export interface Sessions extends Keeping {
  readonly book: Book
  readonly bounds: Bounds
  readonly limits: SessionLimits
  readonly store: SessionStore
  /** Of clients that were connected when the last process ended. */
  readonly wills: Map<string, StoredWill>
  claim(client: string, owner: string, isClean: boolean): Claim
  /** Made when it is not there; the promise settles when it is on disk. */
  open(client: string, owner: string): { subscriber: Subscriber; written: Promise<void> }
  /** The session and all that it is owed is gone. */
  remove(subscriber: Subscriber): Promise<void>
  subscribe(subscriber: Subscriber, subscriptions: ReadonlyArray<Subscription & { topic: string }>): Promise<void>
  unsubscribe(subscriber: Subscriber, filters: readonly string[]): Promise<void>
  /** PUBREC; settles when PUBREL may be sent. False: the id is unknown. */
  received(subscriber: Subscriber, packet_id: number): Promise<boolean>
  moved: Progress['moved']
  /** Settles when it is on disk that somebody is there: what was sent after that goes with DUP after a crash. */
  connect(subscriber: Subscriber): Promise<void>
  /** Only when it is still this connection's. */
  disconnect(subscriber: Subscriber, wake: () => void): void
  stats(): SessionReadings
  /** Appends what is not on disk; the log's own close waits for it. */
  close(): void
}

export async function openSessions(
  deps: { store: SessionStore; now_ms: () => number; log: SessionsLog },
  given: Partial<SessionLimits> = {},
): Promise<Sessions> {
  const { store, now_ms, log } = deps
  const limits: SessionLimits = { ...SESSION_LIMITS, ...given }
  const book = createBook()
  const bounds = createBounds(log, limits)
  const progress = createProgress({ store, book, bounds, now_ms, remove, log }, limits)
  const keeping = createKeeping({ store, book, bounds, progress, now_ms })
  const restored = await restore({ store, book, bounds, now_ms, log }, limits)
  let last_n = restored.last_n
  for (const grade of ['alarm', 'state', 'telemetry'] as const) progress.settled(grade, store.last(grade))
  progress.start()

  /** What changes in one turn is written once: a SUBSCRIBE may name a thousand filters. */
  const writing = new Map<Subscriber, Promise<void>>()
  function write(subscriber: Subscriber): Promise<void> {
    const known = writing.get(subscriber)
    if (known) return known
    const written = Promise.resolve().then(() => {
      writing.delete(subscriber)
      return subscriber.isGone ? undefined : store.record(`session/${subscriber.n}`, storedSession(subscriber))
    })
    writing.set(subscriber, written)
    return written
  }
  const writeOrWarn = (subscriber: Subscriber): Promise<void> =>
    write(subscriber).catch((error: unknown) =>
      log.warn({ client: subscriber.id, error: String(error) }, 'a session could not be written'),
    )

  async function remove(subscriber: Subscriber): Promise<void> {
    if (subscriber.isGone) return
    book.strike(subscriber)
    bounds.remove(subscriber)
    const { n } = subscriber
    await Promise.all(['session', 'progress', 'incoming'].map((kind) => store.record(`${kind}/${n}`, undefined)))
  }

  return {
    ...keeping,
    book,
    bounds,
    limits,
    store,
    wills: restored.wills,
    claim(client, owner, isClean) {
      const known = book.subscribers.get(client)
      if (known && known.owner !== owner) return 'of-another-account'
      if (!isClean && !known && book.subscribers.size >= limits.sessions_max) return 'too-many'
      return 'granted'
    },
    open(client, owner) {
      const known = book.subscribers.get(client)
      if (known) return { subscriber: known, written: writing.get(known) ?? Promise.resolve() }
      // Numbers are never given twice: each session has written at least one record.
      last_n = Math.max(last_n, store.last('records')) + 1
      const stored = { n: last_n, id: client, owner, connected: false, seen_ms: now_ms(), subscriptions: [] }
      const subscriber = book.enter(stored, createSession())
      subscriber.isNew = true
      bounds.add(subscriber)
      return { subscriber, written: write(subscriber) }
    },
    remove,
    async subscribe(subscriber, subscriptions) {
      const { subscribing } = subscriber
      subscribing.count += 1
      try {
        for (const { topic, ...subscription } of subscriptions) book.subscribe(subscriber, topic, subscription)
        await write(subscriber)
        await sendRetained(keeping, subscriber, subscriptions)
      } finally {
        subscribing.count -= 1
        if (subscribing.count === 0) subscribing.fresh.clear()
      }
    },
    async unsubscribe(subscriber, filters) {
      for (const filter of filters) book.unsubscribe(subscriber, filter)
      await write(subscriber)
    },
    async received(subscriber, packet_id) {
      if (!subscriber.session.received(packet_id)) return false
      await progress.write(subscriber)
      return true
    },
    moved: progress.moved,
    connect(subscriber) {
      subscriber.session.rewind()
      Object.assign(subscriber, { wake: undefined, connected: true, isNew: false, seen_ms: now_ms() })
      return writeOrWarn(subscriber)
    },
    disconnect(subscriber, wake) {
      if (subscriber.wake !== wake) return
      subscriber.session.rewind()
      Object.assign(subscriber, { wake: undefined, connected: false, seen_ms: now_ms() })
      // In this order: what may have been sent is on disk before it is forgotten that somebody was there to get it.
      if (!subscriber.isGone) progress.write(subscriber).catch(() => undefined)
      void writeOrWarn(subscriber)
    },
    stats: () => readings(book, bounds, progress),
    close: progress.close,
  }
}

/** What is retained and matches, on disk before the SUBACK; what is published meanwhile comes by itself. */
async function sendRetained(
  keeping: Keeping,
  subscriber: Subscriber,
  subscriptions: ReadonlyArray<{ topic: string }>,
): Promise<void> {
  const wanted = createFilterTree<number>()
  for (const [filter, { qos }] of subscriber.subscriptions) wanted.set(filter, '', qos)
  const added = createFilterTree<true>()
  for (const { topic } of subscriptions) added.set(topic, '', true)
  const sent: Array<Promise<void>> = []
  for (const { topic, payload, qos } of keeping.retained.values()) {
    if (subscriber.subscribing.fresh.has(topic) || added.match(topic).length === 0 || !subscriber.mayReceive(topic))
      continue
    const least = Math.min(qos, Math.max(0, ...wanted.match(topic)))
    if (least > 0) sent.push(keeping.enqueue(subscriber, { topic, payload, retain: true, qos: least === 2 ? 2 : 1 }))
  }
  await Promise.all(sent)
}

function readings({ subscribers }: Book, bounds: Bounds, progress: Progress): SessionReadings {
  const all = [...subscribers.values()]
  const connected = all.filter((one) => one.connected).length
  return {
    connected,
    offline: all.length - connected,
    queued_bytes: bounds.bytes(),
    inflight: all.reduce((sum, { session }) => sum + session.inflight, 0),
    dropped: bounds.dropped(),
    expired: progress.expired(),
    by_client: all.map(({ id, session }) => ({ client: id, messages: session.messages })),
  }
}
