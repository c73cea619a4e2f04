import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { payloadAt } from './batch.ts'
import { type Fold, type LaneTable, laneRow } from './lane-table.ts'
import { tableOf } from './schema.ts'
import type { CompactedLane, Entry } from './types.ts'

/** A lane of what holds now: a row for each key. */
export function openCompactedTable(db: DatabaseSync, lane: CompactedLane): LaneTable {
  const name = tableOf(lane.name)
  const sql = {
    insert: db.prepare(`INSERT INTO ${name} VALUES (?, ?, ?, ?, ?, ?, ?)`),
    replace: db.prepare(`DELETE FROM ${name} WHERE key = ? RETURNING stream, sequence`),
    read: db.prepare(`SELECT * FROM ${name} WHERE position > ? ORDER BY position LIMIT ?`),
    list: db.prepare(`SELECT * FROM ${name} WHERE length(payload) > 0 ORDER BY position`),
    sweep: db.prepare(`DELETE FROM ${name} WHERE position <= ? AND length(payload) = 0`),
    count: db.prepare(`SELECT count(*) AS count FROM ${name}`),
    first: db.prepare(`SELECT min(position) AS first FROM ${name}`),
    last: db.prepare(`SELECT max(position) AS last FROM ${name}`),
    empty: db.prepare(`SELECT count(*) AS count FROM ${name} WHERE length(payload) = 0`),
    streams: db.prepare(
      `SELECT stream, max(sequence) AS highest, max(position) AS used FROM ${name}
       WHERE position > ? AND stream IS NOT NULL GROUP BY stream ORDER BY used`,
    ),
  }
  const row = laneRow(db, lane.name)
  let count: number | undefined
  const counted = (): number => {
    count ??= Number(sql.count.get()?.count)
    return count
  }

  function replace(key: string, stream: string | null, fold: Fold): void {
    const before = counted()
    for (const found of sql.replace.all(key)) {
      count = before - 1
      if (typeof found.stream === 'string' && found.stream !== stream) fold(found.stream, Number(found.sequence))
    }
  }

  return {
    kind: 'compacted',
    opened() {
      const last = Math.max(row().last, Number(sql.last.get()?.last ?? 0))
      const first = Number(sql.first.get()?.first ?? last + 1)
      const tombstones = Number(sql.empty.get()?.count)
      return { first, last, count: counted(), dropped: row().dropped, tombstones, stretches: [] }
    },
    streamsSinceFold: () =>
      sql.streams
        .all(row().folded)
        .map((found) => ({ lane: lane.name, name: String(found.stream), highest: Number(found.highest) })),
    prepare: (batch, places) => (fold) => {
      for (const place of places) {
        const key = batch.key[place] ?? null
        const stream = batch.stream[place] ?? null
        const sequence = batch.sequence[place] ?? Number.NaN
        if (key !== null) replace(key, stream, fold)
        sql.insert.run(
          batch.position[place] ?? 0,
          batch.time_ms[place] ?? 0,
          batch.topic[place] ?? '',
          key,
          stream,
          Number.isNaN(sequence) ? null : sequence,
          payloadAt(batch, place),
        )
        if (count !== undefined) count += 1
      }
    },
    read: (after_position, limit) => sql.read.all(after_position, limit).map((found) => entryOf(lane.name, found)),
    list: () => sql.list.all().map((found) => entryOf(lane.name, found)),
    trim: () => undefined,
    sweep(to) {
      count = undefined
      sql.sweep.run(to)
    },
    count: counted,
    first: () => Number(sql.first.get()?.first ?? 0),
    forgetCount() {
      count = undefined
    },
  }
}

/** A row of a table with one row for each entry. */
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
