import type { DatabaseSync } from 'node:sqlite'
import type {
  Committed,
  CursorRow,
  Failure,
  LaneOpened,
  Opened,
  Shrunk,
  StreamRow,
  Tidied,
  TidyWork,
} from './backend.ts'
import { type Batch, pack } from './batch.ts'
import { openCompactedTable } from './compacted-table.ts'
import type { LaneTable } from './lane-table.ts'
import { openQueueTable } from './queue-table.ts'
import type { Reserve } from './reserve.ts'
import { checkpoint, emptyWal, makeTables, pragma, queueTable } from './schema.ts'
import { createShortage, LEVEL_MAX } from './shortage.ts'
import { FULL, failureOf } from './sqlite-failure.ts'
import type { LaneConfig, Recovery } from './types.ts'

/** One journal database, synchronous. Lives in a worker thread, or directly in a simulation. */
export interface Store {
  opened(): Opened
  commit(batch: Batch, cursors: CursorRow[]): Committed
  read(lane: string, after_position: number, limit: number): Batch
  list(lane: string): Batch
  tidy(work: TidyWork): Tidied
  shrink(pages: number): Shrunk
  copyTo(path: string): void
}

/** The disk around the database. */
export interface Space {
  /** Room for lanes that are never evicted. */
  entries: Reserve
  /** Room for the most urgent lane alone, when the others have used that up. */
  first: Reserve
  /** Room for the housekeeping that makes room. */
  tidying: Reserve
  /** Free room beyond a reserve that is asked for before the reserve is made again, so that it does not flap. */
  spare_bytes: number
  /** Bytes of the database with its write-ahead log. */
  bytes(): number
  /** May throw what a failing disk would make SQLite throw; for simulations. */
  beforeCommit?: () => void
}

/** A lane's part of a batch, ready to be written, again after a rollback. */
interface Part {
  lane: string
  write(): void
}

export function createStore(db: DatabaseSync, lanes: readonly LaneConfig[], space: Space, recovery?: Recovery): Store {
  makeTables(db, lanes)
  const tables = new Map(
    lanes.map((lane) => [lane.name, lane.kind === 'queue' ? openQueueTable(db, lane) : openCompactedTable(db, lane)]),
  )
  const sql = {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    cursor: db.prepare('INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position'),
    forgetCursor: db.prepare('DELETE FROM cursor WHERE name = ?'),
    stream: db.prepare(
      `INSERT INTO stream VALUES (?, ?, ?, (SELECT coalesce(max(used), 0) + 1 FROM stream))
       ON CONFLICT DO UPDATE SET highest = max(highest, excluded.highest), used = excluded.used`,
    ),
    forgetStream: db.prepare('DELETE FROM stream WHERE lane = ? AND name = ?'),
    trimmed: db.prepare('UPDATE lane SET dropped = ? WHERE name = ?'),
    folded: db.prepare('UPDATE lane SET last = max(last, ?), folded = ?, clock_ms = ? WHERE name = ?'),
  }
  const shortage = createShortage(lanes, space)
  const clock_before_ms = storedClock(db, lanes)
  const opened_ms = performance.now()
  const clock_ms = (): number => Math.round(clock_before_ms + performance.now() - opened_ms)

  function transaction(work: () => void): void {
    sql.begin.run()
    try {
      work()
      space.beforeCommit?.()
      sql.commit.run()
    } catch (error) {
      // On some errors SQLite has rolled back by itself.
      if (db.isTransaction) db.exec('ROLLBACK')
      for (const table of tables.values()) table.forgetCount()
      throw error
    }
  }

  const table = (lane: string): LaneTable => {
    const found = tables.get(lane)
    if (!found) throw new Error(`no lane ${lane}`)
    return found
  }

  function partsOf(batch: Batch): Part[] {
    const places = new Map<number, number[]>()
    batch.lane.forEach((lane, place) => {
      const known = places.get(lane)
      if (known) known.push(place)
      else places.set(lane, [place])
    })
    return [...places].map(([index, at]) => {
      const lane = batch.lanes[index] ?? ''
      const write = table(lane).prepare(batch, at, clock_ms())
      return { lane, write: () => write((stream, highest) => sql.stream.run(lane, stream, highest)) }
    })
  }

  function write(parts: readonly Part[], cursors: CursorRow[]): void {
    transaction(() => {
      for (const part of parts) part.write()
      for (const row of cursors) sql.cursor.run(row.name, row.lane, row.position)
    })
  }

  /** A full log in front of a full disk: what it holds goes into the file where it fits, and its room is used again. */
  function reuseWal(): void {
    attempt(() => checkpoint(db, 'RESTART'))
  }

  /**
   * Room is spent in this order: on everything; on what is never evicted; on that with its reserve given up; on the most
   * urgent lane with the last reserve given up.
   */
  function writeWhatFits(parts: readonly Part[], cursors: CursorRow[]): Committed['refused'] {
    const lanes_asked = parts.map(({ lane }) => lane)
    for (let level = shortage.level(); level <= LEVEL_MAX; level += 1) {
      const taken = parts.filter(({ lane }) => shortage.takes(lane, level))
      if (taken.length === 0) break
      let failure = attempt(() => write(taken, cursors))
      if (failure?.code === 'JOURNAL_FULL' && shortage.giveUp(level)) failure = attempt(() => write(taken, cursors))
      if (failure?.code === 'JOURNAL_FULL' && level > 0) {
        reuseWal()
        failure = attempt(() => write(taken, cursors))
      }
      if (!failure) {
        const refused = lanes_asked.filter((lane) => !shortage.takes(lane, level))
        return refused.length === 0 ? undefined : { lanes: refused, failure: FULL }
      }
      if (failure.code !== 'JOURNAL_FULL') return { lanes: lanes_asked, failure }
    }
    return { lanes: lanes_asked, failure: FULL }
  }

  function compactedNow(names: Iterable<string>): Record<string, { count: number; first: number }> {
    const now: Record<string, { count: number; first: number }> = {}
    for (const name of names) {
      const found = table(name)
      if (found.kind === 'compacted') now[name] = { count: found.count(), first: found.first() }
    }
    return now
  }

  function tidyOnce(work: TidyWork): void {
    transaction(() => {
      for (const row of work.cursors) sql.cursor.run(row.name, row.lane, row.position)
      for (const name of work.forgotten_cursors) sql.forgetCursor.run(name)
      for (const row of work.streams) sql.stream.run(row.lane, row.name, row.highest)
      for (const row of work.forgotten) sql.forgetStream.run(row.lane, row.name)
      for (const { lane, last } of work.folded) sql.folded.run(last, last, clock_ms(), lane)
      for (const { lane, to, dropped } of work.trims) {
        table(lane).trim(to)
        sql.trimmed.run(dropped, lane)
      }
      for (const { lane, to } of work.tombstones) table(lane).sweep(to)
    })
  }

  return {
    opened: () => ({
      lanes: Object.fromEntries([...tables].map(([name, found]) => [name, found.opened()])) as Record<
        string,
        LaneOpened
      >,
      streams: {
        folded: storedStreams(db),
        unfolded: [...tables.values()].flatMap((found) => found.streamsSinceFold()),
      },
      cursors: storedCursors(db),
      bytes: space.bytes(),
      clock_ms: clock_ms(),
      recovery,
    }),
    commit(batch, cursors) {
      shortage.recover()
      const parts = partsOf(batch)
      const refused = writeWhatFits(parts, cursors)
      const written = parts.map(({ lane }) => lane).filter((lane) => !refused?.lanes.includes(lane))
      return { refused, compacted: compactedNow(written), low_space: shortage.level() > 0, bytes: space.bytes() }
    },
    read: (lane, after_position, limit) => pack([lane], table(lane).read(after_position, limit)),
    list: (lane) => pack([lane], table(lane).list()),
    tidy(work) {
      const touched = new Set(work.tombstones.map(({ lane }) => lane))
      let failure = attempt(() => tidyOnce(work))
      if (failure?.code === 'JOURNAL_FULL') {
        reuseWal()
        if (space.tidying.release()) reuseWal()
        failure = attempt(() => tidyOnce(work))
        reuseWal()
        attempt(() => shrinkOnce(db, Number.MAX_SAFE_INTEGER))
      }
      if (failure && failure.code !== 'JOURNAL_FULL') touched.clear()
      shortage.recover()
      return {
        failure,
        compacted: compactedNow(touched),
        free_pages: Number(pragma(db, 'freelist_count')),
        low_space: shortage.level() > 0,
        bytes: space.bytes(),
      }
    },
    shrink(pages) {
      attempt(() => shrinkOnce(db, pages))
      return { free_pages: Number(pragma(db, 'freelist_count')), bytes: space.bytes() }
    },
    copyTo(path) {
      db.prepare('VACUUM INTO ?').run(path)
    },
  }
}

/** Undefined when done, else why not. */
function attempt(work: () => void): Failure | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return failureOf(error)
  }
}

function shrinkOnce(db: DatabaseSync, pages: number): void {
  db.exec(`PRAGMA incremental_vacuum(${Math.min(pages, 2 ** 31 - 1)})`)
  emptyWal(db)
}

/** What was written down last, and what came with the entries since. */
function storedClock(db: DatabaseSync, lanes: readonly LaneConfig[]): number {
  const newest = lanes
    .filter(({ kind }) => kind === 'queue')
    .map(({ name }) => db.prepare(`SELECT at_ms FROM ${queueTable(name)} ORDER BY last DESC LIMIT 1`).get()?.at_ms)
  const stored = db.prepare('SELECT max(clock_ms) AS clock_ms FROM lane').get()?.clock_ms
  return Math.max(0, ...[stored, ...newest].map((value) => Number(value ?? 0)))
}

function storedStreams(db: DatabaseSync): StreamRow[] {
  const rows = db.prepare('SELECT lane, name, highest FROM stream ORDER BY used').all()
  return rows.map((row) => ({ lane: String(row.lane), name: String(row.name), highest: Number(row.highest) }))
}

function storedCursors(db: DatabaseSync): CursorRow[] {
  const rows = db.prepare('SELECT name, lane, position FROM cursor').all()
  return rows.map((row) => ({ name: String(row.name), lane: String(row.lane), position: Number(row.position) }))
}
