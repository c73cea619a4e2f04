import type { LinliError } from '../contract/errors.ts'
import type { Backend, Committed, Tidied } from './backend.ts'
import { pack } from './batch.ts'
import type { Cursors } from './cursors.ts'
import type { Intake, Pending } from './intake.ts'
import type { LaneBook } from './lane-book.ts'
import type { ResolvedConfig } from './log-config.ts'
import { errorOf } from './sqlite-failure.ts'
import type { Streams } from './streams.ts'
import { createTidying } from './tidying.ts'
import type { LogStats, Recovery } from './types.ts'

/**
 * The one hand that writes: commits of what waits, and between them the housekeeping. One step at a time, so that what
 * arrives while a step runs goes into the next one together.
 */
export interface Writer {
  /** Something waits. */
  wake(): void
  cursorMoved(isUrgent: boolean): void
  flush(): Promise<void>
  /** Writes all there is, then stops. */
  finish(): Promise<void>
  /** Time has passed: what is too old by now goes when there is time for it. */
  age(): void
  /** The backend is gone. */
  stop(why: LinliError): void
  stats(): Pick<LogStats, 'commits' | 'entries' | 'bytes' | 'fault'>
}

interface Deps {
  backend: Backend
  books: ReadonlyMap<string, LaneBook>
  cursors: Cursors
  intake: Intake
  streams: Streams<Pending>
  onFault(fault: LinliError): void
  onCommit(lanes: ReadonlySet<string>): void
  /** The damaged file was replaced under the running log. */
  onRecovery(recovery: Recovery): void
  clock_ms(): number
}

/** Empty pages given back to the file system in one step, and those that are kept for reuse (256 KiB). */
const SHRINK_PAGES = 512
const FREE_PAGES_KEPT = 256

type Step = 'commit' | 'tidy' | 'flush' | 'shrink'

export function createWriter(deps: Deps, config: ResolvedConfig, bytes_at_open: number): Writer {
  const { backend, books, cursors, intake } = deps
  const tidying = createTidying(deps, config)
  const laneNames = [...books.keys()]
  let bytes = bytes_at_open
  let commits = 0
  let entries = 0
  let fault: LinliError | undefined
  let stopped = false
  /** Unknown until the first housekeeping. */
  let free_pages = 0
  let running: Promise<void> | undefined
  let isFlushWanted = false
  let flushWaiters: (() => void)[] = []
  /** Nothing has been appended for a while: time for what can wait. */
  let isIdle = false
  /** A housekeeping failed: not again before the timer. */
  let isTidyBlocked = false
  let lastStep: Step | undefined
  let cursorTimer: ReturnType<typeof setTimeout> | undefined
  let idleTimer: ReturnType<typeof setTimeout> | undefined

  function report(next: LinliError | undefined): void {
    const isChange = next !== undefined && next.code !== fault?.code
    fault = next
    if (isChange) deps.onFault(next)
  }

  function nextStep(): Step | undefined {
    if (stopped) return undefined
    const mayTidy = !isTidyBlocked && lastStep !== 'tidy'
    // An append does not wait for housekeeping, unless it never leaves a gap and the file would grow without end.
    if (mayTidy && tidying.isOverdue()) return 'tidy'
    if (!isTidyBlocked && isFlushWanted && lastStep === 'commit' && fault) return 'flush'
    if (intake.waiting() > 0) return 'commit'
    if (isTidyBlocked) return undefined
    if (tidying.isPressing()) return 'tidy'
    if (isFlushWanted) return 'flush'
    if (!isIdle) return undefined
    if (tidying.isWorthIt()) return 'tidy'
    return free_pages > FREE_PAGES_KEPT ? 'shrink' : undefined
  }

  async function run(): Promise<void> {
    // What is appended in the same turn goes together.
    await Promise.resolve()
    for (let step = nextStep(); step; step = nextStep()) {
      if (step === 'commit') await commit(intake.take())
      else if (step === 'shrink') await shrink()
      else await tidy(step)
      lastStep = step
      await Promise.resolve()
    }
    lastStep = undefined
    isIdle = false
  }

  function wake(): void {
    if (running || stopped) return
    running = run().finally(() => {
      running = undefined
      if (nextStep()) wake()
      else armIdleTimer()
    })
  }

  async function commit(batch: Pending[]): Promise<void> {
    isIdle = false
    const next = new Map(laneNames.map((lane) => [lane, books.get(lane)?.last ?? 0]))
    for (const { entry } of batch) {
      entry.position = (next.get(entry.lane) ?? 0) + 1
      next.set(entry.lane, entry.position)
    }
    const rows = isFlushWanted ? cursors.dirty() : cursors.due()
    let outcome: Committed
    try {
      outcome = await backend.commit(
        pack(
          laneNames,
          batch.map(({ entry }) => entry),
        ),
        rows,
      )
    } catch (error) {
      const why = errorOf({ code: 'JOURNAL_IO', message: error instanceof Error ? error.message : String(error) })
      report(why)
      intake.settle(batch, () => why)
      return
    }
    commits += 1
    bytes = outcome.bytes
    if (outcome.recovery) deps.onRecovery(outcome.recovery)
    const refused = new Set(outcome.refused?.lanes)
    const error = outcome.refused ? errorOf(outcome.refused.failure) : undefined
    const written = enter(batch, refused, outcome.compacted)
    if (written.size > 0) cursorsWritten(rows)
    tidying.raiseFloors()
    if (error) report(error)
    else if (!outcome.low_space) report(undefined)
    intake.settle(batch, (lane) => (refused.has(lane) ? error : undefined))
    if (written.size > 0) deps.onCommit(written)
  }

  /** Enters what is on disk now into the books; returns the lanes that have new entries. */
  function enter(
    batch: readonly Pending[],
    refused: ReadonlySet<string>,
    compacted: Committed['compacted'],
  ): Set<string> {
    const written = new Set<string>()
    for (const { entry } of batch) {
      const book = books.get(entry.lane)
      if (!book || refused.has(entry.lane)) continue
      book.last = entry.position
      tidying.enter(book, entry)
      book.tail.push(entry)
      if (book.config.kind === 'compacted' && entry.payload.length === 0) book.tombstones += 1
      written.add(entry.lane)
      entries += 1
    }
    tidying.enterCompacted(compacted)
    return written
  }

  function cursorsWritten(rows: ReturnType<Cursors['dirty']>): void {
    if (rows.length > 0) cursors.written(rows)
    if (cursors.isDirty()) return
    clearTimeout(cursorTimer)
    cursorTimer = undefined
    flushed()
  }

  function flushed(): void {
    isFlushWanted = false
    const waiters = flushWaiters
    flushWaiters = []
    for (const resolve of waiters) resolve()
  }

  /** `flush` writes the cursors; `tidy` deletes and folds as well. */
  async function tidy(step: 'tidy' | 'flush'): Promise<void> {
    const work = tidying.gather(step === 'flush')
    let outcome: Tidied | undefined
    try {
      outcome = await backend.tidy(work)
    } catch {
      // Only when the backend is gone, which is reported on its own.
    }
    commits += 1
    if (outcome?.recovery) deps.onRecovery(outcome.recovery)
    if (!outcome || outcome.failure) {
      tidying.giveBack(work)
      if (outcome?.failure) report(errorOf(outcome.failure))
      isTidyBlocked = true
      flushed()
      armCursorTimer()
      return
    }
    bytes = outcome.bytes
    free_pages = outcome.free_pages
    tidying.done(work, outcome)
    cursorsWritten(work.cursors)
    tidying.raiseFloors()
    if (!outcome.low_space && fault?.code === 'JOURNAL_FULL') report(undefined)
  }

  async function shrink(): Promise<void> {
    const pages_before = free_pages
    try {
      const outcome = await backend.shrink(SHRINK_PAGES)
      bytes = outcome.bytes
      free_pages = outcome.free_pages < pages_before ? outcome.free_pages : 0
    } catch {
      free_pages = 0
    }
  }

  function armCursorTimer(): void {
    if (cursorTimer || stopped) return
    cursorTimer = setTimeout(() => {
      cursorTimer = undefined
      isTidyBlocked = false
      if (!cursors.isDirty()) return
      isFlushWanted = true
      wake()
    }, config.cursor_flush_ms)
  }

  function armIdleTimer(): void {
    if (idleTimer || stopped || !(tidying.isWorthIt() || free_pages > FREE_PAGES_KEPT)) return
    const commits_then = commits
    idleTimer = setTimeout(() => {
      idleTimer = undefined
      if (commits !== commits_then) return armIdleTimer()
      isIdle = true
      wake()
    }, config.trim_idle_ms)
  }

  function halt(): void {
    stopped = true
    clearTimeout(cursorTimer)
    clearTimeout(idleTimer)
    flushed()
  }

  tidying.raiseFloors()
  armIdleTimer()

  return {
    wake,
    cursorMoved(isUrgent) {
      armCursorTimer()
      if (!isUrgent) return
      isFlushWanted = true
      wake()
    },
    flush() {
      if (stopped || !cursors.isDirty()) return Promise.resolve()
      isFlushWanted = true
      return new Promise((resolve) => {
        flushWaiters.push(resolve)
        wake()
      })
    },
    async finish() {
      while (running) await running
      if (stopped) return
      stopped = true
      await tidy('tidy')
      halt()
    },
    age() {
      tidying.raiseFloors()
      armIdleTimer()
    },
    stop(why) {
      report(why)
      halt()
    },
    stats: () => ({ commits, entries, bytes, fault }),
  }
}
