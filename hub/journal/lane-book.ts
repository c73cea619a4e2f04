import type { LaneOpened } from './backend.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createTail, type Tail } from './tail.ts'
import type { LaneConfig, LaneStats, Retention } from './types.ts'

/** What the log knows of one lane without asking the disk. */
export interface LaneBook {
  readonly config: LaneConfig
  readonly tail: Tail
  readonly ledger: Ledger
  /** Newest position on disk. */
  last: number
  /** Oldest position that the file still has to hold. */
  stored_first: number
  /** Oldest position that can be read; what lies before it is evicted or passed by all, and deleted when there is enough of it. */
  floor: number
  /** Up to here the bounds of the lane have evicted. */
  evicted_to: number
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
    ledger: createLedger([evictBounds(config), keepBounds(config)], opened.stretches),
    last: opened.last,
    stored_first: opened.first,
    floor: opened.first,
    evicted_to: 0,
    dropped: opened.dropped,
    refused: 0,
    count: opened.count,
    tombstones: opened.tombstones,
    swept_to: 0,
    folded: 0,
  }
}

function evictBounds(config: LaneConfig): Retention {
  return config.kind === 'compacted' || config.evict === 'never' ? {} : config.evict.oldest
}

function keepBounds(config: LaneConfig): Retention {
  if (config.kind === 'compacted') return {}
  return typeof config.keep === 'object' ? config.keep : { entries_max: config.keep ?? 0 }
}

/** Whether bytes or age of what the lane holds matter. */
export function needsLedger(config: LaneConfig): boolean {
  return [evictBounds(config), keepBounds(config)].some(
    ({ bytes_max, age_ms_max }) => bytes_max !== undefined || age_ms_max !== undefined,
  )
}

/** Whether time alone may let entries go. */
export function ages(config: LaneConfig): boolean {
  return [evictBounds(config), keepBounds(config)].some(({ age_ms_max }) => age_ms_max !== undefined)
}

/** Where the cursors of a lane stand. */
export interface Readers {
  /** Undefined: the lane has no cursor. */
  durable: number | undefined
  memory: number
}

/** Evicts and passes what the bounds and the readers allow by now. */
export function raiseFloor(book: LaneBook, readers: Readers, now_ms: number): void {
  const { config, ledger } = book
  if (config.kind === 'compacted') return
  if (config.evict !== 'never')
    book.evicted_to = Math.max(book.evicted_to, ledger.firstWithin(config.evict.oldest, book.last, now_ms) - 1)
  book.dropped += Math.max(0, book.evicted_to - Math.max(book.floor - 1, readers.memory))
  const { durable = 0 } = readers
  const kept_from = durable === 0 ? 0 : Math.min(durable + 1, ledger.firstWithin(keepBounds(config), durable, now_ms))
  book.floor = Math.max(book.floor, book.evicted_to + 1, kept_from)
  ledger.forget(book.floor)
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
  const counted_and_left = Math.max(0, book.evicted_to - Math.max(to, readers.memory))
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
    bytes: needsLedger(book.config) ? book.ledger.bytesFrom(book.floor) : 0,
  }
}
