import type { DatabaseSync } from 'node:sqlite'
import { reasonOf } from '../contract/errors.ts'
import type { Committed, CursorRow, Failure, Tidied, TidyWork } from './backend.ts'
import type { Batch } from './batch.ts'
import type { Known } from './recover.ts'
import { emptyWal, markInUse } from './schema.ts'
import { errorOf, failureOf, isDamage } from './sqlite-failure.ts'
import { createStore, type Space, type Store } from './store.ts'
import type { LaneConfig, Recovery } from './types.ts'

/**
 * Stands between the store and the log while the disk misbehaves. After an I/O error nothing is written before everything has
 * been written anew; a file that turns out to be damaged is replaced under the running log.
 */
export interface FileStore extends Store {
  close(): void
}

interface Deps {
  lanes: readonly LaneConfig[]
  space: Space
  open(): { db: DatabaseSync; recovery?: Recovery }
  /** Opens the same file again. Throws as SQLite does. */
  reopen(): DatabaseSync
  /** Sets the file aside and makes a new one of what can be read. `db`: the open connection to it, if there is one. */
  replace(db: DatabaseSync | undefined, why: string, known: Known): { db: DatabaseSync; recovery: Recovery }
}

export function createKeeper({ lanes, space, open, reopen, replace }: Deps): FileStore {
  const opened = open()
  let db: DatabaseSync | undefined = opened.db
  let store = storeOn(opened.db, opened.recovery)
  /** An I/O error happened: what the page cache shows may not be on the disk. */
  let suspect: Failure | undefined
  /** Not told to the log yet. */
  let untold: Recovery | undefined
  const first = store.opened()
  const last = new Map(Object.entries(first.lanes).map(([lane, found]) => [lane, found.last]))
  const cursors = new Map(first.cursors.map((row) => [idOf(row), row]))

  function storeOn(connection: DatabaseSync, recovery?: Recovery): Store {
    try {
      return createStore(connection, lanes, space, recovery)
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /**
   * A failed fsync leaves pages that read as written and are not, and the next fsync says nothing of them. On the old
   * connection, which knows the last good commit, everything up to it goes into the file and is fsynced, and the log with
   * the failed commit in it is emptied; then the file is opened anew. Returns why not, if not.
   */
  function heal(): Failure | undefined {
    if (!suspect) return undefined
    try {
      if (db) {
        emptyWal(db)
        const old = db
        db = undefined
        old.close()
      }
      db = reopen()
      store = storeOn(db)
      suspect = undefined
    } catch (error) {
      if (isDamage(error)) return renew(reasonOf(error))
      suspect = failureOf(error)
      return suspect
    }
    return undefined
  }

  /** The damaged file is replaced by what can be read of it. Returns why not, if not. */
  function renew(why: string): Failure | undefined {
    const old = db
    db = undefined
    try {
      const renewed = replace(old, why, { last, cursors: [...cursors.values()] })
      db = renewed.db
      store = storeOn(renewed.db)
      suspect = undefined
      untold = renewed.recovery
      return undefined
    } catch (error) {
      suspect = { code: 'JOURNAL_IO', message: `the damaged file could not be replaced: ${reasonOf(error)}` }
      return suspect
    }
  }

  /** Does it, once more when the file had to be replaced. */
  function perform<T extends Committed | Tidied>(
    work: () => T,
    failureIn: (outcome: T) => Failure | undefined,
    refusal: (why: Failure) => T,
  ): T {
    const unhealed = heal()
    if (unhealed) return refusal(unhealed)
    let outcome = tried(work, refusal)
    let failure = failureIn(outcome)
    if (failure?.code === 'JOURNAL_DAMAGED') {
      const unable = renew(failure.message)
      outcome = unable ? refusal(unable) : tried(work, refusal)
      failure = failureIn(outcome)
    }
    if (failure && failure.code !== 'JOURNAL_FULL') suspect ??= failure
    const recovery = untold
    untold = undefined
    return recovery ? { ...outcome, recovery } : outcome
  }

  function tried<T>(work: () => T, refusal: (why: Failure) => T): T {
    try {
      return work()
    } catch (error) {
      return refusal(failureOf(error))
    }
  }

  function reading<T>(work: () => T): T {
    try {
      if (!db) throw new Error(suspect?.message ?? 'the journal is not open')
      return work()
    } catch (error) {
      if (!isDamage(error) || renew(reasonOf(error))) throw error
      return work()
    }
  }

  const noRoomKnown = { compacted: {}, low_space: false }

  return {
    opened: () => first,
    commit(batch: Batch, rows: CursorRow[]) {
      const outcome = perform(
        () => store.commit(batch, rows),
        ({ refused }) => refused?.failure,
        (failure): Committed => ({ refused: { lanes: lanesOf(batch), failure }, ...noRoomKnown, bytes: space.bytes() }),
      )
      const refused = new Set(outcome.refused?.lanes)
      const written = lanesOf(batch).filter((lane) => !refused.has(lane))
      batch.position.forEach((position, place) => {
        const lane = batch.lanes[batch.lane[place] ?? 0] ?? ''
        if (written.includes(lane)) last.set(lane, position)
      })
      if (written.length > 0) for (const row of rows) cursors.set(idOf(row), row)
      return outcome
    },
    tidy(work: TidyWork) {
      const outcome = perform(
        () => store.tidy(work),
        ({ failure }) => failure,
        (failure): Tidied => ({ failure, ...noRoomKnown, free_pages: 0, bytes: space.bytes() }),
      )
      if (outcome.failure) return outcome
      for (const row of work.cursors) cursors.set(idOf(row), row)
      for (const name of work.forgotten_cursors)
        for (const [id, row] of cursors) if (row.name === name) cursors.delete(id)
      return outcome
    },
    read: (lane, after_position, limit) => reading(() => store.read(lane, after_position, limit)),
    list: (lane) => reading(() => store.list(lane)),
    shrink(pages) {
      // It must not touch a log that holds a commit which failed.
      if (suspect) return { free_pages: 0, bytes: space.bytes() }
      return store.shrink(pages)
    },
    copyTo(path) {
      if (suspect || !db) throw errorOf(suspect ?? { code: 'JOURNAL_IO', message: 'the journal is not open' })
      try {
        store.copyTo(path)
      } catch (error) {
        throw errorOf(failureOf(error))
      }
    },
    close() {
      if (!db) return
      // With a failed commit in the log the next opening settles what is there.
      if (!suspect) tryMark(db)
      db.close()
      db = undefined
    },
  }
}

function tryMark(db: DatabaseSync): void {
  try {
    markInUse(db, false)
  } catch {
    // Not marked as closed: the next opening finds the log in its place and asks for no more.
  }
}

function lanesOf(batch: Batch): string[] {
  return [...new Set(batch.lane)].map((index) => batch.lanes[index] ?? '')
}

function idOf({ name, lane }: CursorRow): string {
  return `${lane}/${name}`
}
