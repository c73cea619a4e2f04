import { constants, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { reasonOf } from '../contract/errors.ts'
import { makeTables, tableOf } from './schema.ts'
import type { LaneConfig } from './types.ts'

/** What is done with a journal file that is damaged: set aside whole, never deleted, and what can be read is kept. */

/** Positions that may have been given out and cannot be read any more lie below this distance. */
const POSITIONS_SKIPPED = 1_000_000
const PARTS = ['', '-wal', '-shm', '-journal']

/** Renames the database with everything beside it; returns its new path. */
export function setAside(path: string): string {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '')}`
  for (const part of PARTS) if (existsSync(path + part)) renameSync(path + part, aside + part)
  return aside
}

/** Copies what can be read of a damaged file into a new one; returns what came of it in words. Never throws. */
export function salvage(aside: string, into: DatabaseSync, lanes: readonly LaneConfig[]): string {
  // Reading may write (a write-ahead log is folded in at close), and the damaged file is evidence.
  const copy = `${aside}.copy`
  try {
    for (const part of PARTS)
      if (existsSync(aside + part)) copyFileSync(aside + part, copy + part, constants.COPYFILE_FICLONE)
    makeTables(into, lanes)
    const from = new DatabaseSync(copy)
    try {
      from.exec('PRAGMA locking_mode=EXCLUSIVE')
      return lanes.map((lane) => `${lane.name}: ${salvageLane(from, into, lane)}`).join(', ')
    } finally {
      from.close()
    }
  } catch (error) {
    return `nothing could be recovered (${reasonOf(error)})`
  } finally {
    for (const part of PARTS) rmSync(copy + part, { force: true })
  }
}

type Row = Record<string, SQLOutputValue>

/**
 * The entries get new positions behind every position the old file can have given out: without gaps, and never one that
 * another entry had. Cursors keep their place among them; one that cannot be read starts at the beginning, which
 * sends twice rather than never.
 */
function salvageLane(from: DatabaseSync, into: DatabaseSync, lane: LaneConfig): string {
  const rows = readable(from, lane)
  const counters = tryAll(from, 'SELECT last, dropped FROM lane WHERE name = ?', lane.name)[0]
  const cursors = tryAll(from, 'SELECT name, position FROM cursor WHERE lane = ?', lane.name)
  const streams = tryAll(from, 'SELECT name, highest FROM stream WHERE lane = ? ORDER BY used', lane.name)
  const known = [counters?.last, rows.at(-1)?.position, ...cursors.map((row) => row.position)].map((value) =>
    Number(value ?? 0),
  )
  const base = Math.max(...known) + POSITIONS_SKIPPED
  into.exec('BEGIN IMMEDIATE')
  const insert = into.prepare(`INSERT INTO ${tableOf(lane.name)} VALUES (?, ?, ?, ?, ?, ?, ?)`)
  rows.forEach((row, index) => {
    const payload = row.payload ?? new Uint8Array()
    insert.run(
      base + index + 1,
      row.time_ms ?? 0,
      row.topic ?? '',
      row.key ?? null,
      row.stream ?? null,
      row.sequence ?? null,
      payload,
    )
  })
  const dropped = Number(counters?.dropped ?? 0)
  into.prepare('UPDATE lane SET last = ?, dropped = ? WHERE name = ?').run(base + rows.length, dropped, lane.name)
  for (const { name, position } of cursors) {
    const passed = rows.filter((row) => Number(row.position) <= Number(position)).length
    into.prepare('INSERT INTO cursor VALUES (?, ?, ?)').run(name ?? '', lane.name, base + passed)
  }
  streams.forEach((row, index) => {
    into.prepare('INSERT INTO stream VALUES (?, ?, ?, ?)').run(lane.name, row.name ?? '', row.highest ?? 0, index)
  })
  into.exec('COMMIT')
  return `${rows.length} entries recovered`
}

/** From the front up to the first bad page, then from the back: what lies between two bad places is lost. */
function readable(from: DatabaseSync, lane: LaneConfig): Row[] {
  const select = `SELECT position, time_ms, topic, key, stream, sequence, payload FROM ${tableOf(lane.name)}`
  const front = untilBroken(from, `${select} ORDER BY position`)
  const reached = Number(front.at(-1)?.position ?? 0)
  const back = untilBroken(from, `${select} WHERE position > ${reached} ORDER BY position DESC`).reverse()
  const rows = [...front, ...back].filter((row) => row.payload instanceof Uint8Array)
  return lane.kind === 'queue' ? rows : [...new Map(rows.map((row) => [row.key, row])).values()]
}

function untilBroken(db: DatabaseSync, sql: string): Row[] {
  const rows: Row[] = []
  try {
    for (const row of db.prepare(sql).iterate()) rows.push(row)
  } catch {
    // The damage: what was read so far is what there is on this side of it.
  }
  return rows
}

function tryAll(db: DatabaseSync, sql: string, parameter: string): Row[] {
  try {
    return db.prepare(sql).all(parameter)
  } catch {
    return []
  }
}
