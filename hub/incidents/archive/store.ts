import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { isDamage, pragma, setAside, transaction } from '../../history/file.ts'
import type { Incident, StoryEntry } from '../types.ts'
import { ARCHIVE_FILE, type Archive, type Archived, GOAL_MS, type IncidentFilter, type MonthCounts } from './types.ts'

/** Closed incidents in SQLite. A narrow table answers lists and counts; what there is to read of each stands beside it. */

const APPLICATION_ID = 0x4c4e4c49 // "LNLI"
const SCHEMA_VERSION = 1

const TABLES = `
  CREATE TABLE IF NOT EXISTS incident (
    number INTEGER PRIMARY KEY, month TEXT NOT NULL, status TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL,
    cause TEXT NOT NULL, device TEXT, building TEXT, team TEXT, raised_ms INTEGER NOT NULL, took_ms INTEGER);
  CREATE INDEX IF NOT EXISTS incident_device ON incident (device, number, raised_ms);
  CREATE INDEX IF NOT EXISTS incident_status ON incident (status, number, raised_ms);
  CREATE INDEX IF NOT EXISTS incident_kind ON incident (kind, number, raised_ms);
  CREATE INDEX IF NOT EXISTS incident_cause ON incident (cause, number, raised_ms);
  CREATE INDEX IF NOT EXISTS incident_raised ON incident (raised_ms);
  CREATE INDEX IF NOT EXISTS incident_month ON incident (month, status, took_ms);
  CREATE TABLE IF NOT EXISTS detail (number INTEGER PRIMARY KEY, incident TEXT NOT NULL, story TEXT NOT NULL);`

/** @param folder absent: in memory */
export function createArchive(folder?: string): Archive {
  let db: DatabaseSync | undefined
  const path = folder === undefined ? undefined : join(folder, ARCHIVE_FILE)

  function opened(): { damage: string | undefined } {
    if (db) return { damage: undefined }
    if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 })
    try {
      db = openSound(path)
      return { damage: undefined }
    } catch (error) {
      if (!isDamage(error) || path === undefined) throw error
      const aside = setAside(path)
      db = openSound(path)
      return { damage: `${reasonOf(error)}; the file is kept as ${aside}` }
    }
  }

  /** Damage met in use: the file goes aside as it is, and the next call begins a new one. */
  async function call<T>(work: (open: DatabaseSync) => T): Promise<T> {
    try {
      const { damage } = opened()
      if (damage !== undefined) throw new Error(`the archive was damaged: ${damage}`)
      return work(db as DatabaseSync)
    } catch (error) {
      if (isDamage(error) && path !== undefined) {
        db?.close()
        db = undefined
        if (existsSync(path)) setAside(path)
      }
      throw archiveError(error)
    }
  }

  return {
    async open() {
      try {
        return opened()
      } catch (error) {
        throw archiveError(error)
      }
    },
    put: (closed) =>
      call((open) =>
        transaction(open, () => {
          for (const one of closed) put(open, one)
        }),
      ),
    page: (...asked) => call((open) => page(open, ...asked)),
    count(filter) {
      const { where, values } = clauses(filter, null)
      return call((open) => Number(open.prepare(`SELECT count(*) AS n FROM incident ${where}`).get(...values)?.n ?? 0))
    },
    get: (id) => call((open) => get(open, id)),
    months: (from, to) => call((open) => months(open, from, to)),
    last: () => call((open) => Number(open.prepare('SELECT max(number) AS n FROM incident').get()?.n ?? 0)),
    copyTo: (copy) => call((open) => void open.prepare('VACUUM INTO ?').run(copy)),
    async close() {
      db?.close()
      db = undefined
    },
  }
}

function archiveError(error: unknown): LinliError {
  if (error instanceof LinliError) return error
  const message = `the archive of incidents: ${reasonOf(error)}`
  return new LinliError('INCIDENT_ARCHIVE', message, { kind: 'fault', cause: error })
}

function openSound(path: string | undefined): DatabaseSync {
  const db = new DatabaseSync(path ?? ':memory:')
  try {
    db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4096')
    const owner = Number(pragma(db, 'application_id'))
    const version = Number(pragma(db, 'user_version'))
    if ((owner !== 0 && owner !== APPLICATION_ID) || version > SCHEMA_VERSION)
      throw new Error(`${path} is of another program or a newer linli (version ${version}); move it away`)
    db.exec(`PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${SCHEMA_VERSION}; BEGIN; ${TABLES} COMMIT`)
    for (const table of ['incident', 'detail']) db.prepare(`SELECT * FROM ${table} LIMIT 1`).all()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function put(db: DatabaseSync, { incident, story, month }: Archived & { month: string }): void {
  const { number, status, kind, source, cause, device, place, team, raised, reached } = incident
  const resolved = reached.resolved
  const took_ms = resolved ? resolved.run_ms - raised.run_ms : null
  const at = place?.building ?? null
  db.prepare('INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
    ...[number, month, status, kind, source, cause, device ?? null, at, team ?? null, raised.wall_ms, took_ms],
  )
  db.prepare('INSERT OR REPLACE INTO detail VALUES (?, ?, ?)').run(
    number,
    JSON.stringify(incident),
    JSON.stringify(story),
  )
}

function page(db: DatabaseSync, filter: IncidentFilter, before: number | null, limit: number): Incident[] {
  const { where, values } = clauses(filter, before)
  const chosen = `SELECT number FROM incident ${where} ORDER BY number DESC LIMIT ?`
  const rows = db
    .prepare(`SELECT incident FROM detail WHERE number IN (${chosen}) ORDER BY number DESC`)
    .all(...values, limit)
  return rows.map((row) => JSON.parse(String(row.incident)) as Incident)
}

function get(db: DatabaseSync, id: string): Archived | undefined {
  const row = /^\d{1,15}$/.test(id) ? db.prepare('SELECT * FROM detail WHERE number = ?').get(Number(id)) : undefined
  if (!row) return undefined
  return {
    incident: JSON.parse(String(row.incident)) as Incident,
    story: JSON.parse(String(row.story)) as StoryEntry[],
  }
}

function months(db: DatabaseSync, from: string, to: string): MonthCounts[] {
  const rows = db
    .prepare(
      `SELECT month, count(*) AS raised, sum(status = 'false-alarm') AS falseAlarms, sum(took_ms IS NOT NULL) AS resolved,
        sum(took_ms <= ?) AS inTime, sum(status = 'answered') AS answered
      FROM incident WHERE month >= ? AND month <= ? GROUP BY month ORDER BY month`,
    )
    .all(GOAL_MS, from, to)
  return rows.map(({ month, ...counts }) => {
    const numbers = Object.entries(counts).map(([name, value]) => [name, Number(value ?? 0)])
    return { month: String(month), ...Object.fromEntries(numbers) } as MonthCounts
  })
}

function clauses(filter: IncidentFilter, before: number | null): { where: string; values: SQLInputValue[] } {
  const { status, from_ms, to_ms, ...equal } = filter
  const found: Array<[string, SQLInputValue[]]> = Object.entries(equal).flatMap(([column, value]) =>
    value === undefined ? [] : [[`${column} = ?`, [value]]],
  )
  if (status) found.push([`status IN (${status.map(() => '?').join()})`, [...status]])
  if (from_ms !== undefined) found.push(['raised_ms >= ?', [from_ms]])
  if (to_ms !== undefined) found.push(['raised_ms < ?', [to_ms]])
  if (before !== null) found.push(['number < ?', [before]])
  const where = found.length === 0 ? '' : `WHERE ${found.map(([clause]) => clause).join(' AND ')}`
  return { where, values: found.flatMap(([, values]) => values) }
}
