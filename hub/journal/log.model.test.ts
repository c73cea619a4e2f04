import FakeTimers from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryDisk } from './memory-backend.ts'
import { openMemoryLog } from './open.ts'
import type { Cursor, Entry, LaneConfig } from './types.ts'

/** The log against a model of a few lines, over appends, cursors, evictions, trims, closes and kills. */

let clock: ReturnType<typeof FakeTimers.install>
beforeEach(() => {
  clock = FakeTimers.install({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
})
afterEach(() => clock.uninstall())

const EVICT_MAX = 10
const KEEP = 3
const QUEUES: LaneConfig[] = [
  { name: 'kept', kind: 'queue', evict: 'never', keep: KEEP },
  { name: 'bounded', kind: 'queue', evict: { oldest: { entries_max: EVICT_MAX } } },
  /** Nobody reads it: a ring. */
  { name: 'ring', kind: 'queue', evict: { oldest: { entries_max: EVICT_MAX } } },
]
const TUNING = { batch_entries_max: 5, trim_entries: 7, tail_entries_max: 6, cursor_lag_max: 4 }

type Step =
  | { kind: 'append'; lane: number; count: number }
  | { kind: 'advance'; lane: number; by: number }
  | { kind: 'wait'; ms: number }
  | { kind: 'flush' | 'close' | 'kill' }
  | { kind: 'read'; lane: number; after: number; limit: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      lane: fc.nat(2),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      lane: fc.nat(1),
      by: fc.integer({ min: 0, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 5, 600, 2_500) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'close' as const, 'kill' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      lane: fc.nat(2),
      after: fc.nat(40),
      limit: fc.integer({ min: 1, max: 20 }),
    }),
  },
)

interface ModelLane {
  name: string
  /** Payload by position, from position 1. */
  held: string[]
  unanswered: string[]
  floor: number
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  await clock.tickAsync(50)
  return promise
}

describe('queue lanes', () => {
  it('read as the model says, whatever happened before', async () => {
    const property = fc.asyncProperty(
      fc.constantFrom(0, 4),
      fc.array(step, { minLength: 3, maxLength: 50 }),
      async (commit_ms, steps) => {
        const disk = createMemoryDisk()
        const open = () => openMemoryLog(disk, { lanes: QUEUES, ...TUNING, commit_ms })
        let log = await open()
        let reader: Cursor = log.cursor('reader', ['kept', 'bounded'])
        await settled(reader.flush())
        const lanes: ModelLane[] = QUEUES.map(({ name }) => ({ name, held: [], unanswered: [], floor: 1 }))
        let serial = 0

        function checkFloors(): void {
          for (const lane of lanes) {
            const evicted = lane.name === 'kept' ? 0 : lane.held.length - EVICT_MAX
            const passed =
              lane.name === 'kept'
                ? reader.durable('kept') - KEEP
                : lane.name === 'bounded'
                  ? reader.durable('bounded')
                  : 0
            lane.floor = Math.max(lane.floor, evicted + 1, passed + 1)
          }
        }

        async function reopen(): Promise<void> {
          const before = new Map(
            ['kept', 'bounded'].map((name) => [name, { durable: reader.durable(name), memory: reader.position(name) }]),
          )
          log = await open()
          reader = log.cursor('reader', ['kept', 'bounded'])
          for (const [name, { durable, memory }] of before) {
            expect(reader.position(name)).toBe(reader.durable(name))
            expect(reader.position(name)).toBeGreaterThanOrEqual(durable)
            expect(reader.position(name)).toBeLessThanOrEqual(memory)
          }
          for (const lane of lanes) {
            // What had no answer may be there or not, but only from its front and only behind what had one.
            const more = log.last(lane.name) - lane.held.length
            expect(more).toBeGreaterThanOrEqual(0)
            expect(more).toBeLessThanOrEqual(lane.unanswered.length)
            lane.held.push(...lane.unanswered.slice(0, more))
            lane.unanswered = []
          }
        }

        async function perform(one: Step): Promise<void> {
          if (one.kind === 'append') {
            const lane = lanes[one.lane] as ModelLane
            for (let n = 0; n < one.count; n += 1) {
              serial += 1
              const text = `${lane.name} ${serial}`
              lane.unanswered.push(text)
              log
                .append({ lane: lane.name, topic: 't', payload: Buffer.from(text), time_ms: serial })
                .then((appended) => {
                  lane.held.push(text)
                  expect(lane.unanswered.shift()).toBe(text)
                  expect(appended).toEqual({ position: lane.held.length })
                })
            }
          } else if (one.kind === 'advance') {
            const { name } = lanes[one.lane] as ModelLane
            reader.advance(name, reader.position(name) + one.by)
            expect(reader.position(name)).toBeLessThanOrEqual(log.last(name))
          } else if (one.kind === 'wait') await clock.tickAsync(one.ms)
          else if (one.kind === 'flush') {
            const asked = reader.position('kept')
            await settled(reader.flush())
            expect(reader.durable('kept')).toBeGreaterThanOrEqual(asked)
          } else if (one.kind === 'close') {
            await settled(log.close())
            expect(lanes.flatMap(({ unanswered }) => unanswered)).toEqual([])
            await reopen()
          } else if (one.kind === 'kill') {
            log.kill()
            await reopen()
          } else if (one.kind === 'read') await compare(lanes[one.lane] as ModelLane, one.after, one.limit)
        }

        async function compare(lane: ModelLane, after: number, limit: number): Promise<void> {
          await clock.tickAsync(50)
          checkFloors()
          const got: Entry[] = await settled(log.read(lane.name, after, limit))
          const from = Math.max(after, lane.floor - 1)
          const expected = lane.held.slice(from, from + limit).map((text, index) => [from + index + 1, text])
          expect(got.map((entry) => [entry.position, Buffer.from(entry.payload).toString()])).toEqual(expected)
        }

        for (const one of steps) await perform(one)
        await clock.tickAsync(5_000)
        for (const lane of lanes) await compare(lane, 0, 1_000)
        const stats = log.stats().lanes
        for (const lane of lanes) {
          expect(stats[lane.name]?.last).toBe(lane.held.length)
          expect(stats[lane.name]?.depth).toBe(lane.held.length - lane.floor + 1)
        }
        expect(stats.ring?.dropped).toBe(Math.max(0, (lanes[2]?.held.length ?? 0) - EVICT_MAX))
        expect(stats.kept?.dropped).toBe(0)
        // What lies in the file beyond what can be read is bounded: it does not grow for ever.
        for (const lane of lanes) {
          const row = disk.db.prepare(`SELECT sum(last - first + 1) AS count FROM "queue_${lane.name}"`).get()
          // A row holds what a commit brought, and goes when the last of it may.
          const rest = TUNING.trim_entries + TUNING.batch_entries_max
          expect(Number(row?.count ?? 0) - (stats[lane.name]?.depth ?? 0)).toBeLessThan(rest)
        }
        log.kill()
      },
    )
    await fc.assert(property, { numRuns: 150 })
  }, 60_000)
})

describe('cursors', () => {
  const append = (lane: string) => ({ lane, topic: 't', payload: Buffer.from('x'), time_ms: 0 })

  it('are written with the next append, or by themselves after a while, or when far ahead', async () => {
    const log = await openMemoryLog(createMemoryDisk(), { lanes: QUEUES, ...TUNING })
    const cursor = log.cursor('reader', ['kept'])
    for (let n = 0; n < 20; n += 1) await log.append(append('kept'))
    let told = 0
    const stop = cursor.onDurable(() => {
      told += 1
    })
    cursor.advance('kept', 1)
    await log.append(append('ring'))
    // So soon after the last time a commit does not take it along.
    expect(cursor.durable('kept')).toBe(0)
    await clock.tickAsync(200)
    cursor.advance('kept', 2)
    expect(cursor.durable('kept')).toBe(0)
    await log.append(append('ring'))
    expect(cursor.durable('kept')).toBe(2)
    cursor.advance('kept', 3)
    await clock.tickAsync(499)
    expect(cursor.durable('kept')).toBe(2)
    await clock.tickAsync(1)
    expect(cursor.durable('kept')).toBe(3)
    cursor.advance('kept', 3 + TUNING.cursor_lag_max + 1)
    await clock.tickAsync(0)
    expect(cursor.durable('kept')).toBe(3 + TUNING.cursor_lag_max + 1)
    cursor.advance('kept', 1)
    expect(cursor.position('kept')).toBe(3 + TUNING.cursor_lag_max + 1)
    expect(told).toBe(3)
    stop()
    expect(log.cursor('reader', ['kept'])).toBe(cursor)
    expect(() => log.cursor('reader', ['nowhere'])).toThrow(expect.objectContaining({ code: 'JOURNAL_LANE_UNKNOWN' }))
  })

  it('that are forgotten hold nothing back any more, in this life and the next', async () => {
    const disk = createMemoryDisk()
    let log = await openMemoryLog(disk, { lanes: QUEUES, ...TUNING })
    const fast = log.cursor('fast', ['kept'])
    const gone = log.cursor('gone', ['kept'])
    for (let n = 0; n < 20; n += 1) await log.append(append('kept'))
    fast.advance('kept', 20)
    await fast.flush()
    await clock.tickAsync(5_000)
    expect(log.stats().lanes.kept).toMatchObject({ depth: 20, lag: { fast: 0, gone: 20 } })
    log.forgetCursor('gone')
    await clock.tickAsync(5_000)
    expect(log.stats().lanes.kept).toMatchObject({ depth: KEEP, lag: { fast: 0 } })
    gone.advance('kept', 5)
    log.kill()
    log = await openMemoryLog(disk, { lanes: QUEUES, ...TUNING })
    expect(log.stats().lanes.kept?.lag).toEqual({ fast: 0 })
  })
})

describe('a compacted lane', () => {
  const LANES: LaneConfig[] = [{ name: 'state', kind: 'compacted' }]
  const put = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.constantFrom('', '1', '2', '3') })

  it('holds the last value of each key, forgets emptied keys once all have passed, and never reuses a position', async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: put },
        { weight: 1, arbitrary: fc.constantFrom('close', 'kill', 'pass', 'idle') },
      ),
      {
        maxLength: 40,
      },
    )
    const property = fc.asyncProperty(steps, async (all) => {
      const disk = createMemoryDisk()
      const open = () => openMemoryLog(disk, { lanes: LANES, tail_entries_max: 5 })
      let log = await open()
      let reader = log.cursor('reader', ['state'])
      await reader.flush()
      const model = new Map<string, { value: string; position: number }>()
      let last = 0
      for (const one of all) {
        if (typeof one === 'object') {
          const { key, value } = one
          const appended = await log.append({ lane: 'state', topic: key, key, payload: Buffer.from(value), time_ms: 0 })
          last += 1
          expect(appended).toEqual({ position: last })
          model.set(key, { value, position: last })
        } else if (one === 'pass') {
          reader.advance('state', last)
          await reader.flush()
        } else if (one === 'idle') await clock.tickAsync(5_000)
        else {
          if (one === 'close') await log.close()
          else log.kill()
          log = await open()
          reader = log.cursor('reader', ['state'])
        }
        const live = [...model].filter(([, { value }]) => value !== '').sort(([, a], [, b]) => a.position - b.position)
        const listed = (await log.list('state')).map((entry) => [
          entry.key,
          Buffer.from(entry.payload).toString(),
          entry.position,
        ])
        expect(listed).toEqual(live.map(([key, { value, position }]) => [key, value, position]))
        // A reader sees every newer value exactly once, tombstones included, as long as it has not passed them.
        const position = reader.durable('state')
        const newer = [...model.values()].filter((held) => held.position > position).map((held) => held.position)
        expect((await log.read('state', position, 100)).map((entry) => entry.position)).toEqual(
          newer.sort((a, b) => a - b),
        )
      }
      reader.advance('state', last)
      await reader.flush()
      await clock.tickAsync(5_000)
      const row = disk.db.prepare('SELECT count(*) AS count FROM lane_state').get()
      expect(row?.count).toBe([...model.values()].filter(({ value }) => value !== '').length)
      log.kill()
      log = await open()
      expect(log.last('state')).toBe(last)
      log.kill()
    })
    await fc.assert(property, { numRuns: 150 })
  }, 60_000)

  it('still knows a sequence whose entry was replaced by another stream', async () => {
    const disk = createMemoryDisk()
    const log = await openMemoryLog(disk, { lanes: LANES })
    const state = (stream: string, sequence: number) => ({
      lane: 'state',
      topic: 'x',
      key: 'x',
      payload: Buffer.from('v'),
      time_ms: 0,
      stream,
      sequence,
    })
    await log.append(state('gw:boot-1', 7))
    await log.append(state('gw:boot-2', 1))
    log.kill()
    const next = await openMemoryLog(disk, { lanes: LANES })
    await expect(next.append(state('gw:boot-1', 7))).resolves.toEqual({ duplicate: true })
    await expect(next.append(state('gw:boot-1', 8))).resolves.toEqual({ position: 3 })
  })
})
