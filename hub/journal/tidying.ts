import type { Committed, Tidied, TidyWork } from './backend.ts'
import { entryBytes } from './chunk.ts'
import type { Cursors } from './cursors.ts'
import type { Pending } from './intake.ts'
import { deadEntries, type LaneBook, needsLedger, nextTrim, type Readers, raiseFloor } from './lane-book.ts'
import type { Streams } from './streams.ts'
import type { Entry } from './types.ts'

/** What the housekeeping has to do: deleting what nobody can read any more, and folding streams into their table. */
export interface Tidying {
  /** So much has gathered that it is done as soon as no append waits. */
  isPressing(): boolean
  /** So much that it is done before the appends that wait. */
  isOverdue(): boolean
  /** Enough to be worth a transaction when nothing else is to be done; each one wears the card. */
  isWorthIt(): boolean
  /** Evicts and passes what the bounds and the cursors allow by now. */
  raiseFloors(): void
  /** The next step of at most a thousand deletes; with `isOnlyCursors` just the places of the readers. */
  gather(isOnlyCursors: boolean): TidyWork
  /** The step is on disk. */
  done(work: TidyWork, outcome: Tidied): void
  /** It is not. */
  giveBack(work: TidyWork): void
  enterCompacted(compacted: Committed['compacted']): void
  /** An entry was committed. */
  enter(book: LaneBook, entry: Entry): void
}

/** Entries deleted by one transaction at most, so that an append waits for no more than that. */
const TRIM_ENTRIES_MAX = 1000
/** Without trims the streams are folded after this many entries, so that opening reads no more than that. */
const FOLD_ENTRIES = 10_000
/** Times the pressing amount that may gather while appends come without a gap. */
const OVERDUE = 4

interface Deps {
  books: ReadonlyMap<string, LaneBook>
  cursors: Cursors
  streams: Streams<Pending>
  /** Running time of the journal over all its lives. */
  clock_ms(): number
}

export function createTidying({ books, cursors, streams, clock_ms }: Deps, config: { trim_entries: number }): Tidying {
  let entries_since_fold = 0

  const readersOf = (lane: string): Readers => ({
    durable: cursors.slowest(lane),
    memory: cursors.slowestInMemory(lane),
  })
  const deadMost = (): number => Math.max(...[...books.values()].map(deadEntries))

  /** Up to where every cursor has passed the tombstones of a compacted lane. */
  function sweepTo(book: LaneBook): number {
    return book.tombstones === 0 ? 0 : Math.min(cursors.slowest(book.config.name) ?? book.last, book.last)
  }
  const canSweep = (): boolean => [...books.values()].some((book) => sweepTo(book) > book.swept_to)

  function raiseFloors(): void {
    for (const [lane, book] of books) raiseFloor(book, readersOf(lane), clock_ms())
  }

  function enterCompacted(compacted: Committed['compacted']): void {
    for (const [lane, { count, first }] of Object.entries(compacted)) {
      const book = books.get(lane)
      if (book) Object.assign(book, { count, stored_first: first })
    }
  }

  const hasGathered = (times: number): boolean =>
    deadMost() >= times * config.trim_entries || entries_since_fold >= times * FOLD_ENTRIES

  return {
    isPressing: () => hasGathered(1),
    isOverdue: () => hasGathered(OVERDUE),
    isWorthIt: () => deadMost() >= Math.max(1, config.trim_entries / 10) || canSweep(),
    raiseFloors,
    gather(isOnlyCursors) {
      const forgotten_cursors = cursors.takeForgotten()
      const rows = cursors.dirty()
      const work: TidyWork = {
        cursors: rows,
        trims: [],
        tombstones: [],
        streams: [],
        forgotten: [],
        folded: [],
        forgotten_cursors,
      }
      if (isOnlyCursors) return work
      raiseFloors()
      Object.assign(work, streams.takeChanges())
      for (const [lane, book] of books) {
        if (deadEntries(book) > 0) work.trims.push(nextTrim(book, readersOf(lane), TRIM_ENTRIES_MAX))
        if (sweepTo(book) > book.swept_to) work.tombstones.push({ lane, to: sweepTo(book) })
        if (book.last > book.folded) work.folded.push({ lane, last: book.last })
      }
      return work
    },
    done(work, outcome) {
      for (const { lane, to } of work.trims) Object.assign(books.get(lane) ?? {}, { stored_first: to + 1 })
      for (const { lane, last } of work.folded) Object.assign(books.get(lane) ?? {}, { folded: last })
      for (const { lane, to } of work.tombstones) {
        const book = books.get(lane)
        if (book) Object.assign(book, { swept_to: to, tombstones: to >= book.last ? 0 : book.tombstones })
      }
      enterCompacted(outcome.compacted)
      if (work.folded.length > 0) entries_since_fold = 0
    },
    giveBack(work) {
      cursors.giveBack(work.forgotten_cursors)
      streams.giveBack(work)
    },
    enterCompacted,
    enter(book, entry) {
      entries_since_fold += 1
      if (needsLedger(book.config)) book.ledger.add(entry.position, entryBytes(entry), clock_ms())
    },
  }
}
