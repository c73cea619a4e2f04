import { createHash } from 'node:crypto'
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { LinliError } from '../contract/errors.ts'
import { openFileLog } from './open.ts'
import type { Append, LaneConfig, Log } from './types.ts'

/** Files as damage leaves them, at the opening and under a running log. */

const LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'state', kind: 'compacted' },
  { name: 'order', kind: 'queue', evict: 'never', keep: 1_000, after_damage: 'skip' },
]
const PAGE_BYTES = 1024
/** schema.ts: the write-ahead log is copied into the file at 2,000 pages, so that these lie in both. */
const ALARMS = 3_000
const ORDERS = 60
const CARRIED_OUT = 40
const PASSED = 500
/** Alarms that the journal still gives out. */
const KEPT = ALARMS + 1 - PASSED

let cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  cleanups = []
})

function payloadOf(number: number): Buffer {
  const parts = Array.from({ length: 9 }, (_, part) => createHash('sha256').update(`${number} ${part}`).digest())
  return Buffer.concat([Buffer.from(String(number).padStart(8, '0')), ...parts])
}
const numberOf = (payload: Uint8Array): number => Number(Buffer.from(payload).toString('latin1', 0, 8))
const alarm = (sequence: number): Append => ({
  lane: 'alarm',
  topic: 't',
  payload: payloadOf(sequence),
  time_ms: 1,
  stream: 's',
  sequence,
})

/** A journal as a killed process leaves it, its write-ahead log beside it. */
let crashed = ''
/** One that was closed. */
let closed = ''

beforeAll(async () => {
  crashed = mkdtempSync(join(tmpdir(), 'linli-crashed-'))
  closed = mkdtempSync(join(tmpdir(), 'linli-closed-'))
  const log = await openFileLog(closed, { lanes: LANES, reserve_bytes: 0 })
  const upstream = log.cursor('upstream', ['alarm'])
  const desk = log.cursor('desk', ['order'])
  for (let sequence = 1; sequence <= ORDERS; sequence += 1) {
    await log.append({ lane: 'order', topic: 'o', payload: payloadOf(sequence), time_ms: 1 })
    await log.append({ lane: 'state', topic: 'k', key: `k${sequence % 7}`, payload: payloadOf(sequence), time_ms: 2 })
  }
  desk.advance('order', 10)
  await desk.flush()
  for (let first = 1; first <= ALARMS; first += 10)
    await Promise.all(Array.from({ length: 10 }, (_, index) => log.append(alarm(first + index))))
  upstream.advance('alarm', PASSED)
  desk.advance('order', CARRIED_OUT)
  await desk.flush()
  await log.append(alarm(ALARMS + 1))
  cpSync(closed, crashed, { recursive: true })
  await log.close()
}, 60_000)
afterAll(() => {
  for (const folder of [crashed, closed]) rmSync(folder, { recursive: true, force: true })
})

function copyOf(image: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'linli-damage-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(image, folder, { recursive: true })
  return folder
}

function overwrite(file: string, at: number, bytes: number, fill = 0xa5): void {
  const open = openSync(file, 'r+')
  writeSync(open, Buffer.alloc(bytes, fill), 0, bytes, at)
  closeSync(open)
}

async function opened(folder: string): Promise<{ log: Log; faults: LinliError[] }> {
  const faults: LinliError[] = []
  const log = await openFileLog(folder, { lanes: LANES, reserve_bytes: 0, onFault: (fault) => faults.push(fault) })
  cleanups.push(() => log.close())
  return { log, faults }
}

/** What holds after any damage; returns the numbers of the alarms that are there. */
async function expectSound(log: Log, isRecovered: boolean): Promise<number[]> {
  const held = await log.list('alarm')
  const numbers = held.map(({ payload }) => numberOf(payload))
  expect(held.every(({ payload }) => payloadOf(numberOf(payload)).equals(payload))).toBe(true)
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  // No position is given a second time.
  if (isRecovered) for (const { position } of held) expect(position).toBeGreaterThan(ALARMS + 1)
  // No order that was carried out is given to the reader again.
  const desk = log.cursor('desk', ['order'])
  const orders = (await log.read('order', desk.position('order'), 1_000)).map(({ payload }) => numberOf(payload))
  expect(orders.filter((number) => number <= CARRIED_OUT)).toEqual([])
  // It goes on, and knows what it holds.
  const next = await log.append(alarm(ALARMS + 100))
  expect(next).toEqual({ position: log.last('alarm') })
  if (numbers.length > 0) await expect(log.append(alarm(numbers.at(-1) ?? 0))).resolves.toEqual({ duplicate: true })
  return numbers
}

const asides = (folder: string): string[] => readdirSync(folder).filter((name) => name.includes('.damaged-'))

describe('a damaged file at the opening', () => {
  it('is not suspected when the process was killed: everything is there and nothing is reported', async () => {
    const { log, faults } = await opened(copyOf(crashed))
    expect(faults).toEqual([])
    expect((await expectSound(log, false)).length).toBe(KEPT)
    expect(log.cursor('desk', ['order']).position('order')).toBe(CARRIED_OUT)
  })

  it('with a bad page in the middle is set aside whole, and all but that page is kept', async () => {
    const folder = copyOf(closed)
    const path = join(folder, 'journal.db')
    overwrite(path, Math.floor(statSync(path).size / 2 / PAGE_BYTES) * PAGE_BYTES, PAGE_BYTES)
    const damaged = readFileSync(path)
    const { log, faults } = await opened(folder)
    expect(faults).toMatchObject([
      { code: 'JOURNAL_DAMAGED', kind: 'fault', message: expect.stringMatching(/alarm: \d+ entries recovered/) },
    ])
    expect(log.stats().recoveries).toBe(1)
    const [aside = ''] = asides(folder)
    expect(aside).toMatch(/^journal\.db\.damaged-[\dT.Z-]+$/)
    expect(readFileSync(join(folder, aside)).equals(damaged)).toBe(true)
    expect((await expectSound(log, true)).length).toBeGreaterThan(KEPT - 100)
    // The readers stand before the first that they had not passed.
    const upstream = log.cursor('upstream', ['alarm'])
    const [next] = await log.read('alarm', upstream.position('alarm'), 1)
    expect(numberOf(next?.payload ?? new Uint8Array())).toBe(PASSED + 1)
    expect((await log.list('state')).length).toBe(7)
  })

  /** Half of them among the first pages, where the tables begin. */
  const ROUNDS = process.env.LINLI_LONG ? 14 : 6

  it('gives nothing twice to who carries out orders, whichever page is bad', async () => {
    const pages = statSync(join(closed, 'journal.db')).size / PAGE_BYTES
    let found = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const folder = copyOf(closed)
      const page = round < ROUNDS / 2 ? round : Math.floor((round / ROUNDS) * pages)
      overwrite(join(folder, 'journal.db'), page * PAGE_BYTES + (round % 2) * 300, 400, round * 11)
      const { log, faults } = await opened(folder)
      found += faults.length
      await expectSound(log, faults.length > 0)
      await log.close()
    }
    expect(found).toBeGreaterThanOrEqual(ROUNDS / 2)
  }, 120_000)

  it('whose bytes changed within a value is found by its checksum, when it is read', async () => {
    const folder = copyOf(closed)
    const path = join(folder, 'journal.db')
    const at = readFileSync(path).indexOf(payloadOf(1_700).subarray(8, 72))
    expect(at).toBeGreaterThan(0)
    overwrite(path, at, 8)
    const { log, faults } = await opened(folder)
    expect(faults).toEqual([])
    const held = await log.list('alarm')
    expect(held.length).toBeGreaterThan(KEPT - 20)
    expect(held.every(({ payload }) => payloadOf(numberOf(payload)).equals(payload))).toBe(true)
    await log.append(alarm(ALARMS + 50))
    expect(faults).toMatchObject([{ code: 'JOURNAL_DAMAGED' }])
  })

  it('that is no database at all, or empty, or gone, is begun anew, far behind all positions', async () => {
    for (const damage of ['garbage', 'empty', 'gone', 'head'] as const) {
      const folder = copyOf(closed)
      const path = join(folder, 'journal.db')
      writeFileSync(join(folder, 'reserve-tidying'), '')
      if (damage === 'garbage') writeFileSync(path, Buffer.alloc(10_000, 0x5a))
      else if (damage === 'empty') truncateSync(path, 0)
      else if (damage === 'head') overwrite(path, 0, 100)
      else rmSync(path)
      const { log, faults } = await opened(folder)
      expect([damage, faults.map(({ code }) => code)]).toEqual([damage, ['JOURNAL_DAMAGED']])
      expect(await expectSound(log, true)).toEqual([])
      expect(log.last('alarm')).toBeGreaterThan(1_000_000)
      await log.close()
    }
  })

  it('is not what another program left there: that is not touched', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linli-damage-'))
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
    const other = new DatabaseSync(join(folder, 'journal.db'))
    other.exec('PRAGMA application_id=42; CREATE TABLE theirs (x)')
    other.close()
    await expect(opened(folder)).rejects.toMatchObject({ code: 'JOURNAL_CONFIG' })
    expect(asides(folder)).toEqual([])
  })
})

describe('a damaged write-ahead log', () => {
  const FRAME_BYTES = 24 + PAGE_BYTES

  it('with a bad place in the middle does not silently lose what was committed behind it', async () => {
    const folder = copyOf(crashed)
    const wal = join(folder, 'journal.db-wal')
    const frames = Math.floor((statSync(wal).size - 32) / FRAME_BYTES)
    expect(frames).toBeGreaterThan(100)
    // Of the round that is under way: further back are leftovers of the one before.
    overwrite(wal, 32 + 20 * FRAME_BYTES + 500, 100)
    const damaged = readFileSync(wal)
    const { log, faults } = await opened(folder)
    expect(faults).toMatchObject([{ code: 'JOURNAL_DAMAGED', message: expect.stringContaining('frame 21') }])
    const [aside = ''] = asides(folder).filter((name) => name.endsWith('-wal'))
    expect(readFileSync(join(folder, aside)).equals(damaged)).toBe(true)
    const numbers = await expectSound(log, true)
    expect(numbers.at(-1)).toBe(ALARMS + 1)
    expect(numbers.length).toBeGreaterThan(KEPT - 100)
    expect(log.recovery()?.lanes.order?.isDoubtful).toBe(true)
  })

  it('with a torn end is what a crash leaves: the transaction under way is not there, and nothing is reported', async () => {
    const folder = copyOf(crashed)
    const wal = join(folder, 'journal.db-wal')
    truncateSync(wal, statSync(wal).size - 1)
    const { log, faults } = await opened(folder)
    expect(faults).toEqual([])
    expect((await expectSound(log, false)).length).toBeGreaterThanOrEqual(KEPT - 1)
  })

  it('that is gone, empty or has no head is noticed, and the orders behind the last known place are not given again', async () => {
    for (const damage of ['gone', 'empty', 'head'] as const) {
      const folder = copyOf(crashed)
      const wal = join(folder, 'journal.db-wal')
      if (damage === 'gone') rmSync(wal)
      else if (damage === 'empty') truncateSync(wal, 0)
      else overwrite(wal, 0, 16)
      const { log, faults } = await opened(folder)
      expect([damage, faults.map(({ code }) => code)]).toEqual([damage, ['JOURNAL_DAMAGED']])
      await expectSound(log, true)
      // The file says 10 or less: what is behind may have been carried out, so it is shown and not given.
      expect(log.cursor('desk', ['order']).position('order')).toBe(log.last('order'))
      expect((await log.list('order')).length).toBeGreaterThan(0)
      await log.close()
    }
  })

  it('whose database is empty is kept beside it, not thrown away', async () => {
    const folder = copyOf(crashed)
    truncateSync(join(folder, 'journal.db'), 0)
    const { log, faults } = await opened(folder)
    expect(faults).toMatchObject([{ code: 'JOURNAL_DAMAGED' }])
    expect(asides(folder).some((name) => name.endsWith('-wal'))).toBe(true)
    await expectSound(log, true)
  })
})

describe('a damaged reserve', () => {
  it('is made whole again, whatever stands in its place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linli-damage-'))
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
    const open = () => openFileLog(folder, { lanes: LANES, reserve_bytes: 200_000 })
    await (await open()).close()
    const [entries, first, tidying] = ['entries', 'first', 'tidying'].map((name) => join(folder, `reserve-${name}`))
    truncateSync(String(entries), 0)
    rmSync(String(first))
    mkdirSync(String(first))
    truncateSync(String(tidying), 100)
    truncateSync(String(tidying), 2_621_440)
    const log = await open()
    cleanups.push(() => log.close())
    expect(statSync(String(entries)).size).toBe(200_000)
    expect(statSync(String(first)).size).toBe(100_000)
    // Not a hole that only looks as if it held room.
    expect(statSync(String(tidying)).blocks * 512).toBeGreaterThanOrEqual(2_621_440)
    expect(log.stats().fault).toBeUndefined()
  })
})

describe('damage under a running log', () => {
  /** More than the connection keeps in memory (4 MiB), so that the file itself is read. */
  const MANY = 24_000

  async function filled(): Promise<{ log: Log; faults: LinliError[]; folder: string }> {
    const folder = mkdtempSync(join(tmpdir(), 'linli-damage-'))
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
    const { log, faults } = await opened(folder)
    const upstream = log.cursor('upstream', ['alarm'])
    for (let first = 1; first <= MANY; first += 400)
      await Promise.all(Array.from({ length: 400 }, (_, index) => log.append(alarm(first + index))))
    upstream.advance('alarm', 1_000)
    await upstream.flush()
    return { log, faults, folder }
  }

  it('is met while reading or writing: the file is replaced, positions stay, nothing is given twice, and it goes on', async () => {
    const { log, faults, folder } = await filled()
    const path = join(folder, 'journal.db')
    const pages = statSync(path).size / PAGE_BYTES
    overwrite(path, Math.floor(pages / 2) * PAGE_BYTES, 40 * PAGE_BYTES)
    const before = log.last('alarm')
    const held = await log.list('alarm')
    await expect(log.append(alarm(MANY + 1))).resolves.toEqual({ position: before + 1 })
    expect(faults).toMatchObject([{ code: 'JOURNAL_DAMAGED' }])
    expect(log.stats()).toMatchObject({ fault: undefined, recoveries: 1 })
    expect(held.length).toBeGreaterThan(MANY / 2)
    // What is left stands where it stood: a reader's position means the same as before.
    expect(held.every(({ payload, position }) => numberOf(payload) === position)).toBe(true)
    expect(held.every(({ payload }) => payloadOf(numberOf(payload)).equals(payload))).toBe(true)
    expect(log.cursor('upstream', ['alarm']).durable('alarm')).toBe(1_000)
    await expect(log.append(alarm(MANY))).resolves.toEqual({ duplicate: true })
    await log.close()
    const again = await opened(folder)
    expect(again.faults).toEqual([])
    expect(again.log.last('alarm')).toBe(before + 1)
    expect(again.log.cursor('upstream', ['alarm']).position('alarm')).toBe(1_000)
    await expect(again.log.append(alarm(MANY))).resolves.toEqual({ duplicate: true })
  }, 60_000)

  it('that a commit meets refuses nothing', async () => {
    const { log, faults, folder } = await filled()
    const path = join(folder, 'journal.db')
    // Everything but the first page: whatever the next commits ask the file for is bad.
    overwrite(path, PAGE_BYTES, statSync(path).size - PAGE_BYTES)
    const before = log.last('alarm')
    // Through the pages that are in memory, until one is needed that is not.
    for (let sequence = MANY + 1; sequence <= MANY + 6_000 && faults.length === 0; sequence += 200) {
      const appends = Array.from({ length: 200 }, (_, index) => log.append(alarm(sequence + index)))
      const cursor = log.cursor('upstream', ['alarm'])
      cursor.advance('alarm', cursor.position('alarm') + 400)
      await Promise.all(appends)
    }
    expect(faults).toMatchObject([{ code: 'JOURNAL_DAMAGED' }])
    expect(log.last('alarm')).toBeGreaterThan(before)
    expect(asides(folder).length).toBeGreaterThan(0)
    const next = await log.append(alarm(MANY * 2))
    expect(next).toEqual({ position: log.last('alarm') })
    await expect(log.append(alarm(MANY))).resolves.toEqual({ duplicate: true })
  }, 60_000)
})
