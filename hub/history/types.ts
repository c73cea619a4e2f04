import type { ReadingQuality, ReadingReason } from '../contract/park-sensor.ts'

/** The words of the history: what it holds, and what it is asked. */

/** Codes of the history. */
export const HISTORY_CODES = {
  HISTORY_QUERY: 'the question has a field that is missing or not allowed',
  HISTORY_SERIES_UNKNOWN: 'there are no readings of this device and quantity',
  HISTORY_TOO_LARGE: 'the answer would be larger than one answer may be',
  HISTORY_FULL: 'the disk is full: the history waits, and goes on by itself',
  HISTORY_IO: 'the disk or the thread of the history failed; it tries again',
  HISTORY_LOCKED: 'another process has this history open',
  HISTORY_DAMAGED: 'the file was damaged; it was set aside whole and a new one begun',
  HISTORY_CLOSED: 'the history is closed',
} as const
export type HistoryCode = keyof typeof HISTORY_CODES

/** One value of one quantity at one moment. */
export interface Reading {
  /** Path of the device: `linli/v1/…/{class}/{device}`. */
  device: string
  quantity: string
  /** SenML unit; empty when the pack has none. */
  unit: string
  /** Epoch ms. */
  t_ms: number
  /** Null: no number. */
  value: number | null
  quality: ReadingQuality
  /** Why it is not good, where that is said. */
  reason: ReadingReason | null
}

export interface Series {
  id: number
  device: string
  quantity: string
  unit: string
}

export interface RawReading {
  series: number
  t_ms: number
  value: number | null
  quality: ReadingQuality
  reason: ReadingReason | null
}

/** `direction`: degrees, with a vector mean. `counter`: what was counted since the reading before, which is added up. */
export type SeriesKind = 'gauge' | 'direction' | 'counter'

/** Readings of one stretch of time. Without a good one there is no number. */
export interface Bucket {
  /** Its begin, epoch ms. */
  t_ms: number
  min: number | null
  mean: number | null
  max: number | null
  /** Of counters: everything counted. */
  sum?: number | null
  /** Good readings. */
  count: number
  /** Good readings ÷ all readings; null without any. */
  good: number | null
}

export type RollupBase = 'minute' | 'hour'
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000
export const BASE_MS: Record<RollupBase, number> = { minute: MINUTE_MS, hour: HOUR_MS }

/** How long what is kept, ms. Hours are kept for ever. */
export interface Retention {
  raw_ms: number
  minute_ms: number
}
export const RETENTION: Retention = { raw_ms: 30 * DAY_MS, minute_ms: 365 * DAY_MS }

/** An entry of the journal's telemetry lane, as the history takes it in. */
export interface Pack {
  topic: string
  /** The payload, JSON. */
  text: string
  /** When the hub took it, epoch ms. */
  arrived_ms: number
}

export interface Stored {
  /** Readings that were not there yet. */
  added: number
  /** Readings that were there already. */
  repeated: number
  /** Readings that have no place: older than the raw readings kept, from a day that is not yet, or from a clock never set. */
  unplaced: number
  /** Bytes of the database and its write-ahead log. */
  bytes: number
}

/** Which raw readings, oldest first; `to_ms` is not among them. */
export interface Slice {
  from_ms: number
  to_ms: number
  /** Absent: of all series. */
  series?: number[]
}

/** What the history asks of the thing that holds its file: a thread in a process, the same store called directly in tests. */
export interface HistoryBackend {
  /** What became of a damaged file, if there was one. Rejects with HISTORY_LOCKED or HISTORY_IO. */
  open(): Promise<{ damage: string | undefined }>
  /** One transaction, on disk when it resolves. Rejects with HISTORY_FULL or HISTORY_IO, nothing of it kept. */
  append(packs: Pack[]): Promise<Stored>
  /** Folds, lets go of what is too old and shortens the file, a bounded piece at a time; true: there is more to do. */
  tidy(now_ms: number): Promise<boolean>
  series(): Promise<Series[]>
  count(slice: Slice): Promise<number>
  /** Up to `limit` readings behind the last one of the page before. */
  raw(slice: Slice, after: { t_ms: number; series: number } | null, limit: number): Promise<RawReading[]>
  /** Buckets of `step_ms` (whole multiples of the base) from `from_ms`; those without readings are not there. */
  buckets(series: number, base: RollupBase, from_ms: number, to_ms: number, step_ms: number): Promise<Bucket[]>
  /** A whole copy of the file, in a new one; meanwhile nothing else is answered. */
  copyTo(path: string): Promise<void>
  close(): Promise<void>
}
