import type { DatabaseSync } from 'node:sqlite'
import { LinliError } from '../contract/errors.ts'
import { fromVersion1 } from './migrate.ts'
import type { LaneConfig } from './types.ts'

/** The tables of a journal file; the README says how to read one by hand. */

export const APPLICATION_ID = 0x4c4e4c49 // "LNLI"
/** 2: queue lanes hold what one commit brought in one row. 1: a row for each entry; `migrate.ts` takes it over. */
const SCHEMA_VERSION = 2

/**
 * 1,024-byte pages: a commit of one event writes about a third less than with SQLite's 4,096 (measured: 5.9 against
 * 8.9 kB), which is what wears an SD card out. Must be set, as auto_vacuum, before the first table.
 */
const PAGE_BYTES = 1024
/**
 * The write-ahead log is copied into the file at this size, by the commit that reaches it: a pause of some milliseconds.
 * With twice SQLite's 1,000 the pages that housekeeping frees and appends use again are copied once instead of twice.
 */
const WAL_PAGES = 2000
/** Beyond what the last commit before a copy may add, so that the file is neither shortened nor made longer at each copy. */
const WAL_BYTES_MAX = 3 * 1024 * 1024

/** Compacted lanes; and queue lanes of version 1. */
export const tableOf = (lane: string): string => `"lane_${lane}"`
export const queueTable = (lane: string): string => `"queue_${lane}"`

/** Sets up a connection. Throws SQLite's own errors: busy when another process has the file, corrupt when it is none. */
export function setUp(db: DatabaseSync): void {
  // Exclusive: a second process is refused, and there is no shared-memory file to fall over on a full disk. First of all,
  // because any question to the file would make one.
  db.exec('PRAGMA locking_mode=EXCLUSIVE')
  // Only on a new file: on any other these would write, and a damaged one must stay as it was found.
  if (pragma(db, 'page_count') === 0) db.exec(`PRAGMA page_size=${PAGE_BYTES}; PRAGMA auto_vacuum=INCREMENTAL`)
  db.exec('PRAGMA journal_mode=WAL')
  // FULL, not NORMAL: only FULL fsyncs the write-ahead log at every commit.
  db.exec('PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4096')
  db.exec(`PRAGMA wal_autocheckpoint=${WAL_PAGES}; PRAGMA journal_size_limit=${WAL_BYTES_MAX}`)
  // Takes the lock now instead of at the first append.
  db.exec('BEGIN EXCLUSIVE; COMMIT')
}

/** Makes what is missing. Throws JOURNAL_CONFIG when a lane changed its kind or the file is of another program. */
export function makeTables(db: DatabaseSync, lanes: readonly LaneConfig[]): void {
  const version = Number(pragma(db, 'user_version'))
  const owner = Number(pragma(db, 'application_id'))
  if (version > SCHEMA_VERSION || (owner !== 0 && owner !== APPLICATION_ID)) {
    throw config(`the file is not a journal of this version (application ${owner}, version ${version})`)
  }
  db.exec('BEGIN IMMEDIATE')
  try {
    if (version === 1) fromVersion1(db)
    if (version < SCHEMA_VERSION)
      db.exec(`PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${SCHEMA_VERSION}`)
    db.exec(`
      CREATE TABLE IF NOT EXISTS lane (
        name TEXT PRIMARY KEY, kind TEXT NOT NULL, last INTEGER NOT NULL, dropped INTEGER NOT NULL, folded INTEGER NOT NULL,
        floor INTEGER NOT NULL DEFAULT 1, clock_ms INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS stream (
        lane TEXT NOT NULL, name TEXT NOT NULL, highest INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (lane, name)
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS cursor (
        name TEXT NOT NULL, lane TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (name, lane)
      ) WITHOUT ROWID;`)
    for (const lane of lanes) makeLane(db, lane)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function makeLane(db: DatabaseSync, lane: LaneConfig): void {
  const known = db.prepare('SELECT kind FROM lane WHERE name = ?').get(lane.name)
  if (known && known.kind !== lane.kind) {
    throw config(`lane ${lane.name} is a ${known.kind} lane in the file and cannot become ${lane.kind}`)
  }
  if (known) return
  db.prepare('INSERT INTO lane (name, kind, last, dropped, folded) VALUES (?, ?, 0, 0, 0)').run(lane.name, lane.kind)
  if (lane.kind === 'queue') {
    makeQueue(db, lane.name)
    return
  }
  db.exec(`CREATE TABLE IF NOT EXISTS ${tableOf(lane.name)} (
    position INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT, stream TEXT, sequence INTEGER,
    payload BLOB NOT NULL)`)
  db.exec(`CREATE UNIQUE INDEX "key_${lane.name}" ON ${tableOf(lane.name)} (key)`)
}

/** A row for each commit: positions `first` to `last`, what they count against `bytes_max`, when on the journal's clock. */
export function makeQueue(db: DatabaseSync, lane: string): void {
  db.exec(`CREATE TABLE IF NOT EXISTS ${queueTable(lane)} (
    last INTEGER PRIMARY KEY, first INTEGER NOT NULL, bytes INTEGER NOT NULL, at_ms INTEGER NOT NULL, data BLOB NOT NULL)`)
}

/**
 * Empties the write-ahead log into the file, all of it written and fsynced anew, and shortens it to nothing. The file says
 * `in_use` whenever its log holds something: a log that is then missing was lost, not closed. Throws when the disk fails.
 */
export function emptyWal(db: DatabaseSync): void {
  markInUse(db, false)
  checkpoint(db, 'TRUNCATE')
  markInUse(db, true)
  checkpoint(db, 'PASSIVE')
}

/** Throws also when SQLite was kept from finishing it without calling that an error. */
export function checkpoint(db: DatabaseSync, mode: 'PASSIVE' | 'RESTART' | 'TRUNCATE'): void {
  const row = db.prepare(`PRAGMA wal_checkpoint(${mode})`).get()
  if (row && (Number(row.busy) !== 0 || Number(row.log) !== Number(row.checkpointed)))
    throw new Error('the write-ahead log could not be written into the file')
}

export function markInUse(db: DatabaseSync, isInUse: boolean): void {
  db.prepare("INSERT INTO file VALUES ('in_use', ?) ON CONFLICT DO UPDATE SET value = excluded.value").run(+isInUse)
}

/** False also for a file of an earlier version, which did not say. */
export function isInUse(db: DatabaseSync): boolean {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'file'").get()
  return table !== undefined && db.prepare("SELECT value FROM file WHERE name = 'in_use'").get()?.value === 1
}

function config(message: string): LinliError {
  return new LinliError('JOURNAL_CONFIG', message, { kind: 'caller' })
}

export function pragma(db: DatabaseSync, name: string): unknown {
  const row = db.prepare(`PRAGMA ${name}`).get()
  return row ? Object.values(row)[0] : undefined
}
