import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeEvent } from '../contract/event.ts'
import type { SenmlPack } from '../contract/senml.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import { createStoreBackend } from './backend.ts'
import { add, bucketOf, emptyRollup, kindOf } from './rollup.ts'
import { BASE_MS, type Bucket, DAY_MS, HOUR_MS, MINUTE_MS, type Pack, RETENTION } from './types.ts'

const AIR: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'park-sensor',
  device: 'air-1',
}
const NOW_MS = Date.parse('2026-11-23T12:00:00Z')
let sequence = 0

function packOf(data: SenmlPack, arrived_ms = NOW_MS): Pack {
  const stamp = { wall_ms: arrived_ms, monotonic_ms: 1, quality: 'synced' } as const
  sequence += 1
  const event = makeEvent({ address: AIR, bootid: 'b1', sequence }, 'telemetry', 'notice', stamp, data)
  return { topic: formatTopic({ ...AIR, channel: 'tele' }), text: JSON.stringify(event), arrived_ms }
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linli-history-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const open = (retention = RETENTION) => createStoreBackend({ folder, retention })

const quantities = [
  { n: 'temperature', u: 'Cel' },
  { n: 'wind-direction', u: 'deg' },
  { n: 'rain', u: 'mm' },
] as const
const record = fc.record({
  of: fc.constantFrom(...quantities),
  /** Over three days, so that there is something to fold. */
  at_s: fc.integer({ min: 1, max: 3 * 86_400 }),
  v: fc.integer({ min: 0, max: 359 }),
  q: fc.constantFrom('good', 'good', 'suspect', 'bad'),
})

describe('rollups', () => {
  it('are what the raw readings give, in whatever order, however often and with whatever restarts they come', async () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ do: fc.constant('append'), from: fc.nat(), count: fc.integer({ min: 1, max: 12 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart') }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('tidy'), ahead_ms: fc.integer({ min: 0, max: DAY_MS }) }) },
    )
    const plan = fc.tuple(
      fc.array(record, { minLength: 1, maxLength: 60 }),
      fc.array(step, { minLength: 1, maxLength: 25 }),
    )
    await fc.assert(
      fc.asyncProperty(plan, async ([records, steps]) => {
        rmSync(folder, { recursive: true, force: true })
        let backend = open()
        for (const one of steps) {
          if ('from' in one) {
            const slice = Array.from({ length: one.count }, (_, index) => records[(one.from + index) % records.length])
            await backend.append([packOf(slice.flatMap((found) => (found ? [recordOf(found)] : [])))])
          } else if ('ahead_ms' in one) {
            while (await backend.tidy(NOW_MS + one.ahead_ms));
          } else {
            await backend.close()
            backend = open()
          }
        }
        for (const series of await backend.series()) {
          const slice = { from_ms: 0, to_ms: NOW_MS + DAY_MS, series: [series.id] }
          const raw = await backend.raw(slice, null, 10_000)
          for (const base of ['minute', 'hour'] as const) {
            const buckets = await backend.buckets(series.id, base, 0, slice.to_ms, BASE_MS[base])
            const expected = new Map<number, ReturnType<typeof emptyRollup>>()
            for (const { t_ms, value, quality } of raw) {
              const begin_ms = Math.floor(t_ms / BASE_MS[base]) * BASE_MS[base]
              const rollup = expected.get(begin_ms) ?? emptyRollup()
              expected.set(begin_ms, rollup)
              add(rollup, kindOf(series), value, quality === 'good')
            }
            const wanted = [...expected].map(([t_ms, rollup]) => bucketOf(t_ms, kindOf(series), rollup))
            expect(buckets.map(rounded)).toEqual(wanted.map(rounded))
          }
        }
        await backend.close()
      }),
      { numRuns: 40 },
    )
  })

  it('leave out what is not good, and say which share was', async () => {
    const backend = open()
    const bt = NOW_MS / 1000
    const u = 'Cel'
    await backend.append([
      packOf([
        { bn: 'air-1/', bt, n: 'temperature', u, t: -10, v: 20 },
        { n: 'temperature', u, t: -20, v: 22 },
        { n: 'temperature', u, t: -30, v: 85, q: 'bad', qr: 'out-of-range' },
        { n: 'temperature', u, t: -40, vs: 'bus-error', q: 'bad', qr: 'bus-error' },
      ]),
    ])
    const buckets = await backend.buckets(1, 'minute', NOW_MS - MINUTE_MS, NOW_MS, MINUTE_MS)
    expect(buckets).toEqual([{ t_ms: NOW_MS - MINUTE_MS, min: 20, mean: 21, max: 22, count: 2, good: 0.5 }])
    const raw = await backend.raw({ from_ms: 0, to_ms: NOW_MS }, null, 10)
    expect(raw.map(({ value, quality, reason }) => [value, quality, reason])).toEqual([
      [null, 'bad', 'bus-error'],
      [85, 'bad', 'out-of-range'],
      [22, 'good', null],
      [20, 'good', null],
    ])
    await backend.close()
  })

  it('of directions go round north, of counters add up', async () => {
    const backend = open()
    const bt = NOW_MS / 1000 - 100
    await backend.append([
      packOf([
        { bn: 'wind/', bt, n: 'wind-direction', u: 'deg', v: 350 },
        { n: 'wind-direction', u: 'deg', t: 10, v: 30 },
        { n: 'rain', u: 'mm', v: 0.2 },
        { n: 'rain', u: 'mm', t: 10, v: 0.4 },
      ]),
    ])
    const [direction, rain] = await Promise.all(
      [1, 2].map((id) => backend.buckets(id, 'hour', NOW_MS - HOUR_MS, NOW_MS, HOUR_MS)),
    )
    expect(direction?.map(rounded)).toMatchObject([{ mean: 10, min: null, max: null }])
    expect(rain?.map(rounded)).toMatchObject([{ sum: 0.6, max: 0.4 }])
    await backend.close()
  })
})

describe('the file', () => {
  it('lets raw readings go after their time, keeps minutes longer and hours for ever, and shrinks', async () => {
    const backend = open({ raw_ms: 2 * HOUR_MS - 1, minute_ms: 2 * DAY_MS })
    const pack = (hour: number) =>
      packOf(
        Array.from({ length: 500 }, (_, index) => ({ n: `q${index % 50}`, t: -index, v: index })),
        NOW_MS + hour * HOUR_MS,
      )
    let most = 0
    for (let hour = 0; hour < 60; hour++) most = Math.max(most, (await backend.append([pack(hour)])).bytes)
    const later_ms = NOW_MS + 60 * HOUR_MS
    while (await backend.tidy(later_ms));
    const slice = { from_ms: 0, to_ms: later_ms }
    expect(await backend.count(slice)).toBe(500)
    const [minutes, hours] = await Promise.all([
      backend.buckets(1, 'minute', 0, later_ms, MINUTE_MS),
      backend.buckets(1, 'hour', 0, later_ms, HOUR_MS),
    ])
    expect(minutes[0]?.t_ms).toBeGreaterThanOrEqual(later_ms - 2 * DAY_MS)
    expect(minutes.at(-1)?.t_ms).toBeGreaterThan(later_ms - 2 * HOUR_MS)
    expect(hours[0]?.t_ms).toBeLessThan(NOW_MS)
    while (await backend.tidy(later_ms + 3 * DAY_MS));
    expect(await backend.count(slice)).toBe(0)
    const { bytes } = await backend.append([])
    expect(bytes).toBeLessThan(most)
    await backend.close()
  })

  it('comes to an end of tidying, in memory too', async () => {
    const backend = createStoreBackend({ retention: { raw_ms: HOUR_MS, minute_ms: DAY_MS } })
    await backend.append([
      packOf(
        Array.from({ length: 400 }, (_, index) => ({ n: `q${index}`, v: index })),
        NOW_MS,
      ),
    ])
    let steps = 0
    while (steps < 1000 && (await backend.tidy(NOW_MS + 2 * DAY_MS))) steps++
    expect(steps).toBeLessThan(1000)
    expect(await backend.count({ from_ms: 0, to_ms: NOW_MS + DAY_MS })).toBe(0)
    await backend.close()
  })

  it('refuses what it could not recognise as a repetition, and what is still to come', async () => {
    const backend = open()
    const t_s = NOW_MS / 1000
    const stored = await backend.append([
      packOf([{ n: 'a', t: t_s - 31 * 86_400, v: 1 }]),
      packOf([{ n: 'a', t: t_s + 2 * 86_400, v: 1 }]),
      packOf([{ n: 'a', t: t_s - 29 * 86_400, v: 1 }]),
    ])
    expect(stored).toMatchObject({ added: 1, repeated: 0, unplaced: 2 })
    await backend.close()
  })

  it('that is damaged is set aside whole, and a new one begins', async () => {
    writeFileSync(join(folder, 'history.db'), Buffer.alloc(20_000, 'not a database '))
    const backend = open()
    expect((await backend.open()).damage).toContain('damaged-')
    expect(await backend.append([packOf([{ n: 'a', t: -1, v: 1 }])])).toMatchObject({ added: 1 })
    await backend.close()
    expect(readdirSync(folder).filter((name) => name.includes('.damaged-'))).toHaveLength(1)
  })

  it('is refused to a second process', async () => {
    const backend = open()
    await backend.open()
    await expect(open().open()).rejects.toMatchObject({ code: 'HISTORY_LOCKED' })
    await backend.close()
  })
})

describe('a pack', () => {
  it('of a clock that was never set is placed when it came at once, and not when it was kept back', async () => {
    const backend = open()
    const event = {
      ...JSON.parse(packOf([{ n: 'a', t: -5, v: 1 }]).text),
      time: '1970-01-01T00:01:00Z',
      timequality: 'unsynced',
    }
    const topic = formatTopic({ ...AIR, channel: 'tele' })
    const live = { topic, text: JSON.stringify(event), arrived_ms: NOW_MS }
    const late = { topic, text: JSON.stringify({ ...event, replayed: true }), arrived_ms: NOW_MS }
    expect(await backend.append([live, late])).toMatchObject({ added: 1, unplaced: 1 })
    expect((await backend.raw({ from_ms: 0, to_ms: NOW_MS }, null, 5))[0]?.t_ms).toBe(NOW_MS - 5_000)
    await backend.close()
  })

  it('whose time was corrected afterwards is placed by it, however late it comes', async () => {
    const backend = open()
    const happened_ms = NOW_MS - 3_600_000
    const event = {
      ...JSON.parse(packOf([{ n: 'a', bt: happened_ms / 1000, v: 1 }]).text),
      time: new Date(happened_ms).toISOString(),
      timequality: 'unsynced',
      clocktime: '1970-01-01T00:01:00Z',
      replayed: true,
    }
    const late = { topic: formatTopic({ ...AIR, channel: 'tele' }), text: JSON.stringify(event), arrived_ms: NOW_MS }
    expect(await backend.append([late])).toMatchObject({ added: 1, unplaced: 0 })
    expect((await backend.raw({ from_ms: 0, to_ms: NOW_MS }, null, 5))[0]?.t_ms).toBe(happened_ms)
    await backend.close()
  })

  it('is resolved with its base fields, also where they change', async () => {
    const backend = open()
    const bt = NOW_MS / 1000 - 600
    await backend.append([
      packOf([
        { bn: 'urn:dev:mac:0024befffe804ff1/', bt, bu: 'Cel', bv: 20, n: 'temperature', v: 1.5 },
        { n: 'temperature', t: 60, v: 2 },
        { bn: 'x:', bu: '%RH', bv: 0, bt: bt + 120, n: 'humidity', v: 40 },
        { n: 'on', u: '', vb: true },
        { n: 'note', vs: 'no reading' },
      ] as SenmlPack),
    ])
    expect((await backend.series()).map(({ quantity, unit }) => [quantity, unit])).toEqual([
      ['temperature', 'Cel'],
      ['humidity', '%RH'],
      ['on', ''],
    ])
    const raw = await backend.raw({ from_ms: 0, to_ms: NOW_MS }, null, 9)
    expect(raw.map(({ t_ms, value }) => [t_ms / 1000 - bt, value])).toEqual([
      [0, 21.5],
      [60, 22],
      [120, 40],
      [120, 1],
    ])
    await backend.close()
  })
})

function recordOf({ of, at_s, v, q }: { of: { n: string; u: string }; at_s: number; v: number; q: string }) {
  return { ...of, t: NOW_MS / 1000 - at_s, v, q: q as 'good' }
}

/** Sums depend on their order in the last digits. */
function rounded(bucket: Bucket): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(bucket).map(([name, value]) => [name, value === null ? null : Math.round(value * 1e6) / 1e6]),
  )
}
