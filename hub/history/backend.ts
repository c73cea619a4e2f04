import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { HISTORY_FILE, historyError, isDamage, openHistoryFile, openMemory, setAside } from './file.ts'
import { createStore, type Store } from './store.ts'
import type { HistoryBackend, Retention } from './types.ts'

/** The store called directly: in the thread that owns the file, in tests, and in memory. */

export interface StoreBackendConfig {
  /** Absent: in memory. */
  folder?: string
  retention: Retention
}

export function createStoreBackend({ folder, retention }: StoreBackendConfig): HistoryBackend {
  let open: { db: DatabaseSync; store: Store } | undefined

  function opened(): { damage: string | undefined } {
    if (open) return { damage: undefined }
    const { db, damage, bytes } =
      folder === undefined ? { db: openMemory(), damage: undefined, bytes: () => 0 } : openHistoryFile(folder)
    try {
      open = { db, store: createStore(db, retention, bytes) }
    } catch (error) {
      db.close()
      throw error
    }
    return { damage }
  }

  /** Damage met in use: the file goes aside as it is, and the next call begins a new one. */
  function setDamagedAside(error: unknown): LinliError {
    open?.db.close()
    open = undefined
    const aside = folder === undefined ? 'nothing' : setAside(join(folder, HISTORY_FILE))
    const message = `the history was damaged (${reasonOf(error)}); it is kept as ${aside}, and a new one begins`
    return new LinliError('HISTORY_DAMAGED', message, { kind: 'fault', cause: error })
  }

  async function call<T>(work: (store: Store) => T): Promise<T> {
    try {
      const { damage } = opened()
      if (damage !== undefined)
        throw new LinliError('HISTORY_DAMAGED', `the history was damaged: ${damage}`, { kind: 'fault' })
      if (!open) throw new LinliError('HISTORY_CLOSED', 'the history is closed', { kind: 'fault' })
      return work(open.store)
    } catch (error) {
      throw isDamage(error) ? setDamagedAside(error) : historyError(error)
    }
  }

  return {
    async open() {
      try {
        return opened()
      } catch (error) {
        throw historyError(error)
      }
    },
    append: (packs) => call((store) => store.append(packs)),
    tidy: (now_ms) => call((store) => store.tidy(now_ms)),
    series: () => call((store) => store.series()),
    count: (slice) => call((store) => store.count(slice)),
    raw: (slice, after, limit) => call((store) => store.raw(slice, after, limit)),
    buckets: (...asked) => call((store) => store.buckets(...asked)),
    copyTo: (path) => call((store) => store.copyTo(path)),
    async close() {
      open?.db.close()
      open = undefined
    },
  }
}
