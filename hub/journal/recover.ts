import { constants, copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { reasonOf } from '../contract/errors.ts'
import { isWhole } from './chunk.ts'
import { entryOf } from './compacted-table.ts'
import { bytesOf, encode } from './migrate.ts'
import { makeTables, queueTable, tableOf } from './schema.ts'
import type { CompactedLane, LaneConfig, QueueLane, RecoveredLane, Recovery } from './types.ts'
import { mendWal } from './wal.ts'

/** What is done with a journal file that is damaged: set aside whole, never deleted, and what can be read is kept. */

/** Positions that may have been given out and cannot be read any more lie below this distance. */
const POSITIONS_SKIPPED = 1_000_000
const PARTS = ['', '-wal', '-shm', '-journal']

/** What the running log knows that the file may not say any more; without it the file is all there is. */
export interface Known {
  /** Newest position of each lane. */
  last: ReadonlyMap<string, number>
  cursors: readonly { name: string; lane: string; position: number }[]
}

/** Renames the database with everything beside it; returns its new path. */
export function setAside(path: string): string {
  const stamp = new Date().toISOString().replaceAll(':', '')
  let aside = `${path}.damaged-${stamp}`
  // Twice within a millisecond, or with a clock that was set back: what is there stays.
  for (let more = 1; existsSync(aside); more += 1) aside = `${path}.damaged-${stamp}-${more}`
  for (const part of PARTS) if (existsSync(path + part)) renameSync(path + part, aside + part)
  return aside
}

/** Copies what can be read of a damaged file into a new one, and says what came of it. Never throws. */
export function salvage(
  aside: string,
  into: DatabaseSync,
  lanes: readonly LaneConfig[],
  why: string,
  { isTailLost, known }: { isTailLost: boolean; known?: Known },
): Recovery {
  makeTables(into, lanes)
  const done: Record<string, RecoveredLane> = {}
  const readable = openReadable(aside)
  for (const lane of lanes) {
    try {
      done[lane.name] = salvageLane(readable.db, into, lane, isTailLost, known)
    } catch (error) {
      if (into.isTransaction) into.exec('ROLLBACK')
      done[lane.name] = salvageLane(undefined, into, lane, true, known)
      readable.problem ??= reasonOf(error)
    }
  }
  readable.close()
  const words = Object.entries(done).map(([lane, { entries }]) => `${lane}: ${entries} entries recovered`)
  const problem = readable.problem === undefined ? '' : ` (${readable.problem})`
  return { message: `${why}; the file is kept as ${aside}; ${words.join(', ')}${problem}`, lanes: done }
}

/** Reading may write (a write-ahead log is folded in at close), and the damaged file is evidence: a copy is read. */
function openReadable(aside: string): { db: DatabaseSync | undefined; problem?: string; close(): void } {
  const copy = `${aside}.copy`
  const removeCopy = (): void => {
    for (const part of PARTS) rmSync(copy + part, { force: true })
  }
  if ((statSync(aside, { throwIfNoEntry: false })?.size ?? 0) === 0) return { db: undefined, close: removeCopy }
  try {
    for (const part of ['', '-wal'])
      if (existsSync(aside + part)) copyFileSync(aside + part, copy + part, constants.COPYFILE_FICLONE)
    mendWal(`${copy}-wal`)
    const db = new DatabaseSync(copy)
    db.exec('PRAGMA locking_mode=EXCLUSIVE')
    return {
      db,
      close() {
        try {
          db.close()
        } finally {
          removeCopy()
        }
      },
    }
  } catch (error) {
    removeCopy()
    return { db: undefined, problem: reasonOf(error), close: () => undefined }
  }
}

type Row = Record<string, SQLOutputValue>

/** Rows in order of their positions `first` to `last`. */
interface Piece {
  first: number
  last: number
  insert(first: number): void
}

/**
 * When the log runs on, positions stay as they are: what could not be read is a gap. At an opening nobody can say which positions
 * had been given out, so that the entries get new ones behind every position the old file can have had: without gaps, and
 * never one that another entry had. Cursors keep their place among the entries.
 */
function salvageLane(
  from: DatabaseSync | undefined,
  into: DatabaseSync,
  lane: LaneConfig,
  isTailLost: boolean,
  known: Known | undefined,
): RecoveredLane {
  const { pieces, isTorn } = from ? piecesOf(from, into, lane) : { pieces: [], isTorn: true }
  const counters = from && tryAll(from, 'SELECT last, dropped FROM lane WHERE name = ?', lane.name)?.[0]
  const cursors = from && cursorsOf(from, lane)
  const streams = from && tryAll(from, 'SELECT name, highest FROM stream WHERE lane = ? ORDER BY used', lane.name)
  const seen = Math.max(
    Number(counters?.last ?? 0),
    pieces.at(-1)?.last ?? 0,
    ...(cursors ?? []).map((row) => Number(row.position)),
  )
  const base = known ? 0 : baseOf(seen, counters !== undefined)
  into.exec('BEGIN IMMEDIATE')
  let entries = 0
  for (const piece of pieces) {
    piece.insert(known ? piece.first : base + entries + 1)
    entries += piece.last - piece.first + 1
  }
  const last = known ? (known.last.get(lane.name) ?? seen) : base + entries
  into
    .prepare('UPDATE lane SET last = ?, dropped = ?, floor = 1 WHERE name = ?')
    .run(last, Number(counters?.dropped ?? 0), lane.name)
  const isDoubtful = isTailLost || isTorn || cursors === undefined || counters === undefined
  const isSkipping = isDoubtful && !known && lane.kind === 'queue' && lane.after_damage === 'skip'
  const kept = known?.cursors.filter((row) => row.lane === lane.name) ?? cursors ?? []
  for (const { name, position } of kept) {
    const passed = known ? Number(position) : base + passedOf(pieces, Number(position))
    into
      .prepare('INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)')
      .run(name ?? '', lane.name, isSkipping ? last : passed)
  }
  streams?.forEach((row, index) => {
    into
      .prepare('INSERT OR REPLACE INTO stream VALUES (?, ?, ?, ?)')
      .run(lane.name, row.name ?? '', row.highest ?? 0, index)
  })
  into.exec('COMMIT')
  return { entries, isDoubtful: isDoubtful && !known, to: last }
}

/** Where even the counter of a lane is lost, only time is surely behind all positions: nobody appends 1,000 a second for years. */
function baseOf(seen: number, isCounterKnown: boolean): number {
  return isCounterKnown ? seen + POSITIONS_SKIPPED : Math.max(seen + POSITIONS_SKIPPED, Date.now())
}

function passedOf(pieces: readonly Piece[], position: number): number {
  return pieces.reduce((sum, { first, last }) => sum + Math.max(0, Math.min(last, position) - first + 1), 0)
}

function piecesOf(from: DatabaseSync, into: DatabaseSync, lane: LaneConfig): { pieces: Piece[]; isTorn: boolean } {
  if (lane.kind === 'compacted') return values(from, into, lane)
  return hasTable(from, `queue_${lane.name}`) ? chunks(from, into, lane) : rowsOfVersion1(from, into, lane)
}

function chunks(from: DatabaseSync, into: DatabaseSync, lane: QueueLane): { pieces: Piece[]; isTorn: boolean } {
  const floor = Number(tryAll(from, 'SELECT floor FROM lane WHERE name = ?', lane.name)?.[0]?.floor ?? 1)
  const found = readable(from, `SELECT last, first, bytes, at_ms, data FROM ${queueTable(lane.name)}`, 'last')
  const insert = into.prepare(`INSERT INTO ${queueTable(lane.name)} VALUES (?, ?, ?, ?, ?)`)
  let reached = 0
  const sound = found.rows.filter((row) => {
    // A page that came back from an earlier time may tell of positions twice.
    if (!isWhole(row.data) || Number(row.first) <= reached || Number(row.last) < Number(row.first)) return false
    reached = Number(row.last)
    return true
  })
  const pieces = sound
    .filter((row) => Number(row.last) >= floor)
    .map((row): Piece => {
      const [first, last] = [Number(row.first), Number(row.last)]
      return {
        first,
        last,
        insert(at) {
          insert.run(at + last - first, at, row.bytes ?? 0, row.at_ms ?? 0, row.data ?? null)
        },
      }
    })
  return { pieces, isTorn: found.isTorn || sound.length < found.rows.length }
}

function rowsOfVersion1(from: DatabaseSync, into: DatabaseSync, lane: QueueLane): { pieces: Piece[]; isTorn: boolean } {
  const found = readable(from, `SELECT * FROM ${tableOf(lane.name)}`, 'position')
  const insert = into.prepare(`INSERT INTO ${queueTable(lane.name)} VALUES (?, ?, ?, 0, ?)`)
  const pieces = found.rows.map((row): Piece => {
    const entry = entryOf(lane.name, row)
    return {
      first: entry.position,
      last: entry.position,
      insert(at) {
        insert.run(at, at, bytesOf([entry]), encode(lane.name, [entry]))
      },
    }
  })
  return { pieces, isTorn: found.isTorn }
}

function values(from: DatabaseSync, into: DatabaseSync, lane: CompactedLane): { pieces: Piece[]; isTorn: boolean } {
  const found = readable(from, `SELECT * FROM ${tableOf(lane.name)}`, 'position')
  const insert = into.prepare(`INSERT INTO ${tableOf(lane.name)} VALUES (?, ?, ?, ?, ?, ?, ?)`)
  const newest = [...new Map(found.rows.map((row) => [row.key, row])).values()]
  const pieces = newest.map((row): Piece => {
    const position = Number(row.position)
    const { time_ms = 0, topic = '', key = null, stream = null, sequence = null } = row
    return {
      first: position,
      last: position,
      insert(at) {
        insert.run(at, time_ms, topic, key, stream, sequence, row.payload ?? new Uint8Array())
      },
    }
  })
  pieces.sort((a, b) => a.first - b.first)
  return { pieces, isTorn: found.isTorn }
}

/** No position is that high, unless its bytes are not what was written. */
const POSITION_MAX = 2 ** 51

function cursorsOf(from: DatabaseSync, lane: LaneConfig): Row[] | undefined {
  const rows = tryAll(from, 'SELECT name, position FROM cursor WHERE lane = ?', lane.name)
  return rows?.filter(({ position }) => Number(position) >= 0 && Number(position) < POSITION_MAX)
}

function hasTable(db: DatabaseSync, name: string): boolean {
  return (tryAll(db, 'SELECT 1 FROM sqlite_schema WHERE name = ?', name)?.length ?? 0) > 0
}

/** From the front up to the first bad page, then from the back: what lies between two bad places is lost. */
function readable(from: DatabaseSync, select: string, by: string): { rows: Row[]; isTorn: boolean } {
  const front = untilBroken(from, `${select} ORDER BY ${by}`)
  if (!front.isTorn) return front
  const reached = Number(front.rows.at(-1)?.[by] ?? 0)
  const back = untilBroken(from, `${select} WHERE ${by} > ${reached} ORDER BY ${by} DESC`).rows.reverse()
  return { rows: [...front.rows, ...back], isTorn: true }
}

function untilBroken(db: DatabaseSync, sql: string): { rows: Row[]; isTorn: boolean } {
  const rows: Row[] = []
  try {
    for (const row of db.prepare(sql).iterate()) rows.push(row)
    return { rows, isTorn: false }
  } catch {
    // The damage: what was read so far is what there is on this side of it.
    return { rows, isTorn: true }
  }
}

/** Undefined when it cannot be read. */
function tryAll(db: DatabaseSync, sql: string, parameter: string): Row[] | undefined {
  try {
    return db.prepare(sql).all(parameter)
  } catch {
    return undefined
  }
}
