import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { createKeeper, type FileStore } from './keeper.ts'
import { type Known, salvage, setAside } from './recover.ts'
import { createReserve } from './reserve.ts'
import { checkpoint, emptyWal, isInUse, makeTables, markInUse, pragma, setUp } from './schema.ts'
import { damaged, isBusy, isDamage } from './sqlite-failure.ts'
import type { Space } from './store.ts'
import type { LaneConfig, Recovery } from './types.ts'
import { inspectWal } from './wal.ts'

/** A store in a folder of its own. */

export const DATABASE_FILE = 'journal.db'
/**
 * Room for the housekeeping on a full disk: the write-ahead log (2 MiB, see schema.ts) must fit into the database file before
 * it can be used again, and one delete of a thousand entries beside it.
 */
const TIDYING_BYTES = 2_560 * 1024

export interface FileStoreConfig {
  folder: string
  /** Room kept back for lanes that are never evicted, half as much again for the first; 0 for none (nor for housekeeping). */
  reserve_bytes: number
}

/** Throws a LinliError: JOURNAL_LOCKED, JOURNAL_IO or JOURNAL_CONFIG. */
export function openFileStore(config: FileStoreConfig, lanes: readonly LaneConfig[]): FileStore {
  const path = join(config.folder, DATABASE_FILE)
  const space = spaceOf(config, path)
  try {
    makeFolder(config.folder)
    return createKeeper({
      lanes,
      space,
      open: () => openOrRecover(path, config.folder, lanes),
      reopen: () => openSound(path, lanes, false),
      replace: (db, why, known) => replace(path, db, lanes, why, known),
    })
  } catch (error) {
    throw named(error, config.folder)
  }
}

/** SQLite fsyncs the folder its files are in; that the folder itself is there after a power cut is up to us. */
function makeFolder(folder: string): void {
  const first_made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (first_made === undefined) return
  const top = dirname(resolve(first_made))
  for (let made = resolve(folder); made !== top; made = dirname(made)) fsyncPath(dirname(made))
}

function fsyncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

interface Opened {
  db: DatabaseSync
  recovery?: Recovery
}

function openOrRecover(path: string, folder: string, lanes: readonly LaneConfig[]): Opened {
  const lost = whatIsLost(path, folder)
  if (lost === undefined) {
    try {
      return { db: openSound(path, lanes, true) }
    } catch (error) {
      if (!isDamage(error)) throw error
      return begunAnew(path, lanes, reasonOf(error), { isTailLost: error instanceof TailLost })
    }
  }
  return begunAnew(path, lanes, lost, { isTailLost: true })
}

/** What must be known before SQLite opens the file: it would take an empty one for new, and a broken log for its end. */
function whatIsLost(path: string, folder: string): string | undefined {
  const wal = inspectWal(`${path}-wal`)
  if (wal.kind === 'broken') return wal.why
  const bytes = statSync(path, { throwIfNoEntry: false })?.size
  if (bytes !== undefined && bytes > 0) return undefined
  if (wal.kind === 'sound')
    return `there is a write-ahead log, and the file it belongs to is ${bytes === 0 ? 'empty' : 'gone'}`
  if (bytes === 0) return 'the file is empty'
  const traces = readdirSync(folder).filter(
    (name) => name.startsWith('reserve-') || name.startsWith(`${basename(path)}.`),
  )
  return traces.length > 0 ? `the file is gone (and there is ${traces.sort()[0]})` : undefined
}

function begunAnew(
  path: string,
  lanes: readonly LaneConfig[],
  why: string,
  what: { isTailLost: boolean; known?: Known },
): { db: DatabaseSync; recovery: Recovery } {
  const aside = setAside(path)
  fsyncPath(dirname(path))
  const db = new DatabaseSync(path)
  try {
    setUp(db)
    const recovery = salvage(aside, db, lanes, why, what)
    markInUse(db, true)
    return { db, recovery }
  } catch (error) {
    db.close()
    throw error
  }
}

class TailLost extends Error {
  readonly errcode = 11
}

/** Throws SQLite's corrupt error also when the check finds what no statement has met yet. */
function openSound(path: string, lanes: readonly LaneConfig[], isChecked: boolean): DatabaseSync {
  const isNew = !existsSync(path)
  const hadWal = inspectWal(`${path}-wal`).kind !== 'empty'
  const db = new DatabaseSync(path)
  try {
    setUp(db)
    const verdict = isNew || !isChecked ? 'ok' : pragma(db, 'quick_check(1)')
    if (verdict !== 'ok') throw damaged(String(verdict))
    if (!hadWal && isInUse(db)) throw new TailLost('the write-ahead log is gone: what was acknowledged last is missing')
    makeTables(db, lanes)
    settle(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * What a killed process had written and not fsynced, or what an fsync that failed has left in the page cache, reads like what
 * is on disk. Before anything of it is called known, all of it is written and fsynced anew.
 */
function settle(db: DatabaseSync, path: string): void {
  try {
    emptyWal(db)
  } catch (error) {
    if (isDamage(error)) throw error
    // A full disk cannot take everything into the file; the log as it is can still be fsynced.
    fsyncPath(`${path}-wal`)
    fsyncPath(path)
  }
}

/** At run time: renamed first, so that closing the old connection leaves the new file alone. */
function replace(
  path: string,
  db: DatabaseSync | undefined,
  lanes: readonly LaneConfig[],
  why: string,
  known: Known,
): { db: DatabaseSync; recovery: Recovery } {
  const aside = setAside(path)
  try {
    db?.close()
  } catch {
    // Damaged: whatever it could not write is in the log that was set aside with it.
  }
  fsyncPath(dirname(path))
  const fresh = new DatabaseSync(path)
  try {
    setUp(fresh)
    const recovery = salvage(aside, fresh, lanes, why, { isTailLost: false, known })
    markInUse(fresh, true)
    checkpoint(fresh, 'PASSIVE')
    return { db: fresh, recovery }
  } catch (error) {
    fresh.close()
    throw error
  }
}

function spaceOf(config: FileStoreConfig, path: string): Space {
  const { folder, reserve_bytes } = config
  return {
    entries: createReserve(join(folder, 'reserve-entries'), reserve_bytes),
    first: createReserve(join(folder, 'reserve-first'), Math.floor(reserve_bytes / 2)),
    tidying: createReserve(join(folder, 'reserve-tidying'), reserve_bytes === 0 ? 0 : TIDYING_BYTES),
    spare_bytes: reserve_bytes,
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
