import { statfsSync } from 'node:fs'
import { reasonOf } from '../contract/errors.ts'
import type { Backend, Opened, OpenSpec } from './backend.ts'
import { afterCommit, type DiskPace, firstPlace, type Place } from './disk-pace.ts'
import { type FileStoreConfig, makeFolder } from './file-store.ts'
import { openInline, probeDisk } from './inline-backend.ts'
import { errorOf } from './sqlite-failure.ts'
import { createWorkerBackend } from './worker-backend.ts'

/**
 * The store over a folder, in this thread or in one of its own, whichever suits the disk (`disk-pace.ts`). There is one
 * owner of the database at a time: the next one opens it when the one before has closed it. A hub on a quick disk has no
 * journal thread at all.
 */
export interface FileBackend extends Backend {
  readonly place: Place
}

/** Several times what the reserves and the write-ahead log take together. */
const HANDOVER_BYTES_FREE = 32 * 1024 * 1024

/** @param pace how the first place and the next ones are found; for tests */
export function createFileBackend(
  config: FileStoreConfig,
  pace: { first: typeof firstPlace; after: typeof afterCommit } = { first: firstPlace, after: afterCommit },
): FileBackend {
  let spec: OpenSpec = { lanes: [] }
  let owner: Backend | undefined
  let state: DiskPace = pace.first([], 0)
  /** Where the owner is; differs from `state.place` until a commit has succeeded. */
  let place: Place = 'here'
  let handover: Promise<void> | undefined
  let death: string | undefined
  const deathListeners: ((reason: string) => void)[] = []

  function die(reason: string): void {
    if (death !== undefined) return
    death = reason
    for (const listener of deathListeners) listener(reason)
  }

  function probes(): number[] {
    try {
      makeFolder(config.folder)
      return probeDisk(config.folder)
    } catch {
      // Whoever opens the file says what is wrong.
      return []
    }
  }

  /** Opening a file writes to it: on a disk that is nearly full the owner stays who it is. */
  function hasRoom(): boolean {
    const { bavail, bsize } = statfsSync(config.folder)
    return bavail * bsize >= HANDOVER_BYTES_FREE
  }

  function committed(took_ms: number): void {
    state = pace.after(state, took_ms, performance.now())
  }

  async function openIn(next: Place, isKnown: boolean): Promise<Opened> {
    const made = next === 'here' ? openInline(config, spec.lanes, { isKnown, committed }) : threadOf(isKnown)
    const opened = await made.open(spec)
    owner = made
    place = next
    return opened
  }

  function threadOf(isKnown: boolean): Backend {
    const made = createWorkerBackend(config, { isKnown, committed })
    made.onDeath(die)
    return made
  }

  /** Calls made meanwhile wait for it. When the next owner cannot open the file the one before does again. */
  async function handOver(): Promise<void> {
    const before = place
    const next = state.place
    try {
      await owner?.close()
      owner = undefined
      await openIn(next, true).catch(() => openIn(before, true))
    } catch (error) {
      die(`the journal could not be opened again: ${reasonOf(error)}`)
    } finally {
      state = { ...state, place }
      handover = undefined
    }
  }

  function call<T>(work: (owner: Backend) => Promise<T>): Promise<T> {
    if (handover) return handover.then(() => call(work))
    if (owner && death === undefined) return work(owner)
    return Promise.reject(errorOf({ code: 'JOURNAL_IO', message: death ?? 'the journal is not open' }))
  }

  return {
    get place() {
      return place
    },
    async open(given) {
      spec = given
      state = pace.first(probes(), performance.now())
      return openIn(state.place, false)
    },
    turn: () => owner?.turn() ?? Promise.resolve(),
    async commit(batch, cursors) {
      const outcome = await call((to) => to.commit(batch, cursors))
      // After a failed commit the store has to write everything anew before anybody else may open the file.
      if (outcome.refused === undefined && state.place !== place && !handover && hasRoom()) handover = handOver()
      return outcome
    },
    read: (lane, after_position, limit) => call((from) => from.read(lane, after_position, limit)),
    list: (lane) => call((from) => from.list(lane)),
    tidy: (work) => call((to) => to.tidy(work)),
    shrink: (pages) => call((to) => to.shrink(pages)),
    copyTo: (path) => call((from) => from.copyTo(path)),
    async close() {
      await handover
      await owner?.close()
      owner = undefined
    },
    onDeath: (listener) => deathListeners.push(listener),
  }
}
