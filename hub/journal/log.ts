import { LinliError } from '../contract/errors.ts'
import type { Backend, Opened } from './backend.ts'
import { unpack } from './batch.ts'
import { createCursors } from './cursors.ts'
import { createIntake, type Pending } from './intake.ts'
import { ages, type LaneBook, openBook, statsOf } from './lane-book.ts'
import { type ResolvedConfig, resolveConfig } from './log-config.ts'
import { errorOf } from './sqlite-failure.ts'
import { createStreams, type Streams } from './streams.ts'
import type { Entry, JournalCode, LaneConfig, Log, LogConfig, Recovery } from './types.ts'
import { createWriter } from './writer.ts'

export interface LogDeps {
  backend: Backend
  /** An operating fault began or changed: the disk is full, an I/O error, a damaged file, a dead thread. Once per change. */
  onFault?: (fault: LinliError) => void
}

/** How often what is too old is looked for where nothing is appended. */
const AGING_MS = 60_000

/** Opens a log. Rejects with a LinliError: JOURNAL_LOCKED, JOURNAL_IO, JOURNAL_CONFIG. */
export async function createLog({ backend, onFault = () => undefined }: LogDeps, given: LogConfig): Promise<Log> {
  const config = resolveConfig(given)
  const opened = await backend.open({ lanes: config.lanes })
  const books = openBooks(config, opened)
  const listeners = new Set<(lanes: ReadonlySet<string>) => void>()
  const appendListeners = new Set<(entry: Entry, isAlone: boolean) => void>()
  let closed: LinliError | undefined
  let closing: Promise<void> | undefined

  const book = (lane: string): LaneBook => bookOf(books, lane)
  const streams = openStreams(config, opened)
  const cursors = createCursors(
    {
      known: opened.cursors,
      last: (lane) => book(lane).last,
      start: (lane) => startAfter(book(lane).config, opened.recovery),
      onMoved: (isUrgent) => writer.cursorMoved(isUrgent),
      flush: () => writer.flush(),
    },
    { lag_max: config.cursor_lag_max, flush_ms: config.cursor_flush_ms },
  )
  const intake = createIntake(
    {
      lanes: new Map(config.lanes.map((lane) => [lane.name, lane])),
      streams,
      closedBy: () => closed,
      onWaiting: () => writer.wake(),
      onTaken: (entry, isAlone) => tell(appendListeners, (listener) => listener(entry, isAlone)),
      onRefused: (lane) => book(lane).refused++,
    },
    config,
  )
  const writer = createWriter(
    {
      backend,
      books,
      cursors,
      intake,
      streams,
      clock_ms: runningSince(opened.clock_ms),
      onFault,
      onRecovery: (found) => recoveries.add(found),
      onCommit: (lanes) => tell(listeners, (listener) => listener(lanes)),
    },
    config,
    opened.bytes,
  )
  backend.onDeath((reason) => {
    closed = errorOf({ code: 'JOURNAL_IO', message: reason })
    clearInterval(aging)
    writer.stop(closed)
    intake.refuseAll(closed)
    streams.close()
  })
  const recoveries = createRecoveries(streams, onFault)
  if (opened.recovery) recoveries.add(opened.recovery)
  const aging = config.lanes.some(ages) ? setInterval(() => writer.age(), AGING_MS) : undefined

  async function close(): Promise<void> {
    closed ??= fault('JOURNAL_CLOSED', 'the journal is closed')
    clearInterval(aging)
    await writer.finish()
    streams.close()
    await backend.close()
  }

  return {
    lanes: config.lanes,
    append: (append) => intake.add(append),
    read: (lane, after_position, limit) => readLane(backend, () => book(lane), after_position, limit),
    list: (lane) => listLane(backend, book(lane)),
    last: (lane) => book(lane).last,
    cursor(name, lanes) {
      for (const lane of lanes) book(lane)
      return cursors.get(name, lanes)
    },
    forgetCursor: (name) => cursors.forget(name),
    onAppend: (listener) => subscribe(appendListeners, listener),
    onCommit: (listener) => subscribe(listeners, listener),
    stats: () => ({
      lanes: Object.fromEntries([...books].map(([name, found]) => [name, statsOf(found, cursors.all(name))])),
      pending: intake.pending(),
      ...writer.stats(),
      recoveries: recoveries.count(),
    }),
    recovery: () => recoveries.newest(),
    copyTo: (path) => backend.copyTo(path),
    close() {
      closing ??= close()
      return closing
    },
  }
}

function bookOf(books: ReadonlyMap<string, LaneBook>, lane: string): LaneBook {
  const found = books.get(lane)
  if (!found) throw new LinliError('JOURNAL_LANE_UNKNOWN', `the journal has no lane ${lane}`, { kind: 'bug' })
  return found
}

function openStreams(config: ResolvedConfig, opened: Opened): Streams<Pending> {
  return createStreams({ streams_max: config.streams_max, hold_ms: config.stream_hold_ms }, opened.streams)
}

function openBooks(config: ResolvedConfig, opened: Opened): Map<string, LaneBook> {
  const tail = { entries_max: config.tail_entries_max, bytes_max: config.tail_bytes_max }
  const books = new Map<string, LaneBook>()
  for (const lane of config.lanes) {
    const found = opened.lanes[lane.name]
    if (found) books.set(lane.name, openBook(lane, found, tail))
  }
  return books
}

async function readLane(
  backend: Backend,
  book: () => LaneBook,
  after_position: number,
  limit: number,
): Promise<Entry[]> {
  const { config, floor, last, tail } = book()
  const after = Math.max(after_position, floor - 1, 0)
  if (after >= last || limit <= 0) return []
  const recent = tail.read(after, limit)
  if (recent) return recent
  const entries = unpack(await backend.read(config.name, after, limit))
  // Meanwhile some may have been evicted, and others committed that nobody was told of.
  const now = book()
  return entries.filter(({ position }) => position >= now.floor && position <= now.last)
}

async function listLane(backend: Backend, { floor, config }: LaneBook): Promise<Entry[]> {
  const entries = unpack(await backend.list(config.name))
  return config.kind === 'compacted' ? entries : entries.filter((entry) => entry.position >= floor)
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function tell<T>(listeners: Iterable<T>, call: (listener: T) => void): void {
  for (const listener of listeners) {
    try {
      call(listener)
    } catch (error) {
      // A listener's bug is the listener's: it must not stop the hand that writes, nor be hidden.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

/** Running time goes on from where it stood when it was last written down. */
function runningSince(before_ms: number): () => number {
  const opened_ms = performance.now()
  return () => before_ms + performance.now() - opened_ms
}

function createRecoveries(streams: Streams<Pending>, onFault: (fault: LinliError) => void) {
  const all: { newest: Recovery | undefined; count: number } = { newest: undefined, count: 0 }
  return {
    add(found: Recovery): void {
      all.newest = found
      all.count += 1
      streams.rewrite()
      onFault(fault('JOURNAL_DAMAGED', `the journal file was damaged: ${found.message}`))
    },
    newest: () => all.newest,
    count: () => all.count,
  }
}

/** Orders that may have been carried out before the damage are not given to a reader whose place is lost. */
function startAfter(lane: LaneConfig, recovery: Recovery | undefined): number {
  const found = recovery?.lanes[lane.name]
  return found?.isDoubtful && lane.kind === 'queue' && lane.after_damage === 'skip' ? found.to : 0
}

function fault(code: JournalCode, message: string): LinliError {
  return new LinliError(code, message, { kind: 'fault' })
}
