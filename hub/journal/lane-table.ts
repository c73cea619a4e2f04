import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { LaneOpened, StreamRow } from './backend.ts'
import { type Batch, payloadAt } from './batch.ts'
import { tableOf } from './schema.ts'
import type { Entry, LaneConfig } from './types.ts'

/** The statements of one lane's table. Everything here runs inside a transaction of the store or reads. */
export interface LaneTable {
  kind: LaneConfig['kind']
  opened(): LaneOpened
  streamsSinceFold(): StreamRow[]
  /** `fold` is told of a stream whose only trace in this table is being replaced. */
  insert(batch: Batch, index: number, fold: (stream: string, highest: number) => void): void
  read(after_position: number, limit: number): Entry[]
  list(): Entry[]
  trim(to: number): void
  sweep(to: number): void
  count(): number
  first(): number
  /** After a rollback. */
  forgetCount(): void
}

export function laneTable(db: DatabaseSync, lane: LaneConfig): LaneTable {
  const name = tableOf(lane.name)
  const compacted = lane.kind === 'compacted'
  const sql = {
    insert: db.prepare(`INSERT INTO ${name} VALUES (?, ?, ?, ?, ?, ?, ?)`),
    replace: db.prepare(`DELETE FROM ${name} WHERE key = ? RETURNING stream, sequence`),
    read: db.prepare(`SELECT * FROM ${name} WHERE position > ? ORDER BY position LIMIT ?`),
    list: db.prepare(`SELECT * FROM ${name} ${compacted ? 'WHERE length(payload) > 0' : ''} ORDER BY position`),
    trim: db.prepare(`DELETE FROM ${name} WHERE position <= ?`),
    sweep: db.prepare(`DELETE FROM ${name} WHERE position <= ? AND length(payload) = 0`),
    count: db.prepare(`SELECT count(*) AS count FROM ${name}`),
    ends: db.prepare(`SELECT min(position) AS first FROM ${name}`),
    last: db.prepare(`SELECT max(position) AS last FROM ${name}`),
    empty: db.prepare(`SELECT count(*) AS count FROM ${name} WHERE length(payload) = 0`),
    lane: db.prepare('SELECT last, dropped, folded FROM lane WHERE name = ?'),
    streams: db.prepare(
      `SELECT stream, max(sequence) AS highest, max(position) AS used FROM ${name}
       WHERE position > ? AND stream IS NOT NULL GROUP BY stream ORDER BY used`,
    ),
  }
  let count: number | undefined
  const counted = (): number => {
    count ??= Number(sql.count.get()?.count)
    return count
  }

  function replace(key: string, stream: string | null, fold: (stream: string, highest: number) => void): void {
    const before = counted()
    for (const row of sql.replace.all(key)) {
      count = before - 1
      if (typeof row.stream === 'string' && row.stream !== stream) fold(row.stream, Number(row.sequence))
    }
  }

  return {
    kind: lane.kind,
    opened() {
      const row = sql.lane.get(lane.name)
      const last = Math.max(Number(row?.last), Number(sql.last.get()?.last ?? 0))
      const first = Number(sql.ends.get()?.first ?? last + 1)
      return {
        first,
        last,
        // The positions of a queue lane have no gaps, so counting them would only read the whole file.
        count: compacted ? counted() : last - first + 1,
        dropped: Number(row?.dropped),
        tombstones: compacted ? Number(sql.empty.get()?.count) : 0,
      }
    },
    streamsSinceFold() {
      const folded = Number(sql.lane.get(lane.name)?.folded)
      return sql.streams
        .all(folded)
        .map((row) => ({ lane: lane.name, name: String(row.stream), highest: Number(row.highest) }))
    },
    insert(batch, index, fold) {
      const key = batch.key[index] ?? null
      const stream = batch.stream[index] ?? null
      const sequence = batch.sequence[index] ?? Number.NaN
      if (compacted && key !== null) replace(key, stream, fold)
      sql.insert.run(
        batch.position[index] ?? 0,
        batch.time_ms[index] ?? 0,
        batch.topic[index] ?? '',
        key,
        stream,
        Number.isNaN(sequence) ? null : sequence,
        payloadAt(batch, index),
      )
      if (count !== undefined) count += 1
    },
    read: (after_position, limit) => sql.read.all(after_position, limit).map((row) => entryOf(lane.name, row)),
    list: () => sql.list.all().map((row) => entryOf(lane.name, row)),
    trim(to) {
      count = undefined
      sql.trim.run(to)
    },
    sweep(to) {
      count = undefined
      sql.sweep.run(to)
    },
    count: counted,
    first: () => Number(sql.ends.get()?.first ?? 0),
    forgetCount() {
      count = undefined
    },
  }
}

export function entryOf(lane: string, row: Record<string, SQLOutputValue>): Entry {
  const payload = row.payload
  return {
    lane,
    position: Number(row.position),
    time_ms: Number(row.time_ms),
    topic: String(row.topic),
    // SQLite gives a zero-length blob back as an empty array.
    payload: payload instanceof Uint8Array ? payload : new Uint8Array(),
    ...(row.key === null ? {} : { key: String(row.key) }),
    ...(row.stream === null ? {} : { stream: String(row.stream), sequence: Number(row.sequence) }),
  }
}
