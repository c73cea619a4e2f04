import { DatabaseSync } from 'node:sqlite'
import type { Backend } from './backend.ts'
import type { Reserve } from './reserve.ts'
import { pragma } from './schema.ts'
import { createStore, type Space, type Store } from './store.ts'

/**
 * The same store without a thread, a file or real time: for simulations. The disk outlives the log that writes to it, so
 * a test can kill a log (what it had not committed is gone) and open another one on what is left.
 */
export interface MemoryDisk {
  readonly db: DatabaseSync
  /** `reserve`: full but for the reserves. `last`: but for the one of the most urgent lane. `all`: nothing fits. */
  full: 'no' | 'reserve' | 'last' | 'all'
  /** This many of the next transactions fail with an I/O error. */
  failures: number
  /** Locked while a log has it open. */
  isOpen: boolean
}

export function createMemoryDisk(): MemoryDisk {
  const db = new DatabaseSync(':memory:')
  db.exec('PRAGMA auto_vacuum=INCREMENTAL')
  return { db, full: 'no', failures: 0, isOpen: false }
}

export interface MemoryBackend extends Backend {
  /** As a power cut: nothing is written any more and no promise settles. The disk can be opened again. */
  kill(): void
}

export interface MemoryBackendConfig {
  /** Virtual time of a commit: half before the data is on disk, half before that is known. 0 or absent: none. */
  commit_ms?: number
}

export function createMemoryBackend(disk: MemoryDisk, config: MemoryBackendConfig = {}): MemoryBackend {
  const half_ms = (config.commit_ms ?? 0) / 2
  let store: Store | undefined
  let isKilled = false
  let before: Promise<unknown> = Promise.resolve()

  const wait = (): Promise<void> =>
    half_ms > 0 ? new Promise((resolve) => setTimeout(resolve, half_ms)) : Promise.resolve()
  const never = new Promise<never>(() => undefined)

  /** One at a time and in order, as the thread would. */
  function call<T>(takesTime: boolean, work: (open: Store) => T): Promise<T> {
    const done = before.then(async () => {
      if (takesTime) await wait()
      if (isKilled || !store) return never
      const value = work(store)
      if (takesTime) await wait()
      return isKilled ? never : value
    })
    before = done.catch(() => undefined)
    return done
  }

  return {
    async open(spec) {
      if (disk.isOpen) throw new Error('the memory disk is open already: kill or close the other log first')
      disk.isOpen = true
      store = createStore(disk.db, spec.lanes, spaceOf(disk))
      return store.opened()
    },
    commit: (batch, cursors) => call(true, (open) => open.commit(batch, cursors)),
    read: (lane, after_position, limit) => call(false, (open) => open.read(lane, after_position, limit)),
    list: (lane) => call(false, (open) => open.list(lane)),
    tidy: (work) => call(true, (open) => open.tidy(work)),
    shrink: (pages) => call(false, (open) => open.shrink(pages)),
    copyTo: (path) => call(false, (open) => open.copyTo(path)),
    close: () =>
      call(false, () => {
        disk.isOpen = false
      }),
    onDeath: () => undefined,
    kill() {
      isKilled = true
      disk.isOpen = false
    },
  }
}

function spaceOf(disk: MemoryDisk): Space {
  const entries = memoryReserve(() => disk.full === 'no')
  const first = memoryReserve(() => disk.full === 'no' || disk.full === 'reserve')
  let isTidying = false
  return {
    entries,
    first,
    tidying: {
      release() {
        isTidying = true
        return true
      },
      restore() {
        isTidying = false
        return true
      },
      isHeld: () => !isTidying,
    },
    spare_bytes: 0,
    bytes: () => Number(pragma(disk.db, 'page_count')) * Number(pragma(disk.db, 'page_size')),
    beforeCommit() {
      if (disk.failures > 0) {
        disk.failures -= 1
        throw sqliteError(10, 'disk I/O error')
      }
      const held = { no: false, reserve: entries.isHeld(), last: first.isHeld(), all: true }
      if (held[disk.full] && (disk.full === 'all' || !isTidying)) throw sqliteError(13, 'database or disk is full')
    },
  }
}

/** Held from the start where it can be, given up once, there again when `canHold` says so. */
function memoryReserve(canHold: () => boolean): Reserve {
  let isHeld = canHold()
  return {
    release() {
      const had = isHeld
      isHeld = false
      return had
    },
    restore() {
      isHeld ||= canHold()
      return isHeld
    },
    isHeld: () => isHeld,
  }
}

function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), { errcode })
}
