import { reasonOf } from '../contract/errors.ts'
import type { Backend, OpenSpec } from './backend.ts'
import { afterCommit, type DiskPace, firstPlace, type Place } from './disk-pace.ts'
import type { FileStoreConfig } from './file-store.ts'
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

  function committed(took_ms: number): void {
    state = pace.after(state, took_ms, performance.now())
  }

  async function thread(isKnown: boolean): Promise<{ made: Backend; opened: ReturnType<Backend['open']> }> {
    const made = createWorkerBackend(config, { isKnown, committed })
    made.onDeath(die)
    return { made, opened: made.open(spec) }
  }

  /** Calls made meanwhile wait for it. */
  async function handOver(): Promise<void> {
    const last = owner
    try {
      await last?.close()
      if (state.place === 'here') owner = openInline(config, spec.lanes, { isKnown: true, committed })
      else {
        const { made, opened } = await thread(true)
        await opened
        owner = made
      }
      place = state.place
    } catch (error) {
      owner = undefined
      die(`the journal could not be opened again: ${reasonOf(error)}`)
    } finally {
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
      const inline = openInline(config, spec.lanes, { isKnown: false, committed })
      const opened = await inline.open(spec)
      state = pace.first(probeDisk(config.folder), performance.now())
      owner = inline
      if (state.place === 'thread') await handOver()
      if (death !== undefined) throw errorOf({ code: 'JOURNAL_IO', message: death })
      return opened
    },
    turn: () => owner?.turn() ?? Promise.resolve(),
    async commit(batch, cursors) {
      const outcome = await call((to) => to.commit(batch, cursors))
      // After a failed commit the store has to write everything anew before anybody else may open the file.
      if (outcome.refused === undefined && state.place !== place && !handover) handover = handOver()
      return outcome
    },
    read: (lane, after_position, limit) => call((from) => from.read(lane, after_position, limit)),
    list: (lane) => call((from) => from.list(lane)),
    tidy: (work) => call((to) => to.tidy(work)),
    shrink: (pages) => call((to) => to.shrink(pages)),
    async close() {
      await handover
      await owner?.close()
      owner = undefined
    },
    onDeath: (listener) => deathListeners.push(listener),
  }
}
