import { type Book, type Subscriber, storedSession } from './book.ts'
import type { Bounds } from './bounds.ts'
import type { SessionLimits } from './limits.ts'
import type { StoredProgress } from './records.ts'
import { GRADES, type Grade } from './session.ts'
import type { SessionStore } from './store.ts'

/**
 * What follows on disk behind the sessions in memory: what they have acknowledged, which messages nobody waits for any
 * more, and sessions that nobody came back for.
 */
export interface Progress {
  /** A session took, acknowledged or dropped something. */
  moved(subscriber: Subscriber): void
  /** Everything of a grade up to here is in the queues. */
  settled(grade: Grade, position: number): void
  /** On disk when the promise settles. */
  write(subscriber: Subscriber): Promise<void>
  expired(): number
  start(): void
  /** Appends what is not on disk; the log's own close waits for it. */
  close(): void
}

interface Deps {
  store: SessionStore
  book: Book
  bounds: Bounds
  now_ms: () => number
  remove: (subscriber: Subscriber) => Promise<void>
  log: { info(details: object, message: string): void; warn(details: object, message: string): void }
}

/** Sessions of clients that stay away are looked for this often within their time. */
const EXPIRY_LOOKS = 100

export function createProgress(deps: Deps, limits: SessionLimits): Progress {
  const { store, book, bounds } = deps
  const settled: Record<Grade, number> = { alarm: 0, state: 0, telemetry: 0 }
  const dirty = new Set<Subscriber>()
  let expired = 0
  let flushTimer: ReturnType<typeof setTimeout> | undefined
  let expiryTimer: ReturnType<typeof setInterval> | undefined
  let isClosed = false

  function write(subscriber: Subscriber): Promise<void> {
    const { session } = subscriber
    const stored: StoredProgress = {
      ordinal: session.next_ordinal,
      released: [...session.released],
      alarm: session.place('alarm', settled.alarm),
      state: session.place('state', settled.state),
      telemetry: session.place('telemetry', settled.telemetry),
    }
    return store.record(`progress/${subscriber.n}`, stored)
  }

  /** A lane does not grow for ever behind one message that somebody never fetches. */
  function holdSpan(grade: Grade): void {
    const floor = store.last(grade) - limits.span_entries_max
    if (floor <= 0) return
    for (const subscriber of book.subscribers.values()) {
      if ((subscriber.session.oldest(grade) ?? floor + 1) > floor) continue
      bounds.lost(subscriber, grade, subscriber.session.dropUpTo(grade, floor))
      dirty.add(subscriber)
    }
  }

  function release(): void {
    for (const grade of GRADES) {
      holdSpan(grade)
      let needed = settled[grade] + 1
      for (const { session } of book.subscribers.values()) needed = Math.min(needed, session.oldest(grade) ?? needed)
      store.advance(grade, needed - 1)
    }
  }

  async function flush(): Promise<void> {
    release()
    const subscribers = [...dirty].filter(({ isGone }) => !isGone)
    dirty.clear()
    await Promise.all(
      subscribers.map((subscriber) =>
        write(subscriber).catch((error: unknown) => {
          // What was acknowledged is then sent again after a crash, as MQTT allows.
          if (isClosed) return
          dirty.add(subscriber)
          deps.log.warn({ client: subscriber.id, error: String(error) }, 'acknowledgements could not be written')
        }),
      ),
    )
  }

  function arm(): void {
    if (flushTimer || isClosed) return
    flushTimer = setTimeout(() => {
      flushTimer = undefined
      flush()
        .then(() => dirty.size > 0 && arm())
        .catch(() => undefined)
    }, limits.progress_ms)
  }

  function expire(): void {
    for (const subscriber of book.subscribers.values()) {
      if (subscriber.connected) subscriber.seen_ms = deps.now_ms()
      if (deps.now_ms() - subscriber.seen_ms < limits.expiry_ms) continue
      expired += 1
      const { messages } = subscriber.session
      deps.log.info({ client: subscriber.id, messages }, 'a session is deleted: its client did not come back')
      deps.remove(subscriber).catch(() => undefined)
    }
  }

  return {
    moved(subscriber) {
      dirty.add(subscriber)
      arm()
    },
    settled(grade, position) {
      settled[grade] = Math.max(settled[grade], position)
      arm()
    },
    write,
    expired: () => expired,
    start() {
      expire()
      release()
      expiryTimer = setInterval(expire, limits.expiry_ms / EXPIRY_LOOKS)
    },
    close() {
      clearTimeout(flushTimer)
      clearInterval(expiryTimer)
      // So that time away is counted from now.
      for (const one of book.subscribers.values()) {
        if (!one.connected) continue
        Object.assign(one, { connected: false, seen_ms: deps.now_ms() })
        store.record(`session/${one.n}`, storedSession(one)).catch(() => undefined)
      }
      isClosed = true
      flush().catch(() => undefined)
    },
  }
}
