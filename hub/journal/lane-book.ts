import type { LaneOpened } from './backend.ts'
import { createTail, type Tail } from './tail.ts'
import type { LaneConfig, LaneStats } from './types.ts'

/** What the log knows of one lane without asking the disk. */
export interface LaneBook {
  readonly config: LaneConfig
  readonly tail: Tail
  /** Newest position on disk. */
  last: number
  /** Oldest position in the file. */
  stored_first: number
  /** Oldest position that can be read; what lies before it is evicted or passed by all, and deleted when there is enough of it. */
  floor: number
  dropped: number
  refused: number
  /** Compacted lanes, tombstones included. */
  count: number
  tombstones: number
  /** Up to here they have been deleted. */
  swept_to: number
  /** `last` as written by the last fold. */
  folded: number
}

export function openBook(
  config: LaneConfig,
  opened: LaneOpened,
  tail: { entries_max: number; bytes_max: number },
): LaneBook {
  return {
    config,
    tail: createTail({ ...tail, isCompacted: config.kind === 'compacted' }, opened.last),
    last: opened.last,
    stored_first: opened.first,
    floor: opened.first,
    dropped: opened.dropped,
    refused: 0,
    count: opened.count,
    tombstones: opened.tombstones,
    swept_to: 0,
    folded: 0,
  }
}

/** Where the cursors of a lane stand. */
export interface Readers {
  /** Undefined: the lane has no cursor. */
  durable: number | undefined
  memory: number
}

/** Evicts and passes what the bounds and the readers allow by now. */
export function raiseFloor(book: LaneBook, readers: Readers): void {
  if (book.config.kind === 'compacted') return
  const evict_to = evictedTo(book)
  book.dropped += Math.max(0, evict_to - Math.max(book.floor - 1, readers.memory))
  const passed_to = readers.durable === undefined ? 0 : readers.durable - (book.config.keep ?? 0)
  book.floor = Math.max(book.floor, evict_to + 1, passed_to + 1)
}

function evictedTo(book: LaneBook): number {
  if (book.config.kind === 'compacted' || book.config.evict === 'never') return 0
  return book.last - book.config.evict.oldest.entries_max
}

/** Entries in the file that nobody can read any more. */
export function deadEntries(book: LaneBook): number {
  return book.config.kind === 'compacted' ? 0 : book.floor - book.stored_first
}

/** The next delete, of at most `entries_max`; `dropped` is what the counter must say once exactly this is gone. */
export function nextTrim(
  book: LaneBook,
  readers: Readers,
  entries_max: number,
): { lane: string; to: number; dropped: number } {
  const to = Math.min(book.floor - 1, book.stored_first - 1 + entries_max)
  const counted_and_left = Math.max(0, evictedTo(book) - Math.max(to, readers.memory))
  return { lane: book.config.name, to, dropped: book.dropped - counted_and_left }
}

export function statsOf(book: LaneBook, cursors: readonly { name: string; position: number }[]): LaneStats {
  const isCompacted = book.config.kind === 'compacted'
  const depth = isCompacted ? book.count : book.last - book.floor + 1
  const passed = (position: number): number => Math.max(position, isCompacted ? 0 : book.floor - 1)
  return {
    depth,
    first: depth === 0 ? 0 : isCompacted ? book.stored_first : book.floor,
    last: book.last,
    lag: Object.fromEntries(cursors.map(({ name, position }) => [name, book.last - passed(position)])),
    dropped: book.dropped,
    refused: book.refused,
  }
}
