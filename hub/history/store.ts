import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LinliEvent } from '../contract/event.ts'
import type { ReadingQuality, ReadingReason } from '../contract/park-sensor.ts'
import type { SenmlPack } from '../contract/senml.ts'
import { MERGE, transaction } from './file.ts'
import { add, bucketOf, emptyRollup, kindOf, type Rollup } from './rollup.ts'
import { readingsOf } from './senml.ts'
import { createTidying } from './tidying.ts'
import {
  BASE_MS,
  type Bucket,
  type Pack,
  type RawReading,
  type Reading,
  type Retention,
  type RollupBase,
  type Series,
  type SeriesKind,
  type Slice,
  type Stored,
} from './types.ts'

/** The tables of the history, called from one thread. Throws SQLite's own errors. */
export interface Store {
  append(packs: Pack[]): Stored
  copyTo(path: string): void
  tidy(now_ms: number): boolean
  series(): Series[]
  count(slice: Slice): number
  raw(slice: Slice, after: { t_ms: number; series: number } | null, limit: number): RawReading[]
  buckets(series: number, base: RollupBase, from_ms: number, to_ms: number, step_ms: number): Bucket[]
}

/** As their places here they are in the file: only ever add to the end. The contract's own list would bring its schemas into the thread. */
const STORED_QUALITIES: readonly ReadingQuality[] = ['good', 'suspect', 'bad']

interface KnownSeries extends Series {
  kind: SeriesKind
}

/** New rows of one batch, by series and begin. */
type Pending = Map<string, { t_ms: number; series: number; rollup: Rollup }>

export function createStore(db: DatabaseSync, retention: Retention, bytes: () => number): Store {
  const known = new Map<string, KnownSeries>()
  const insertSeries = db.prepare('INSERT INTO series (device, quantity, unit) VALUES (?, ?, ?) RETURNING id')
  const insertReading = db.prepare('INSERT OR IGNORE INTO reading VALUES (?, ?, ?, ?, ?)')
  const upsert: Record<RollupBase, StatementSync> = {
    minute: db.prepare(`INSERT INTO minute_new VALUES (?, ?, ?, ?, ?, ?, ?, ?) ${MERGE}`),
    hour: db.prepare(`INSERT INTO hour_new VALUES (?, ?, ?, ?, ?, ?, ?, ?) ${MERGE}`),
  }
  const tidying = createTidying(db, retention)

  function learnSeries(): void {
    known.clear()
    for (const row of db.prepare('SELECT id, device, quantity, unit FROM series ORDER BY id').all()) {
      const one = {
        id: Number(row.id),
        device: String(row.device),
        quantity: String(row.quantity),
        unit: String(row.unit),
      }
      known.set(keyOf(one), { ...one, kind: kindOf(one) })
    }
  }
  learnSeries()

  function seriesOf(reading: Reading): KnownSeries {
    const found = known.get(keyOf(reading))
    if (found) return found
    const { device, quantity, unit } = reading
    const id = Number(insertSeries.get(device, quantity, unit)?.id)
    const made = { id, device, quantity, unit, kind: kindOf(reading) }
    known.set(keyOf(reading), made)
    return made
  }

  /** True when it was not there yet. */
  function insert(reading: Reading, minutes: Pending, hours: Pending): boolean {
    const { id, kind } = seriesOf(reading)
    const { t_ms, value, quality, reason } = reading
    const { changes } = insertReading.run(t_ms, id, value, STORED_QUALITIES.indexOf(quality), reason)
    if (Number(changes) === 0) return false
    add(rollupIn(minutes, 'minute', id, t_ms), kind, value, quality === 'good')
    add(rollupIn(hours, 'hour', id, t_ms), kind, value, quality === 'good')
    return true
  }

  function appendAll(packs: Pack[]): Omit<Stored, 'bytes'> {
    const stored = { added: 0, repeated: 0, unplaced: 0 }
    const minutes: Pending = new Map()
    const hours: Pending = new Map()
    for (const { topic, text, arrived_ms } of packs) {
      const event = JSON.parse(text) as LinliEvent<SenmlPack>
      const device = topic.slice(0, topic.lastIndexOf('/'))
      const { readings, unplaced } = readingsOf(event, device, arrived_ms, retention.raw_ms)
      stored.unplaced += unplaced
      for (const reading of readings) stored[insert(reading, minutes, hours) ? 'added' : 'repeated'] += 1
    }
    for (const [base, pending] of [
      ['minute', minutes],
      ['hour', hours],
    ] as const) {
      for (const { t_ms, series, rollup } of pending.values()) {
        const { good, total, sum, sum_y, lo, hi } = rollup
        upsert[base].run(t_ms, series, good, total, sum, sum_y, lo, hi)
      }
    }
    return stored
  }

  return {
    append(packs) {
      try {
        const stored = transaction(db, () => appendAll(packs))
        tidying.grown(stored.added)
        return { ...stored, bytes: bytes() }
      } catch (error) {
        // Series that were made in the transaction are gone with it.
        learnSeries()
        throw error
      }
    },
    tidy: (now_ms) => tidying.step(now_ms),
    copyTo: (path) => void db.prepare('VACUUM INTO ?').run(path),
    series: () => [...known.values()].map(({ id, device, quantity, unit }) => ({ id, device, quantity, unit })),
    count(slice) {
      const row = db
        .prepare(`SELECT count(*) AS rows FROM reading WHERE ${where(slice)}`)
        .get(slice.from_ms, slice.to_ms)
      return Number(row?.rows)
    },
    raw(slice, after, limit) {
      const last = after ?? { t_ms: slice.from_ms, series: -1 }
      const sql = `SELECT t_ms, series, value, quality, reason FROM reading
        WHERE ${where(slice)} AND (t_ms, series) > (?, ?) ORDER BY t_ms, series LIMIT ?`
      return db.prepare(sql).all(last.t_ms, slice.to_ms, last.t_ms, last.series, limit).map(rawOf)
    },
    buckets(series, base, from_ms, to_ms, step_ms) {
      const kind = [...known.values()].find(({ id }) => id === series)?.kind ?? 'gauge'
      const step = Math.max(BASE_MS[base], step_ms)
      const found = new Map<number, Rollup>()
      // Put together here: SQLite would sort by an expression what it reads in order.
      for (const table of [base, `${base}_new`]) {
        const select = db.prepare(
          `SELECT t_ms, good, total, sum, sum_y, lo, hi FROM ${table} WHERE series = ? AND t_ms >= ? AND t_ms < ? ORDER BY t_ms`,
        )
        select.setReturnArrays(true)
        for (const row of select.all(series, from_ms, to_ms) as unknown as RollupRow[]) {
          const begin_ms = from_ms + Math.floor((row[0] - from_ms) / step) * step
          const rollup = found.get(begin_ms)
          if (rollup) merge(rollup, row)
          else found.set(begin_ms, fromRow(row))
        }
      }
      const inOrder = [...found].sort(([a], [b]) => a - b)
      return inOrder.map(([t_ms, rollup]) => bucketOf(t_ms, kind, rollup))
    },
  }
}

type RollupRow = [
  t_ms: number,
  good: number,
  total: number,
  sum: number,
  sum_y: number,
  lo: number | null,
  hi: number | null,
]

function fromRow([, good, total, sum, sum_y, lo, hi]: RollupRow): Rollup {
  return { good, total, sum, sum_y, lo, hi }
}

function merge(into: Rollup, [, good, total, sum, sum_y, lo, hi]: RollupRow): void {
  into.good += good
  into.total += total
  into.sum += sum
  into.sum_y += sum_y
  if (lo !== null) into.lo = Math.min(into.lo ?? lo, lo)
  if (hi !== null) into.hi = Math.max(into.hi ?? hi, hi)
}

function keyOf({ device, quantity, unit }: Omit<Series, 'id'>): string {
  return `${device}\n${quantity}\n${unit}`
}

function rollupIn(pending: Pending, base: RollupBase, series: number, at_ms: number): Rollup {
  const t_ms = Math.floor(at_ms / BASE_MS[base]) * BASE_MS[base]
  const key = `${series} ${t_ms}`
  const found = pending.get(key)
  if (found) return found.rollup
  const rollup = emptyRollup()
  pending.set(key, { t_ms, series, rollup })
  return rollup
}

function where({ series }: Slice): string {
  const among = series === undefined ? '' : ` AND series IN (${series.map((id) => Math.trunc(id)).join(',')})`
  return `t_ms >= ? AND t_ms < ?${among}`
}

function rawOf(row: Record<string, unknown>): RawReading {
  return {
    series: Number(row.series),
    t_ms: Number(row.t_ms),
    value: row.value === null ? null : Number(row.value),
    quality: STORED_QUALITIES[Number(row.quality)] ?? 'bad',
    reason: row.reason as ReadingReason | null,
  }
}
