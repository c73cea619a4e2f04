import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeEvent } from '../../hub/contract/event.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { HISTORY_FILE } from '../../hub/history/file.ts'
import { answer } from '../../hub/history/query.ts'
import { siteTime } from '../../hub/history/site-time.ts'
import { createThreadBackend } from '../../hub/history/thread.ts'
import { DAY_MS, type HistoryBackend, HOUR_MS, MINUTE_MS, type Pack, RETENTION } from '../../hub/history/types.ts'
import { type Bench, type Findings, inMs, type Row, ratioOf } from './bench.ts'
import { writtenBytes } from './host.ts'
import { median } from './statistics.ts'

/** The history of 30 parks with 10 quantities each, beside bare SQLite with one table, keyed by series and time, in the same run. */

const PARKS = 30
const QUANTITIES = 10
const SERIES = PARKS * QUANTITIES
/** Each series once a minute; the feed gathers half a minute of them. */
const GATHERS_PER_MINUTE = 2
/** What the table beside it holds before: on an empty one all series share a few pages. */
const BEFORE_MINUTES = 1_440
const PACK_SIZES = [1, 5, 10]
const CATCH_UP_PACKS = 256
const BEGIN_MS = Date.parse('2026-01-01T00:00:00Z')
const DAYS = 365
const ROUNDS = 15

export async function history(bench: Bench): Promise<Findings> {
  const rows: Row[] = []
  const data: Record<string, unknown> = {}
  for (const size of PACK_SIZES) {
    bench.say(`history: ingest, ${size} readings a pack`)
    rows.push(await ingest(bench, size, data))
    bench.say(`history: bytes written, ${size} readings a pack`)
    rows.push(await written(bench, size, data))
  }
  rows.push(...(await questions(bench, data)))
  return {
    rows,
    data,
    notes: [
      `History: ${SERIES} series, one reading a minute each. Ingest is catching up, ${CATCH_UP_PACKS} packs a commit with fsync, JSON decoded in the thread, raw readings and both rollups; beside it bare inserts of the same numbers, the same readings a commit, no decoding and no rollups.`,
      'Bytes written: write_bytes of this process over some hours of live running (a commit every 30 s, folding included); beside it the same commits into one table of raw readings keyed by series and time that holds a day before.',
      `Questions: median of ${ROUNDS}, from question to an answer of at most 1,500 points, after a year of hours of all series and some days of minutes were made with SQL; beside it a bare SELECT of as many rows from one table in the order asked for.`,
    ],
  }
}

function packsOf(minute: number, size: number): Pack[] {
  const wall_ms = BEGIN_MS + minute * MINUTE_MS
  const packs: Pack[] = []
  for (let first = 0; first < SERIES; first += size) {
    const device = `air-${Math.floor(first / QUANTITIES)}`
    const address: Address = { street: 's', community: 'c', estate: 'e', gateway: 'gw-1', class: 'park-sensor', device }
    const pack: SenmlPack = Array.from({ length: size }, (_, index) => ({
      n: `q${(first + index) % QUANTITIES}`,
      u: 'Cel',
      v: ((minute * 7 + first + index) % 400) / 10,
      ...(index === 0 ? { bn: `${device}/`, bt: wall_ms / 1000 } : {}),
    }))
    const stamp = { wall_ms, monotonic_ms: minute, quality: 'synced' } as const
    const event = makeEvent({ address, bootid: 'b', sequence: first }, 'telemetry', 'notice', stamp, pack)
    packs.push({
      topic: formatTopic({ ...address, channel: 'tele' }),
      text: JSON.stringify(event),
      arrived_ms: wall_ms,
    })
  }
  return packs
}

function opened(bench: Bench, name: string): { backend: HistoryBackend; folder: string } {
  const folder = bench.folder(name)
  const backend = createThreadBackend({ folder, retention: RETENTION })
  bench.closers.push(() => backend.close())
  return { backend, folder }
}

async function ingest(bench: Bench, size: number, data: Record<string, unknown>): Promise<Row> {
  const minutes = bench.quick ? 60 : 300
  const packs = Array.from({ length: minutes }, (_, minute) => packsOf(minute, size)).flat()
  const count = minutes * SERIES
  const { backend } = opened(bench, `ingest-${size}`)
  await backend.open()
  const from_ms = performance.now()
  for (let next = 0; next < packs.length; next += CATCH_UP_PACKS)
    await backend.append(packs.slice(next, next + CATCH_UP_PACKS))
  const ours = count / ((performance.now() - from_ms) / 1000)
  const bare = bareTable(join(bench.folder(`bare-ingest-${size}`), 'bare.db'))
  const begin_ms = performance.now()
  for (let next = 0; next < count; next += CATCH_UP_PACKS * size)
    bare.insert(next, Math.min(count, next + CATCH_UP_PACKS * size))
  const plain = count / ((performance.now() - begin_ms) / 1000)
  bare.db.close()
  data[`ingest-${size}`] = { ours, plain }
  return {
    what: `history: readings/s when catching up, ${size} a pack`,
    linli: `${(ours / 1000).toFixed(0)}k/s`,
    peer: `bare inserts ${(plain / 1000).toFixed(0)}k/s`,
    ratio: ratioOf(ours, plain),
  }
}

async function written(bench: Bench, size: number, data: Record<string, unknown>): Promise<Row> {
  const minutes = bench.quick ? 61 : 241
  const { backend } = opened(bench, `written-${size}`)
  await backend.open()
  const before = writtenBytes(process.pid)
  for (let minute = 0; minute < minutes; minute++) {
    const packs = packsOf(minute, size)
    const together = Math.ceil(packs.length / GATHERS_PER_MINUTE)
    for (let next = 0; next < packs.length; next += together) await backend.append(packs.slice(next, next + together))
    if (minute % 60 === 0) while (await backend.tidy(BEGIN_MS + minute * MINUTE_MS));
  }
  await backend.close()
  const ours = (writtenBytes(process.pid) - before) / (minutes * SERIES)
  const bare = bareTable(join(bench.folder(`bare-written-${size}`), 'bare.db'))
  bare.insert(-BEFORE_MINUTES * SERIES, 0)
  bare.db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const bare_before = writtenBytes(process.pid)
  const together = SERIES / GATHERS_PER_MINUTE
  for (let next = 0; next < minutes * SERIES; next += together) bare.insert(next, next + together)
  bare.db.close()
  const plain = (writtenBytes(process.pid) - bare_before) / (minutes * SERIES)
  data[`written-${size}`] = { ours, plain }
  return {
    what: `history: bytes written per reading, live, ${size} a pack`,
    linli: `${ours.toFixed(0)} B`,
    peer: `one table by series ${plain.toFixed(0)} B`,
    ratio: ratioOf(ours, plain),
  }
}

/** Raw readings alone in the order in which they are asked for: what one would do first. */
function bareTable(path: string) {
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
  db.exec('CREATE TABLE r (series INTEGER, t INTEGER, v REAL, PRIMARY KEY (series, t)) WITHOUT ROWID')
  const one = db.prepare('INSERT INTO r VALUES (?, ?, ?)')
  return {
    db,
    insert(from: number, to: number) {
      db.exec('BEGIN')
      for (let number = from; number < to; number++) {
        const minute = Math.floor(number / SERIES)
        one.run(((number % SERIES) + SERIES) % SERIES, BEGIN_MS + minute * MINUTE_MS, (Math.abs(number) % 400) / 10)
      }
      db.exec('COMMIT')
    },
  }
}

async function questions(bench: Bench, data: Record<string, unknown>): Promise<Row[]> {
  const minute_days = bench.quick ? 1 : 7
  bench.say(`history: a year of ${SERIES} series, ${minute_days} days of minutes`)
  const { backend, folder } = opened(bench, 'year')
  await backend.append(packsOf(0, QUANTITIES))
  await backend.close()
  const end_ms = BEGIN_MS + DAYS * DAY_MS
  const db = new DatabaseSync(join(folder, HISTORY_FILE))
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF')
  fill(db, 'hour', BEGIN_MS + DAY_MS, HOUR_MS, (DAYS - 1) * 24)
  fill(db, 'minute', end_ms - minute_days * DAY_MS, MINUTE_MS, minute_days * 1440)
  db.exec(
    'CREATE TABLE bare (series INTEGER, t_ms INTEGER, v REAL, PRIMARY KEY (series, t_ms)) WITHOUT ROWID; INSERT INTO bare SELECT series, t_ms, sum FROM hour; INSERT INTO bare SELECT series, t_ms, sum FROM minute WHERE true ON CONFLICT DO NOTHING',
  )
  const rows: Row[] = []
  const spans: [string, number, number][] = [
    ['a day in minutes', DAY_MS, MINUTE_MS],
    ['a month in hours', 30 * DAY_MS, HOUR_MS],
    ['a year in hours', 364 * DAY_MS, HOUR_MS],
  ]
  const plain = new Map<string, number>()
  const select = db.prepare(
    'SELECT t_ms, v FROM bare WHERE series = ? AND t_ms >= ? AND t_ms < ? ORDER BY t_ms LIMIT ?',
  )
  for (const [name, span_ms, step_ms] of spans) {
    plain.set(name, await timed((round) => select.all(1 + round, end_ms - span_ms, end_ms, span_ms / step_ms)))
  }
  db.exec('DROP TABLE bare')
  db.close()
  for (const [name, span_ms] of spans) {
    const ours = await timed((round) => {
      const question = {
        series: String(1 + round),
        from: siteTime(end_ms - span_ms),
        to: siteTime(end_ms),
        points: '10000',
      }
      return answer(backend, question, end_ms)
    })
    data[name] = { ours, plain: plain.get(name) }
    rows.push({
      what: `history: question for ${name}, of ${DAYS} days of ${PARKS} parks`,
      linli: inMs(ours),
      peer: `bare SELECT ${inMs(plain.get(name))}`,
      ratio: ratioOf(ours, plain.get(name)),
    })
  }
  return rows
}

function fill(db: DatabaseSync, table: 'hour' | 'minute', from_ms: number, step_ms: number, count: number): void {
  db.prepare(
    `WITH RECURSIVE t(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n + 1 < ?3)
     INSERT INTO ${table} SELECT CAST(?1 + n * ?2 AS INTEGER), id, 1, 1, n % 40, 0, n % 40, n % 40 FROM series, t`,
  ).run(from_ms, step_ms, count)
}

/** A series of its own in each round, the first of which warms up. */
async function timed(ask: (round: number) => unknown): Promise<number> {
  const samples: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const from_ms = performance.now()
    await ask(round)
    if (round > 0) samples.push(performance.now() - from_ms)
  }
  return median(samples)
}
