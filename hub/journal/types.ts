import type { LinliError } from '../contract/errors.ts'

/**
 * The public face of the durable log: the hub's journal and the gateway's spool are the same thing. One rule: nothing
 * is acknowledged before it is on disk, and nothing leaves the disk before the next holder acknowledged it.
 */

/** Codes of the journal. `JOURNAL_FULL`, `JOURNAL_IO` and `JOURNAL_OVERLOADED` pass by themselves: try again later. */
export const JOURNAL_CODES = {
  JOURNAL_FULL: 'the disk has no room for this lane',
  JOURNAL_IO: 'the disk or the journal thread failed; the append may or may not be on disk, so send it again',
  JOURNAL_OVERLOADED: 'more appends are waiting for the disk than pending_max allows',
  JOURNAL_LOCKED: 'another process has this journal open',
  JOURNAL_DAMAGED: 'the file was damaged; it was set aside whole and what could be read was recovered',
  JOURNAL_CLOSED: 'the journal is closed',
  JOURNAL_APPEND_INVALID:
    'the append names no known lane, or its key, stream, sequence or payload is not allowed there',
  JOURNAL_LANE_UNKNOWN: 'the journal has no lane of this name',
  JOURNAL_CONFIG: 'the configuration of the journal is not usable',
} as const

export type JournalCode = keyof typeof JOURNAL_CODES

/** Bounds of what is held; each that is given holds. */
export interface Retention {
  entries_max?: number
  /** Payloads and topics with 32 bytes for each entry, as they were appended; on the disk they are mostly fewer. */
  bytes_max?: number
  /**
   * Age in milliseconds of running time: the log counts while it is open, on the monotonic clock and over restarts. A
   * wall clock that jumps, or is in 1970 until it is set, must not empty a lane.
   */
  age_ms_max?: number
}

/** A lane of things that happened, kept until every cursor has passed them. */
export interface QueueLane {
  name: string
  kind: 'queue'
  /**
   * `never`: refused only when the disk has no room, reserve included. `oldest`: past a bound the oldest go and
   * are counted; refused as soon as the disk is full, so that the lanes that are never evicted keep the last room.
   * By bytes and age they go in steps of about 1/256 of the bound.
   */
  evict: 'never' | { oldest: Retention }
  /** What is kept for replay after every cursor has passed it: a number of entries, or bounds; nothing when absent. */
  keep?: number | Retention
  /**
   * What a cursor does after damage that may have taken its newest place: `again` (when absent) lets it stand where the
   * file says, so that something may be passed on twice and nothing never; `skip` puts it behind everything that was
   * recovered, for lanes whose entries are orders that must not be carried out a second time.
   */
  after_damage?: 'again' | 'skip'
}

/** A lane of what holds now: at most one entry per key. */
export interface CompactedLane {
  name: string
  kind: 'compacted'
}

/** The order of the lanes is their priority, most urgent first. Names are `[a-z0-9-]{1,40}`. */
export type LaneConfig = QueueLane | CompactedLane

export interface Append {
  lane: string
  topic: string
  payload: Uint8Array
  /** Wall clock, milliseconds since 1970. */
  time_ms: number
  /** Compacted lanes only, and required there. An empty payload deletes the key (MQTT retained semantics). */
  key?: string
  /** With `sequence`: the series within which this lane drops what it already holds, e.g. `gateway:bootid:lane`. */
  stream?: string
  /** Strictly increasing within its stream; gaps are allowed. */
  sequence?: number
  /** Never in a later commit than the append before it: a crash leaves both or neither. For a few at a time. */
  joined?: true
}

export interface Entry extends Append {
  /** From 1, increasing per lane for ever; never given to two entries. */
  position: number
}

export type Appended = { position: number } | { duplicate: true }

/** A named reader's place in some lanes. What it has passed in every lane's cursors may be deleted. */
export interface Cursor {
  readonly name: string
  readonly lanes: readonly string[]
  /** Where the reader stands: everything up to and including this position is done with. 0 before the first. */
  position(lane: string): number
  /** Moves forward in memory at once; a smaller position than the present one is ignored. */
  advance(lane: string, position: number): void
  /** The position that survives a crash; at most `position(lane)`. */
  durable(lane: string): number
  /** Asks for the positions to be made durable now instead of with the next append or timer. Never rejects. */
  flush(): Promise<void>
  /** Called whenever durable positions moved; returns the way to stop listening. */
  onDurable(listener: () => void): () => void
}

export interface LaneStats {
  /** Entries held that a reader could still read. */
  depth: number
  /** Position of the oldest entry held; 0 when empty. */
  first: number
  /** Position of the newest entry ever appended; 0 when there was none. */
  last: number
  /** Entries each cursor has not passed yet, by cursor name (in a compacted lane: positions, an upper bound). */
  lag: Record<string, number>
  /** Entries evicted before every cursor had passed them, over the life of the file. */
  dropped: number
  /** Appends refused since the log was opened. */
  refused: number
  /** What the lane holds counts this much against `bytes_max`; 0 where no bound needs it. */
  bytes: number
}

/** What became of a damaged file. */
export interface Recovery {
  /** What was found, where the file is kept, and what could be read of it. */
  message: string
  lanes: Record<string, RecoveredLane>
}

export interface RecoveredLane {
  /** Entries that could be read. */
  entries: number
  /**
   * Entries or cursors of this lane may be missing, or may be older than what had been acknowledged: what it says is to
   * be done may have been done already.
   */
  isDoubtful: boolean
  /** Positions up to here come from the damaged file. */
  to: number
}

export interface LogStats {
  lanes: Record<string, LaneStats>
  /** Appends waiting for or in a commit. */
  pending: number
  /** Transactions since the log was opened. */
  commits: number
  /** Entries committed since the log was opened. */
  entries: number
  /** Bytes of the database and its write-ahead log as of the last commit. */
  bytes: number
  /** The operating fault that holds now, if any. */
  fault: LinliError | undefined
  /** Damaged files set aside and recovered from since the log was opened, this opening included. */
  recoveries: number
}

export interface Log {
  /** Lanes in priority order. */
  readonly lanes: readonly LaneConfig[]
  /**
   * Resolves only when the entry is on disk (fsync). Rejects with a LinliError: `JOURNAL_FULL`, `JOURNAL_IO`,
   * `JOURNAL_OVERLOADED`, `JOURNAL_CLOSED`, `JOURNAL_APPEND_INVALID`. After a refusal everything queued behind it in
   * its stream is refused too, and for `stream_hold_ms` the stream takes nothing but the refused sequence or an earlier one: a
   * later one, once committed, would make the retry look like a duplicate.
   * The payload must not be changed until the promise settles.
   */
  append(append: Append): Promise<Appended>
  /** Up to `limit` entries after a position, in order. Entries evicted or trimmed in between are simply not there. */
  read(lane: string, after_position: number, limit: number): Promise<Entry[]>
  /** Everything a lane holds, in order; of a compacted lane only keys that hold a value. Not for queue lanes of size. */
  list(lane: string): Promise<Entry[]>
  /** Position of the newest committed entry of a lane, 0 when there was none. */
  last(lane: string): number
  /** The cursor of this name, made at position 0 when it is new; asking again gives the same one. */
  cursor(name: string, lanes: readonly string[]): Cursor
  /** Forgets a cursor for good: it no longer keeps entries from being trimmed. */
  forgetCursor(name: string): void
  /**
   * Called in the turn of each append that is taken, with its entry, which has no position yet and may still be refused;
   * `read` gives this same object while it is among the newest. `isAlone`: nothing else waits for the disk. Returns the way to stop
   * listening.
   */
  onAppend(listener: (entry: Entry, isAlone: boolean) => void): () => void
  /** Called after each commit with the lanes that have new entries; returns the way to stop listening. */
  onCommit(listener: (lanes: ReadonlySet<string>) => void): () => void
  stats(): LogStats
  /** The newest damage since the log was opened, this opening included; undefined when there was none. */
  recovery(): Recovery | undefined
  /**
   * All that is committed, as a journal file of its own at `path`, which must not exist. Appends wait meanwhile: about half a second for
   * 100 MB on a quick disk. Whoever opens it finds a file whose log is gone, and treats it so: positions go on far behind those
   * that may have been given out since, and what it says is to be done is doubtful. Rejects with JOURNAL_IO, JOURNAL_FULL.
   */
  copyTo(path: string): Promise<void>
  /** Writes what is pending and the cursors, shortens the file, ends the thread. Appends after it are refused. */
  close(): Promise<void>
}

export interface LogConfig {
  lanes: LaneConfig[]
  /** Entries of one transaction at most; 512. */
  batch_entries_max?: number
  /** Payload bytes of one transaction at most (a single larger entry goes alone); 4 MiB. */
  batch_bytes_max?: number
  /** Appends waiting at most; 20,000. */
  pending_max?: number
  /** Bytes of one payload at most; 1 MiB. */
  payload_bytes_max?: number
  /** Recent entries of each lane kept in memory for readers; 1,024. */
  tail_entries_max?: number
  /** Payload bytes of the recent entries of each lane at most; 1 MiB. */
  tail_bytes_max?: number
  /** A cursor that moved is on disk after this long at the latest, if the disk works; 500. */
  cursor_flush_ms?: number
  /** A lane this far ahead of its durable cursor makes it durable at once; 256. */
  cursor_lag_max?: number
  /** Entries that nobody needs any more are deleted when there are this many; 1,000. */
  trim_entries?: number
  /** … or when nothing was appended for this long; 2,000. */
  trim_idle_ms?: number
  /** Streams remembered for dropping duplicates, newest use first; 4,096. */
  streams_max?: number
  /** How long a stream that was refused takes only the refused sequence or an earlier one; 1,000. */
  stream_hold_ms?: number
}
