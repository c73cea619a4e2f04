import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { HistoryCode } from './types.ts'

/** The history's SQLite file: how it is opened, what is in it, and what its errors mean. */

export const HISTORY_FILE = 'history.db'
const APPLICATION_ID = 0x4c4e4c48 // "LNLH"
const SCHEMA_VERSION = 1
/** A live commit touches a few pages for some dozens of readings: small pages wear out an SD card less. */
const PAGE_BYTES = 1024
/** The write-ahead log is copied into the file at this size: pages that are written again and again are copied once. */
const WAL_PAGES = 4_000
const WAL_BYTES_MAX = 6 * 1024 * 1024
const PARTS = ['', '-wal', '-shm']

/** Result codes of SQLite (https://www.sqlite.org/rescode.html), of which the primary part counts. */
const BUSY = 5
const CORRUPT = 11
const FULL = 13
const NOTADB = 26

const ROLLUP = 'good INTEGER NOT NULL, total INTEGER NOT NULL, sum REAL NOT NULL, sum_y REAL NOT NULL, lo REAL, hi REAL'

/**
 * Readings come for all series at once and are asked for one series at a time. Ordered by series, every reading would
 * write a page of its own (12 kB each, measured); ordered by time, a year of one series would read everybody's. So what
 * is new is ordered by time (`reading`, `minute_new`, `hour_new`), and finished rollups are folded into tables by series.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, quantity TEXT NOT NULL, unit TEXT NOT NULL, UNIQUE (device, quantity, unit));
  CREATE TABLE IF NOT EXISTS reading (
    t_ms INTEGER NOT NULL, series INTEGER NOT NULL, value REAL, quality INTEGER NOT NULL, reason TEXT,
    PRIMARY KEY (t_ms, series)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS minute_new (t_ms INTEGER NOT NULL, series INTEGER NOT NULL, ${ROLLUP}, PRIMARY KEY (t_ms, series)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hour_new (t_ms INTEGER NOT NULL, series INTEGER NOT NULL, ${ROLLUP}, PRIMARY KEY (t_ms, series)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS minute (t_ms INTEGER NOT NULL, series INTEGER NOT NULL, ${ROLLUP}, PRIMARY KEY (series, t_ms)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hour (t_ms INTEGER NOT NULL, series INTEGER NOT NULL, ${ROLLUP}, PRIMARY KEY (series, t_ms)) WITHOUT ROWID;`

/** Merges a rollup with the one that is there. */
export const MERGE = `ON CONFLICT DO UPDATE SET good = good + excluded.good, total = total + excluded.total,
  sum = sum + excluded.sum, sum_y = sum_y + excluded.sum_y,
  lo = min(coalesce(lo, excluded.lo), coalesce(excluded.lo, lo)), hi = max(coalesce(hi, excluded.hi), coalesce(excluded.hi, hi))`

export interface OpenFile {
  db: DatabaseSync
  damage: string | undefined
  bytes(): number
}

/** Opens or makes the file; a damaged one is renamed with everything beside it, whole. Throws HISTORY_LOCKED or HISTORY_IO. */
export function openHistoryFile(folder: string): OpenFile {
  const path = join(folder, HISTORY_FILE)
  const bytes = () => sizeOf(path) + sizeOf(`${path}-wal`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return { db: openSound(path), damage: undefined, bytes }
  } catch (error) {
    if (codeOf(error) !== CORRUPT && codeOf(error) !== NOTADB) throw historyError(error)
    try {
      const aside = setAside(path)
      return { db: openSound(path), damage: `${reasonOf(error)}; the file is kept as ${aside}`, bytes }
    } catch (second) {
      throw historyError(second)
    }
  }
}

export function openMemory(): DatabaseSync {
  const db = new DatabaseSync(':memory:')
  // As a file: pages that nobody gives back would be tidied for ever.
  db.exec('PRAGMA auto_vacuum=INCREMENTAL')
  db.exec(TABLES)
  return db
}

/** A whole check of a file of gigabytes takes minutes, so that a start looks only at what it needs; the rest is found in use. */
function openSound(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  try {
    if (pragma(db, 'page_count') === 0) db.exec(`PRAGMA page_size=${PAGE_BYTES}; PRAGMA auto_vacuum=INCREMENTAL`)
    db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY')
    db.exec(
      `PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=${WAL_PAGES}; PRAGMA journal_size_limit=${WAL_BYTES_MAX}`,
    )
    const owner = Number(pragma(db, 'application_id'))
    const version = Number(pragma(db, 'user_version'))
    if ((owner !== 0 && owner !== APPLICATION_ID) || version > SCHEMA_VERSION)
      throw new Error(`${path} is no history of this version (application ${owner}, version ${version}); move it away`)
    db.exec(
      `BEGIN EXCLUSIVE; PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${SCHEMA_VERSION}; ${TABLES} COMMIT`,
    )
    for (const table of ['series', 'reading', 'minute_new', 'hour_new', 'minute', 'hour'])
      db.prepare(`SELECT * FROM ${table} LIMIT 1`).all()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

export function setAside(path: string): string {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '')}`
  for (const part of PARTS) if (existsSync(path + part)) renameSync(path + part, aside + part)
  return aside
}

/** -1: not an error of SQLite. */
function codeOf(error: unknown): number {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return -1
  return error.errcode & 0xff
}

export const isDamage = (error: unknown): boolean => codeOf(error) === CORRUPT || codeOf(error) === NOTADB

export function historyError(error: unknown): LinliError {
  if (error instanceof LinliError) return error
  const made = (code: HistoryCode, message: string) => new LinliError(code, message, { kind: 'fault', cause: error })
  if (codeOf(error) === FULL)
    return made('HISTORY_FULL', 'the disk is full: free some room, the history goes on by itself')
  if (codeOf(error) === BUSY) return made('HISTORY_LOCKED', 'another process has this history open: stop it first')
  return made('HISTORY_IO', `the history could not be read or written: ${reasonOf(error)}`)
}

export function pragma(db: DatabaseSync, name: string): unknown {
  const row = db.prepare(`PRAGMA ${name}`).get()
  return row ? Object.values(row)[0] : undefined
}

/** All or nothing. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
