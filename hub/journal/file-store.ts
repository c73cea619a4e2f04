import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { salvage, setAside } from './recover.ts'
import { createReserve } from './reserve.ts'
import { pragma, setUp } from './schema.ts'
import { isBusy, isDamage } from './sqlite-failure.ts'
import { createStore, type Space, type Store } from './store.ts'
import type { LaneConfig } from './types.ts'

/** A store in a folder of its own. */

export const DATABASE_FILE = 'journal.db'
/**
 * Room for the housekeeping on a full disk: the write-ahead log (2 MiB, see schema.ts) must fit into the database file before
 * it can be used again, and one delete of a thousand entries beside it.
 */
const TIDYING_BYTES = 2_560 * 1024

export interface FileStoreConfig {
  folder: string
  /** Room kept back for lanes that are never evicted; 0 for none (and none for housekeeping either). */
  reserve_bytes: number
}

/** An open store. */
export interface FileStore {
  store: Store
  close(): void
  /** One commit that changes nothing, to see how long the disk takes for it. */
  writeOnce(): void
}

/**
 * Throws a LinliError: JOURNAL_LOCKED, JOURNAL_IO or JOURNAL_CONFIG.
 * @param given.isChecked this process had it open until now: it is not read through again
 */
export function openFileStore(
  config: FileStoreConfig,
  lanes: readonly LaneConfig[],
  given: { isChecked?: boolean } = {},
): FileStore {
  const path = join(config.folder, DATABASE_FILE)
  try {
    makeFolder(config.folder)
    const { db, damage } = openOrRecover(path, lanes, given.isChecked === true)
    try {
      const store = createStore(db, lanes, spaceOf(config, path), damage)
      const version = Number(pragma(db, 'user_version'))
      // Written also when it is the same: page 1, one frame of the write-ahead log, one fsync.
      return { store, close: () => db.close(), writeOnce: () => db.exec(`PRAGMA user_version=${version}`) }
    } catch (error) {
      db.close()
      throw error
    }
  } catch (error) {
    throw named(error, config.folder)
  }
}

/** SQLite fsyncs the folder its files are in; that the folder itself is there after a power cut is up to us. */
function makeFolder(folder: string): void {
  const first_made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (first_made === undefined) return
  const top = dirname(resolve(first_made))
  for (let made = resolve(folder); made !== top; made = dirname(made)) {
    const parent = openSync(dirname(made), 'r')
    fsyncSync(parent)
    closeSync(parent)
  }
}

function openOrRecover(
  path: string,
  lanes: readonly LaneConfig[],
  isChecked: boolean,
): { db: DatabaseSync; damage: string | undefined } {
  try {
    return { db: openSound(path, isChecked), damage: undefined }
  } catch (error) {
    if (!isDamage(error)) throw error
    const aside = setAside(path)
    const db = openSound(path, false)
    return { db, damage: `${reasonOf(error)}; the file is kept as ${aside}; ${salvage(aside, db, lanes)}` }
  }
}

/** Throws SQLite's corrupt error also when the check finds what no statement has met yet. */
function openSound(path: string, isChecked: boolean): DatabaseSync {
  const isTrusted = isChecked || !existsSync(path)
  const db = new DatabaseSync(path)
  try {
    setUp(db)
    const verdict = isTrusted ? 'ok' : pragma(db, 'quick_check(1)')
    if (verdict !== 'ok') throw Object.assign(new Error(String(verdict)), { errcode: 11 })
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function spaceOf(config: FileStoreConfig, path: string): Space {
  const tidying_bytes = config.reserve_bytes === 0 ? 0 : TIDYING_BYTES
  return {
    entries: createReserve(join(config.folder, 'reserve-entries'), config.reserve_bytes),
    tidying: createReserve(join(config.folder, 'reserve-tidying'), tidying_bytes),
    spare_bytes: config.reserve_bytes,
    bytes: () => sizeOf(path) + sizeOf(`${path}-wal`),
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

function named(error: unknown, folder: string): LinliError {
  if (isBusy(error)) {
    const message = `another process has the journal in ${folder} open: stop it first, or give this one its own folder`
    return new LinliError('JOURNAL_LOCKED', message, { kind: 'caller', cause: error })
  }
  const known = error instanceof LinliError ? error : undefined
  const message = `the journal in ${folder} cannot be opened: ${reasonOf(error)}`
  return new LinliError(known?.code ?? 'JOURNAL_IO', message, { kind: known?.kind ?? 'fault', cause: error })
}
