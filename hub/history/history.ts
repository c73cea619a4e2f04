import { LinliError } from '../contract/errors.ts'
import type { Entry, Log } from '../journal/types.ts'
import type { HistoryBackend, Stored } from './types.ts'

/**
 * Feeds the history from the journal's telemetry lane. Its cursor moves only when what it has passed is on disk here, so
 * that a crash repeats readings and loses none; repeated readings are recognised by series and time.
 */

export const HISTORY_CURSOR = 'history'
const LANE = 'telemetry'

export interface HistoryStatus {
  /** What stands in the way now, if anything does. */
  fault: LinliError | undefined
  /** Packs in the journal that are not here yet. */
  behind: number
  /** Readings since the start. */
  added: number
  repeated: number
  unplaced: number
  bytes: number
}

export interface History {
  start(): Promise<void>
  /** Resolves when what was in the journal is here, or cannot be: then `status` says why. */
  flush(): Promise<void>
  readonly backend: HistoryBackend
  status(): HistoryStatus
  close(): Promise<void>
}

export interface HistoryConfig {
  /** Readings gather for so long, so that many share one write; 30 s. Questions do not wait for it. */
  gather_ms?: number
}

const GATHER_MS = 30_000
/** Packs of one transaction: a backlog comes in pieces between which questions are answered. */
const PACKS_MAX = 256
const RETRY_MS = 5_000
/** Between two pieces of housekeeping; each takes tens of milliseconds of the thread. */
const TIDY_PAUSE_MS = 50
const TIDY_EVERY_MS = 60_000

export function createHistory(
  deps: {
    log: Pick<Log, 'cursor' | 'read' | 'last' | 'onCommit'>
    backend: HistoryBackend
    now_ms: () => number
    /** Once per change; undefined: it works again. */
    onFault: (fault: LinliError | undefined) => void
  },
  config: HistoryConfig = {},
): History {
  const { log, backend } = deps
  const gather_ms = config.gather_ms ?? GATHER_MS
  const cursor = log.cursor(HISTORY_CURSOR, [LANE])
  const total = { added: 0, repeated: 0, unplaced: 0, bytes: 0 }
  let fault: LinliError | undefined
  let gathering: ReturnType<typeof setTimeout> | undefined
  let tidyTimer: ReturnType<typeof setTimeout> | undefined
  let draining: Promise<void> | undefined
  let isClosed = false

  const behind = () => log.last(LANE) - cursor.position(LANE)

  function setFault(next: LinliError | undefined): void {
    if (fault?.message === next?.message) return
    fault = next
    deps.onFault(next)
  }

  function wake(after_ms: number): void {
    if (isClosed || gathering !== undefined) return
    gathering = setTimeout(() => {
      gathering = undefined
      void drain()
    }, after_ms)
  }

  /** Never rejects. */
  function drain(): Promise<void> {
    draining ??= drainAll().finally(() => {
      draining = undefined
    })
    return draining
  }

  async function drainAll(): Promise<void> {
    try {
      while (!isClosed && behind() > 0) {
        const before = cursor.position(LANE)
        const entries = await log.read(LANE, before, PACKS_MAX)
        if (entries.length > 0) keep(await backend.append(entries.map(packOf)))
        // Nothing there: evicted before it was here.
        cursor.advance(LANE, entries.at(-1)?.position ?? log.last(LANE))
        setFault(undefined)
      }
    } catch (error) {
      setFault(asFault(error))
      wake(RETRY_MS)
    }
  }

  function keep(stored: Stored): void {
    total.added += stored.added
    total.repeated += stored.repeated
    total.unplaced += stored.unplaced
    total.bytes = stored.bytes
  }

  function tidyAfter(after_ms: number): void {
    if (isClosed) return
    tidyTimer = setTimeout(() => {
      backend.tidy(deps.now_ms()).then(
        (isMore) => tidyAfter(isMore ? TIDY_PAUSE_MS : TIDY_EVERY_MS),
        (error: unknown) => {
          setFault(asFault(error))
          tidyAfter(TIDY_EVERY_MS)
          // A batch that works says that all is well again.
          wake(RETRY_MS)
        },
      )
    }, after_ms)
  }

  const stopListening = log.onCommit((lanes) => {
    if (!lanes.has(LANE)) return
    wake(fault ? RETRY_MS : behind() >= PACKS_MAX ? 0 : gather_ms)
  })

  return {
    backend,
    async start() {
      const { damage } = await backend.open().catch((error: unknown) => {
        setFault(asFault(error))
        return { damage: undefined }
      })
      if (damage !== undefined)
        deps.onFault(new LinliError('HISTORY_DAMAGED', `the history was damaged: ${damage}`, { kind: 'fault' }))
      wake(0)
      tidyAfter(TIDY_EVERY_MS)
    },
    async flush() {
      // One that is under way may have looked before the last entry came.
      await draining
      await drain()
    },
    status: () => ({ fault, behind: behind(), ...total }),
    async close() {
      isClosed = true
      stopListening()
      clearTimeout(gathering)
      clearTimeout(tidyTimer)
      await draining
      await backend.close()
    },
  }
}

/** As text: a view of bytes would take the whole buffer behind it along to the other thread. */
function packOf({ topic, payload, time_ms }: Entry) {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  return { topic, text: bytes.toString('utf8'), arrived_ms: time_ms }
}

function asFault(error: unknown): LinliError {
  if (error instanceof LinliError) return error
  return new LinliError('HISTORY_IO', `the history failed: ${String(error)}`, { kind: 'fault', cause: error })
}
