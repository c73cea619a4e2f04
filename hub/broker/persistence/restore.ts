import type { Entry } from '../../journal/types.ts'
import type { Book, Subscriber } from './book.ts'
import type { Bounds } from './bounds.ts'
import {
  decodeMessage,
  decodeRecord,
  RECORDS,
  type StoredProgress,
  type StoredSession,
  type StoredWill,
} from './records.ts'
import { createSession, GRADES, type Grade } from './session.ts'
import type { SessionStore } from './store.ts'

/** What the sessions were before the process began. */
export interface Restored {
  /** Of clients that were connected when the process ended, by client id. */
  wills: Map<string, StoredWill>
  /** Highest number that a session has. */
  last_n: number
}

export async function restore(
  deps: {
    store: SessionStore
    book: Book
    bounds: Bounds
    now_ms: () => number
    log: { warn(details: object, message: string): void }
  },
  limits: { inflight_max: number },
): Promise<Restored> {
  const { store, book, bounds, log } = deps
  const found = sort(await store.records(), log)
  const byNumber = new Map<number, Subscriber>()
  for (const stored of found.sessions) {
    const progress = found.progress.get(stored.n)
    const session = createSession({ ordinal: progress?.ordinal ?? 0, released: progress?.released ?? [] })
    const subscriber = book.enter(stored, session)
    // Its time away begins when nobody could be connected any more.
    if (stored.connected) Object.assign(subscriber, { connected: false, seen_ms: deps.now_ms() })
    for (const id of found.incoming.get(stored.n) ?? []) subscriber.incoming.set(id, Promise.resolve())
    byNumber.set(stored.n, subscriber)
    bounds.add(subscriber)
  }
  const wasConnected = new Set(found.sessions.filter(({ connected }) => connected).map(({ n }) => n))
  for (const grade of GRADES)
    for await (const entry of store.messages(grade))
      fill(entry, grade, {
        byNumber,
        progress: found.progress,
        bounds,
        /** The last `inflight_max` before the crash may have been sent, whether or not that was written. */
        isMaybeSent: (subscriber) =>
          wasConnected.has(subscriber.n) && subscriber.session.messages < limits.inflight_max,
      })
  return { wills: found.wills, last_n: Math.max(0, ...found.sessions.map(({ n }) => n)) }
}

interface Sorted {
  sessions: StoredSession[]
  progress: Map<number, StoredProgress>
  incoming: Map<number, number[]>
  wills: Map<string, StoredWill>
}

function sort(entries: readonly Entry[], log: { warn(details: object, message: string): void }): Sorted {
  const found: Sorted = { sessions: [], progress: new Map(), incoming: new Map(), wills: new Map() }
  for (const { key = '', payload } of entries) {
    const [kind] = key.split('/', 1)
    const rest = key.slice((kind ?? '').length + 1)
    const session = kind === 'session' ? decodeRecord(RECORDS.session, payload) : undefined
    const progress = kind === 'progress' ? decodeRecord(RECORDS.progress, payload) : undefined
    const incoming = kind === 'incoming' ? decodeRecord(RECORDS.incoming, payload) : undefined
    const will = kind === 'will' ? decodeRecord(RECORDS.will, payload) : undefined
    if (session) found.sessions.push(session)
    else if (progress) found.progress.set(Number(rest), progress)
    else if (incoming) found.incoming.set(Number(rest), incoming)
    else if (will) found.wills.set(rest, will)
    else log.warn({ key }, 'a record of a session is not readable and left out')
  }
  return found
}

function fill(
  entry: Entry,
  grade: Grade,
  {
    byNumber,
    progress,
    bounds,
    isMaybeSent,
  }: {
    byNumber: Map<number, Subscriber>
    progress: Map<number, StoredProgress>
    bounds: Bounds
    isMaybeSent: (subscriber: Subscriber) => boolean
  },
): void {
  const decoded = decodeMessage(entry.payload)
  if (!decoded) return
  const message = { topic: entry.topic, payload: decoded.payload, retain: decoded.retain }
  const { position } = entry
  for (const { session: n, ordinal, qos } of decoded.targets) {
    const subscriber = byNumber.get(n)
    if (!subscriber) continue
    const place = progress.get(n)?.[grade]
    if (place && position <= place.floor && !place.open.includes(position)) continue
    const sent = position <= (place?.sent_to ?? 0) || isMaybeSent(subscriber)
    subscriber.session.push({ message, grade, position, qos, ordinal, sent })
    bounds.check(subscriber)
  }
}
