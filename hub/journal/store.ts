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
import { type LaneTable, laneTable } from './lane-table.ts'
import type { Reserve } from './reserve.ts'
import { makeTables, pragma } from './schema.ts'
import { FULL, failureOf } from './sqlite-failure.ts'
import type { LaneConfig } from './types.ts'

/** One journal database, synchronous. Lives in a worker thread, or directly in a simulation. */
export interface Store {
  opened(): Opened
  commit(batch: Batch, cursors: CursorRow[]): Committed
  read(lane: string, after_position: number, limit: number): Batch
  list(lane: string): Batch
  tidy(work: TidyWork): Tidied
  shrink(pages: number): Shrunk
}

/** The disk around the database. */
export interface Space {
  /** Room for lanes that are never evicted. */
  entries: Reserve
  /** Room for the housekeeping that makes room. */
  tidying: Reserve
  /** Free room beyond a reserve that is asked for before the reserve is made again, so that it does not flap. */
  spare_bytes: number
  /** Bytes of the database with its write-ahead log. */
  bytes(): number
  /** May throw what a failing disk would make SQLite throw; for simulations. */
  beforeCommit?: () => void
}

export function createStore(db: DatabaseSync, lanes: readonly LaneConfig[], space: Space, damage?: string): Store {
  makeTables(db, lanes)
  space.tidying.restore(space.spare_bytes)
  const tables = new Map(lanes.map((lane) => [lane.name, laneTable(db, lane)]))
  const evictable = new Set(
    lanes.filter((lane) => lane.kind === 'queue' && lane.evict !== 'never').map(({ name }) => name),
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
    folded: db.prepare('UPDATE lane SET last = max(last, ?), folded = ? WHERE name = ?'),
  }
  let low_space = !space.entries.restore(space.spare_bytes)

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

  function write(batch: Batch, cursors: CursorRow[], refused: ReadonlySet<string>): void {
    transaction(() => {
      batch.topic.forEach((_, index) => {
        const lane = batch.lanes[batch.lane[index] ?? 0] ?? ''
        if (!refused.has(lane))
          table(lane).insert(batch, index, (stream, highest) => sql.stream.run(lane, stream, highest))
      })
      for (const row of cursors) sql.cursor.run(row.name, row.lane, row.position)
    })
  }

  /** Undefined when written, else why not. */
  function attempt(work: () => void): Failure | undefined {
    try {
      work()
      return undefined
    } catch (error) {
      return failureOf(error)
    }
  }

  /** A full log in front of a full disk: what it holds goes into the file where it fits, and its room is used again. */
  function checkpoint(): void {
    attempt(() => db.exec('PRAGMA wal_checkpoint(RESTART)'))
  }

  function makeReservesAgain(): void {
    const tidying = space.tidying.restore(0)
    if (low_space && tidying) low_space = !space.entries.restore(space.spare_bytes)
  }

  /** Room is spent in this order: on everything, on what is never evicted, on that with the reserve given up. */
  function writeWhatFits(batch: Batch, cursors: CursorRow[], lanes: string[]): Committed['refused'] {
    const spared = new Set(lanes.filter((lane) => evictable.has(lane)))
    if (!low_space || spared.size === 0) {
      const failure = attempt(() => write(batch, cursors, new Set()))
      if (!failure) return undefined
      if (failure.code !== 'JOURNAL_FULL') return { lanes, failure }
    }
    if (spared.size === lanes.length) return { lanes, failure: FULL }
    const rest = () => attempt(() => write(batch, cursors, spared))
    let failure = rest()
    if (failure?.code === 'JOURNAL_FULL' && space.entries.release()) {
      low_space = true
      failure = rest()
    }
    if (failure?.code === 'JOURNAL_FULL') {
      low_space = true
      checkpoint()
      failure = rest()
    }
    if (failure) return { lanes, failure }
    return spared.size === 0 ? undefined : { lanes: [...spared], failure: FULL }
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
      for (const { lane, last } of work.folded) sql.folded.run(last, last, lane)
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
      damage,
    }),
    commit(batch, cursors) {
      if (low_space) makeReservesAgain()
      const lanes = [...new Set(batch.lane)].map((index) => batch.lanes[index] ?? '')
      const refused = writeWhatFits(batch, cursors, lanes)
      const written = lanes.filter((lane) => !refused?.lanes.includes(lane))
      return { refused, compacted: compactedNow(written), low_space, bytes: space.bytes() }
    },
    read: (lane, after_position, limit) => pack([lane], table(lane).read(after_position, limit)),
    list: (lane) => pack([lane], table(lane).list()),
    tidy(work) {
      const touched = new Set(work.tombstones.map(({ lane }) => lane))
      let failure = attempt(() => tidyOnce(work))
      if (failure?.code === 'JOURNAL_FULL') {
        checkpoint()
        if (space.tidying.release()) checkpoint()
        failure = attempt(() => tidyOnce(work))
        checkpoint()
        attempt(() => shrinkOnce(db, Number.MAX_SAFE_INTEGER))
      }
      makeReservesAgain()
      const free_pages = Number(pragma(db, 'freelist_count'))
      return { failure, compacted: compactedNow(touched), free_pages, low_space, bytes: space.bytes() }
    },
    shrink(pages) {
      attempt(() => shrinkOnce(db, pages))
      return { free_pages: Number(pragma(db, 'freelist_count')), bytes: space.bytes() }
    },
  }
}

function shrinkOnce(db: DatabaseSync, pages: number): void {
  db.exec(`PRAGMA incremental_vacuum(${Math.min(pages, 2 ** 31 - 1)})`)
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
}

function storedStreams(db: DatabaseSync): StreamRow[] {
  const rows = db.prepare('SELECT lane, name, highest FROM stream ORDER BY used').all()
  return rows.map((row) => ({ lane: String(row.lane), name: String(row.name), highest: Number(row.highest) }))
}

function storedCursors(db: DatabaseSync): CursorRow[] {
  const rows = db.prepare('SELECT name, lane, position FROM cursor').all()
  return rows.map((row) => ({ name: String(row.name), lane: String(row.lane), position: Number(row.position) }))
}
