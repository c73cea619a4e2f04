import type { Batch } from './batch.ts'
import type { Stretch } from './ledger.ts'
import type { LaneConfig, Recovery } from './types.ts'

/**
 * What the log asks of the thing that holds the database: a store called directly or in a worker thread, and the same
 * store in memory in virtual time. Calls are answered in the order they were made.
 */

export interface OpenSpec {
  lanes: readonly LaneConfig[]
}

export interface LaneOpened {
  /** Oldest position held; `last + 1` when the lane is empty. */
  first: number
  last: number
  count: number
  dropped: number
  /** Compacted lanes: keys that wait for their deletion. */
  tombstones: number
  /** Queue lanes with a bound of bytes or age: what they hold, oldest first. */
  stretches: Stretch[]
}

export interface StreamRow {
  lane: string
  name: string
  highest: number
}

export interface CursorRow {
  name: string
  lane: string
  position: number
}

export interface Opened {
  lanes: Record<string, LaneOpened>
  /** Of the stream table and of the entries it does not cover yet; least recently used first. */
  streams: { folded: StreamRow[]; unfolded: StreamRow[] }
  cursors: CursorRow[]
  bytes: number
  /** Running time of the journal over all its lives, as of the last time it was written down. */
  clock_ms: number
  /** What was found damaged and what became of it. */
  recovery: Recovery | undefined
}

/** An error on its way between threads. */
export interface Failure {
  code: 'JOURNAL_FULL' | 'JOURNAL_IO' | 'JOURNAL_LOCKED' | 'JOURNAL_CONFIG' | 'JOURNAL_DAMAGED'
  message: string
}

export interface Committed {
  /** Lanes of the batch of which nothing was written; the others are on disk. */
  refused: { lanes: string[]; failure: Failure } | undefined
  /** Compacted lanes of the batch: how many entries they hold now, tombstones included, and the oldest position. */
  compacted: Record<string, { count: number; first: number }>
  /** The reserve is given up: lanes that may evict are refused until it could be made again. */
  low_space: boolean
  bytes: number
  /** The file was found damaged and replaced meanwhile: what the log knows of cursors and streams has to be written again. */
  recovery?: Recovery
}

export interface TidyWork {
  cursors: CursorRow[]
  /** Queue lanes: delete up to and including `to`; write the counters that must outlive the entries. */
  trims: { lane: string; to: number; dropped: number }[]
  /** Compacted lanes: delete the empty entries up to and including `to`. */
  tombstones: { lane: string; to: number }[]
  /** Streams whose highest sequence moved since the last tidy, least recently used first. */
  streams: StreamRow[]
  forgotten: { lane: string; name: string }[]
  /** Everything up to `last` of these lanes is covered by the stream rows above and by earlier ones. */
  folded: { lane: string; last: number }[]
  forgotten_cursors: string[]
}

export interface Tidied {
  failure: Failure | undefined
  compacted: Record<string, { count: number; first: number }>
  /** Pages in the file that hold nothing. */
  free_pages: number
  low_space: boolean
  bytes: number
  recovery?: Recovery
}

export interface Shrunk {
  free_pages: number
  bytes: number
}

export interface Backend {
  /** Rejects with a LinliError: JOURNAL_LOCKED, JOURNAL_IO, JOURNAL_CONFIG. */
  open(spec: OpenSpec): Promise<Opened>
  /** One transaction, on disk when it resolves. Rejects (JOURNAL_IO) only when the backend itself is gone. */
  commit(batch: Batch, cursors: CursorRow[]): Promise<Committed>
  read(lane: string, after_position: number, limit: number): Promise<Batch>
  /** All entries of a lane; of a compacted one those that are not empty. */
  list(lane: string): Promise<Batch>
  tidy(work: TidyWork): Promise<Tidied>
  /** Gives up to `pages` empty pages back to the file system and shortens the write-ahead log. */
  shrink(pages: number): Promise<Shrunk>
  /** Writes all that is committed into a new file; nothing else is done meanwhile. Rejects with JOURNAL_IO or JOURNAL_FULL. */
  copyTo(path: string): Promise<void>
  close(): Promise<void>
  /** Called once when the backend ends without having been closed. */
  onDeath(listener: (reason: string) => void): void
}
