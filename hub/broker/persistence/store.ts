import type { Append, Appended, Entry, LaneConfig, Log } from '../../journal/types.ts'
import { TELEMETRY_ENTRIES_MAX } from './limits.ts'
import { encodeMessage, encodeRecord, type Target } from './records.ts'
import type { Grade } from './session.ts'

/**
 * Where sessions outlive the process: lanes of the hub's journal. A message that persistent sessions want lies there once
 * for all of them, in the commit of the message itself.
 */

export const SESSION_LANE = 'session'
const MESSAGE_LANES: Record<Grade, string> = {
  alarm: 'session-alarm',
  state: 'session-state',
  telemetry: 'session-telemetry',
}
const CURSOR = 'sessions'

/** Most urgent first; the hub's lanes that they stand beside are in between. */
export const SESSION_LANES: Record<'records' | Grade, LaneConfig> = {
  records: { name: SESSION_LANE, kind: 'compacted' },
  alarm: { name: MESSAGE_LANES.alarm, kind: 'queue', evict: 'never' },
  state: { name: MESSAGE_LANES.state, kind: 'queue', evict: 'never' },
  telemetry: {
    name: MESSAGE_LANES.telemetry,
    kind: 'queue',
    evict: { oldest: { entries_max: TELEMETRY_ENTRIES_MAX } },
  },
}

export interface StoredMessage {
  topic: string
  payload: Uint8Array
  retain: boolean
  time_ms: number
  /** What makes it the same message again. */
  stream?: string
  sequence?: number
}

export interface SessionStore {
  append(append: Append): Promise<Appended>
  /** `joined`: in one transaction with the append before it. */
  message(grade: Grade, targets: readonly Target[], message: StoredMessage, joined: boolean): Promise<Appended>
  /** Undefined deletes. */
  record(key: string, value: unknown, joined?: boolean): Promise<void>
  /** Nobody needs what lies up to here. */
  advance(grade: Grade, position: number): void
  last(lane: 'records' | Grade): number
  records(): Promise<Entry[]>
  /** Everything still kept, oldest first. */
  messages(grade: Grade): AsyncIterable<Entry>
}

const READ_ENTRIES = 1_000

export function journalStore(log: Log, now_ms: () => number): SessionStore {
  const cursor = log.cursor(CURSOR, Object.values(MESSAGE_LANES))
  const laneOf = (lane: 'records' | Grade): string => (lane === 'records' ? SESSION_LANE : MESSAGE_LANES[lane])
  return {
    append: (append) => log.append(append),
    message(grade, targets, { topic, payload, retain, time_ms, stream, sequence }, joined) {
      return log.append({
        lane: MESSAGE_LANES[grade],
        topic,
        payload: encodeMessage(targets, retain, payload),
        time_ms,
        ...(joined ? { joined } : {}),
        ...(stream === undefined || sequence === undefined ? {} : { stream, sequence }),
      })
    },
    async record(key, value, joined = false) {
      const payload = encodeRecord(value)
      await log.append({
        lane: SESSION_LANE,
        topic: SESSION_LANE,
        key,
        payload,
        time_ms: now_ms(),
        ...(joined ? { joined } : {}),
      })
    },
    advance: (grade, position) => cursor.advance(MESSAGE_LANES[grade], position),
    last: (lane) => log.last(laneOf(lane)),
    records: () => log.list(SESSION_LANE),
    async *messages(grade) {
      const lane = MESSAGE_LANES[grade]
      for (let at = cursor.position(lane), last = log.last(lane); at < last; ) {
        const entries = await log.read(lane, at, READ_ENTRIES)
        yield* entries
        at = entries.at(-1)?.position ?? last
      }
    },
  }
}

/** Keeps nothing: sessions last as long as the process. */
export function volatileStore(): SessionStore {
  const last = new Map<string, number>()
  const next = (lane: string): number => {
    const position = (last.get(lane) ?? 0) + 1
    last.set(lane, position)
    return position
  }
  return {
    append: async ({ lane }) => ({ position: next(lane) }),
    message: async (grade) => ({ position: next(grade) }),
    async record() {
      next('records')
    },
    advance: () => undefined,
    last: (lane) => last.get(lane) ?? 0,
    records: async () => [],
    async *messages() {},
  }
}
