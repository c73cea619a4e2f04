import type { DatabaseSync } from 'node:sqlite'
import type { StreamRow } from './backend.ts'
import type { Batch } from './batch.ts'
import { payloadAt } from './batch.ts'
import { decodeChunk, encodeChunk, entryBytes } from './chunk.ts'
import { needsLedger } from './lane-book.ts'
import { type LaneTable, laneRow } from './lane-table.ts'
import { inPairs, type Stretch } from './ledger.ts'
import { queueTable } from './schema.ts'
import type { Entry, QueueLane } from './types.ts'

/** A lane of things that happened: a row holds what one commit brought. */
export function openQueueTable(db: DatabaseSync, lane: QueueLane): LaneTable {
  const name = queueTable(lane.name)
  const sql = {
    insert: db.prepare(`INSERT INTO ${name} VALUES (?, ?, ?, ?, ?)`),
    read: db.prepare(`SELECT first, last, data FROM ${name} WHERE last > ? ORDER BY last`),
    trim: db.prepare(`DELETE FROM ${name} WHERE last <= ?`),
    floor: db.prepare('UPDATE lane SET floor = ?, last = max(last, ?) WHERE name = ?'),
    first: db.prepare(`SELECT first FROM ${name} ORDER BY last LIMIT 1`),
    last: db.prepare(`SELECT max(last) AS last FROM ${name}`),
    stretches: db.prepare(`SELECT last, bytes, at_ms FROM ${name} ORDER BY last`),
  }
  const row = laneRow(db, lane.name)
  /** A reader that is behind takes a chunk in parts. */
  let latest: { last: number; entries: Entry[] } | undefined

  function entriesOf(chunk: Record<string, unknown>): Entry[] {
    const last = Number(chunk.last)
    if (latest?.last === last) return latest.entries
    latest = { last, entries: decodeChunk(lane.name, Number(chunk.first), chunk.data as Uint8Array) }
    return latest.entries
  }

  function read(after_position: number, limit: number): Entry[] {
    const found: Entry[] = []
    for (const chunk of sql.read.iterate(after_position)) {
      for (const entry of entriesOf(chunk)) {
        if (entry.position <= after_position) continue
        found.push(entry)
        if (found.length === limit) return found
      }
    }
    return found
  }

  const firstHeld = (): number | undefined => {
    const found = sql.first.get()
    return found && Math.max(Number(found.first), row().floor)
  }
  const lastHeld = (): number => Math.max(row().last, Number(sql.last.get()?.last ?? 0))

  return {
    kind: 'queue',
    opened() {
      const last = lastHeld()
      const first = firstHeld() ?? last + 1
      const stretches = needsLedger(lane) ? stretchesOf(sql.stretches.iterate()) : []
      return { first, last, count: last - first + 1, dropped: row().dropped, tombstones: 0, stretches }
    },
    streamsSinceFold() {
      const highest = new Map<string, number>()
      for (const { stream, sequence = 0 } of read(row().folded, Number.POSITIVE_INFINITY)) {
        if (stream === undefined) continue
        const before = highest.get(stream) ?? sequence
        // The newest use last.
        highest.delete(stream)
        highest.set(stream, Math.max(before, sequence))
      }
      return [...highest].map(([stream, sequence]): StreamRow => ({ lane: lane.name, name: stream, highest: sequence }))
    },
    prepare(batch, places, at_ms) {
      const first = batch.position[places[0] ?? 0] ?? 0
      const last = batch.position[places.at(-1) ?? 0] ?? 0
      const data = encodeChunk(batch, places)
      const bytes = places.reduce((sum, place) => sum + sizeAt(batch, place), 0)
      return () => {
        sql.insert.run(last, first, bytes, at_ms, data)
      }
    },
    read,
    list: () => read(row().floor - 1, Number.POSITIVE_INFINITY),
    trim(to) {
      sql.trim.run(to)
      sql.floor.run(to + 1, to, lane.name)
    },
    sweep: () => undefined,
    count: () => 0,
    first: () => firstHeld() ?? 0,
    forgetCount() {
      latest = undefined
    },
  }
}

function sizeAt(batch: Batch, place: number): number {
  return entryBytes({ payload: payloadAt(batch, place), topic: batch.topic[place] ?? '' })
}

/** More than a ledger keeps apart would only be carried to the other thread for nothing. */
const STRETCHES_MAX = 2_048

function stretchesOf(rows: Iterable<Record<string, unknown>>): Stretch[] {
  let stretches: Stretch[] = []
  let step = 1
  let taken = 0
  for (const row of rows) {
    const at_ms = Number(row.at_ms)
    const newest = stretches.at(-1)
    if (newest && taken < step) {
      newest.to = Number(row.last)
      newest.bytes += Number(row.bytes)
      newest.at_ms = at_ms
      taken += 1
    } else {
      stretches.push({ to: Number(row.last), bytes: Number(row.bytes), from_ms: at_ms, at_ms })
      taken = 1
    }
    if (stretches.length <= STRETCHES_MAX) continue
    stretches = inPairs(stretches)
    step *= 2
  }
  return stretches
}
