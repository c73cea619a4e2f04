import FakeTimers from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryDisk } from '../memory-backend.ts'
import { openMemoryLog } from '../open.ts'
import type { LaneConfig, Log } from '../types.ts'
import { createPump, type Pump, type PumpConfig, type Shipment } from './pump.ts'

const LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'state', kind: 'compacted' },
  { name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 30 } } },
]
const NAMES = LANES.map(({ name }) => name)

let clock: ReturnType<typeof FakeTimers.install>
beforeEach(() => {
  clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
})
afterEach(() => clock.uninstall())

/** A next holder whose answers the test gives. */
function holder() {
  const open: { shipment: Shipment; resolve(): void; reject(error: Error): void }[] = []
  const all: Shipment[] = []
  function send(shipment: Shipment, answered: (error?: unknown) => void): void {
    all.push(shipment)
    open.push({ shipment, resolve: () => answered(), reject: answered })
  }
  return { open, all, send }
}

const nameOf = ({ entry }: Shipment): string => `${entry.lane} ${entry.position}`

async function append(log: Log, lane: string, count: number): Promise<void> {
  const key = lane === 'state' ? { key: 'k' } : {}
  const all = Array.from({ length: count }, () =>
    log.append({ lane, topic: 't', payload: Buffer.from('x'), time_ms: 0, ...key }),
  )
  await clock.tickAsync(20)
  await Promise.all(all)
}

async function started(window: number, prepare?: (log: Log) => Promise<void>, admit?: PumpConfig['admit']) {
  const disk = createMemoryDisk()
  const log = await openMemoryLog(disk, { lanes: LANES })
  const next = holder()
  const errors: unknown[] = []
  const pump = createPump({
    log,
    cursorName: 'up',
    lanes: NAMES,
    window,
    ...(admit ? { admit } : {}),
    send: next.send,
    onError: (error) => errors.push(error),
  })
  await prepare?.(log)
  pump.start()
  await clock.tickAsync(20)
  return { disk, log, pump, errors, ...next }
}

describe('a pump', () => {
  it('serves the most urgent lane whenever a slot is free, and keeps a fifth of the window for the first', async () => {
    const { log, all, open } = await started(10, async (into) => {
      await append(into, 'telemetry', 30)
      await append(into, 'state', 1)
    })
    expect(all.map(nameOf)).toEqual(['state 1', ...[1, 2, 3, 4, 5, 6, 7].map((n) => `telemetry ${n}`)])
    // Three alarms find two slots, and the next free one goes to the third.
    await append(log, 'alarm', 3)
    expect(all.slice(8).map(nameOf)).toEqual(['alarm 1', 'alarm 2'])
    open[0]?.resolve()
    await clock.tickAsync(600)
    expect(all.slice(10).map(nameOf)).toEqual(['alarm 3'])
  })

  it('moves the cursor only over what is acknowledged without a gap', async () => {
    const { log, open } = await started(10, (into) => append(into, 'alarm', 5))
    const cursor = log.cursor('up', NAMES)
    for (const index of [4, 1, 2]) open[index]?.resolve()
    await clock.tickAsync(600)
    expect(cursor.position('alarm')).toBe(0)
    open[0]?.resolve()
    await clock.tickAsync(600)
    expect([cursor.position('alarm'), cursor.durable('alarm')]).toEqual([3, 3])
    open[3]?.resolve()
    await clock.tickAsync(600)
    expect(cursor.durable('alarm')).toBe(5)
  })

  it('stops at the first refusal, says so once, and sends everything unacknowledged again when started', async () => {
    const { pump, errors, open, all } = await started(10, (into) => append(into, 'alarm', 12))
    open[0]?.resolve()
    await clock.tickAsync(600)
    expect(all.length).toBe(11)
    open[3]?.reject(new Error('the link is down'))
    open[2]?.reject(new Error('the link is down'))
    await clock.tickAsync(0)
    open[1]?.resolve()
    await clock.tickAsync(600)
    expect(errors).toEqual([new Error('the link is down')])
    expect([pump.stats().isRunning, pump.idle(), all.length]).toEqual([false, false, 11])
    pump.start()
    await clock.tickAsync(0)
    expect(all.slice(11).map(({ entry, resent, backlog }) => [entry.position, resent, backlog])).toEqual([
      ...[3, 4, 5, 6, 7, 8, 9, 10, 11].map((position) => [position, true, true]),
      [12, false, true],
    ])
    // An answer to the first sending comes too late to count.
    open[4]?.resolve()
    for (const one of open.slice(11)) one.resolve()
    await clock.tickAsync(600)
    expect(pump.idle()).toBe(true)
  })

  it('marks what waited and not what came while it ran', async () => {
    const { log, all } = await started(10, (into) => append(into, 'alarm', 1))
    await append(log, 'alarm', 1)
    expect(all.map(({ backlog, resent }) => [backlog, resent])).toEqual([
      [true, false],
      [false, false],
    ])
  })

  it('takes a send that throws for a refused one', async () => {
    const log = await openMemoryLog(createMemoryDisk(), { lanes: LANES })
    const errors: unknown[] = []
    const send = (): void => {
      throw new Error('thrown')
    }
    const pump = createPump({
      log,
      cursorName: 'up',
      lanes: NAMES,
      window: 2,
      send,
      onError: (error) => errors.push(error),
    })
    pump.start()
    await append(log, 'alarm', 3)
    expect([errors.length, pump.stats().isRunning]).toEqual([1, false])
  })

  it('waits at stop for what is in flight, but not for ever, and leaves the cursor on disk', async () => {
    const { log, pump, open, all } = await started(3, (into) => append(into, 'alarm', 9))
    let isStopped = false
    const stopped = pump.stop().then(() => {
      isStopped = true
    })
    open[0]?.resolve()
    open[1]?.resolve()
    await clock.tickAsync(100)
    expect(isStopped).toBe(false)
    open[2]?.resolve()
    await clock.tickAsync(10)
    await stopped
    expect(log.cursor('up', NAMES).durable('alarm')).toBe(3)
    expect(all.length).toBe(3)
    pump.start()
    await clock.tickAsync(0)
    const again = pump.stop()
    await clock.tickAsync(1_001)
    await again
  })

  it('leaves out what is not admitted without sending it, and its cursor passes it in order', async () => {
    const { log, all, open } = await started(
      10,
      async (into) => {
        await append(into, 'alarm', 6)
        await append(into, 'telemetry', 3)
      },
      ({ lane, position }) => (lane === 'telemetry' || position % 2 === 0 ? 'pass' : 'send'),
    )
    expect(all.map(nameOf)).toEqual(['alarm 1', 'alarm 3', 'alarm 5'])
    const cursor = log.cursor('up', NAMES)
    expect([cursor.position('alarm'), cursor.position('telemetry')]).toEqual([0, 3])
    open[1]?.resolve()
    await clock.tickAsync(1)
    expect(cursor.position('alarm')).toBe(0)
    open[0]?.resolve()
    await clock.tickAsync(1)
    expect(cursor.position('alarm')).toBe(4)
    open[2]?.resolve()
    await clock.tickAsync(1_000)
    expect(cursor.durable('alarm')).toBe(6)
  })

  it('passes a long range that is not admitted without filling its window with it', async () => {
    const { log, all, pump } = await started(
      2,
      async (into) => {
        await append(into, 'alarm', 1_000)
        await append(into, 'state', 1)
      },
      ({ lane }) => (lane === 'alarm' ? 'pass' : 'send'),
    )
    expect(all.map(nameOf)).toEqual(['state 1'])
    expect(log.cursor('up', NAMES).position('alarm')).toBe(1_000)
    expect(pump.drained()).toBe(true)
  })

  it('keeps back a lane that has to wait, and no other, until it is poked', async () => {
    let isHeld = true
    const { all, pump } = await started(
      10,
      async (into) => {
        await append(into, 'alarm', 2)
        await append(into, 'telemetry', 1)
      },
      ({ lane }) => (lane === 'alarm' && isHeld ? 'wait' : 'send'),
    )
    expect(all.map(nameOf)).toEqual(['telemetry 1'])
    expect(pump.drained()).toBe(false)
    isHeld = false
    pump.poke()
    expect(all.map(nameOf)).toEqual(['telemetry 1', 'alarm 1', 'alarm 2'])
  })

  it('goes on behind a range that was evicted before it got there', async () => {
    const { log, all, open } = await started(1, (into) => append(into, 'telemetry', 1))
    await append(log, 'telemetry', 60)
    for (let n = 0; n < 40; n += 1) {
      open[n]?.resolve()
      await clock.tickAsync(600)
    }
    expect(all.map(({ entry }) => entry.position)).toEqual([1, ...Array.from({ length: 30 }, (_, n) => n + 32)])
    // The first one was on its way and not acknowledged when it went.
    expect(log.stats().lanes.telemetry?.dropped).toBe(31)
  })
})

type Step =
  | { kind: 'append'; lane: number; count: number }
  | { kind: 'answer'; index: number; isOk: boolean }
  | { kind: 'wait'; ms: number }
  | { kind: 'kill' | 'start' | 'stop' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      lane: fc.nat(1),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      index: fc.nat(9),
      isOk: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 30, 600) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('kill' as const, 'start' as const, 'stop' as const) }) },
)

describe('a pump under random answers, refusals, stops and kills', () => {
  const WINDOW = 6
  const BOTH = ['alarm', 'state']

  it('delivers everything, in order at first sight, and after a kill at most a window per lane twice', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), async (steps) => {
      const disk = createMemoryDisk()
      let log = await openMemoryLog(disk, { lanes: LANES, commit_ms: 2 })
      let next = holder()
      const arrived = new Map(BOTH.map((lane) => [lane, new Set<number>()]))
      const make = (): Pump => {
        next = holder()
        const made = createPump({
          log,
          cursorName: 'up',
          lanes: BOTH,
          window: WINDOW,
          send: next.send,
          onError: () => undefined,
        })
        made.start()
        return made
      }
      let pump = make()
      let serial = 0

      function answer(index: number, isOk: boolean): void {
        const [one] = next.open.splice(index % Math.max(1, next.open.length), 1)
        if (!one) return
        if (!isOk) {
          one.reject(new Error('refused'))
          return
        }
        arrived.get(one.shipment.entry.lane)?.add(one.shipment.entry.position)
        one.resolve()
      }

      function checkSends(): void {
        for (const lane of BOTH) {
          // Within one life positions are first sent in order.
          const first = new Set(next.all.filter(({ entry }) => entry.lane === lane).map(({ entry }) => entry.position))
          expect([...first]).toEqual([...first].sort((a, b) => a - b))
        }
        expect(pump.stats().inFlight).toBeLessThanOrEqual(WINDOW)
      }

      async function kill(): Promise<void> {
        const sent = new Map(
          BOTH.map((lane) => [
            lane,
            Math.max(0, ...next.all.filter(({ entry }) => entry.lane === lane).map(({ entry }) => entry.position)),
          ]),
        )
        log.kill()
        log = await openMemoryLog(disk, { lanes: LANES, commit_ms: 2 })
        pump = make()
        // What the dead pump sent and the disk does not know about is the most that is sent twice.
        const twice = (await log.read('alarm', log.cursor('up', BOTH).position('alarm'), 1_000)).filter(
          ({ position }) => position <= (sent.get('alarm') ?? 0),
        )
        expect(twice.length).toBeLessThanOrEqual(WINDOW)
      }

      for (const one of steps) {
        if (one.kind === 'append') {
          for (let n = 0; n < one.count; n += 1) {
            serial += 1
            const lane = BOTH[one.lane] ?? ''
            const key = lane === 'state' ? { key: String(serial % 3) } : {}
            log.append({ lane, topic: 't', payload: Buffer.from(String(serial)), time_ms: 0, ...key })
          }
          await clock.tickAsync(3)
        } else if (one.kind === 'answer') {
          answer(one.index, one.isOk)
          await clock.tickAsync(0)
        } else if (one.kind === 'wait') await clock.tickAsync(one.ms)
        else if (one.kind === 'start') pump.start()
        else if (one.kind === 'stop') {
          const stopped = pump.stop()
          await clock.tickAsync(1_100)
          await stopped
        } else await kill()
        checkSends()
      }
      for (let round = 0; round < 500 && !(pump.idle() && round > 0); round += 1) {
        pump.start()
        while (next.open.length > 0) answer(0, true)
        await clock.tickAsync(100)
      }
      expect(pump.idle()).toBe(true)
      const { alarm } = log.stats().lanes
      expect([...(arrived.get('alarm') ?? [])].sort((a, b) => a - b)).toEqual(
        Array.from({ length: alarm?.last ?? 0 }, (_, n) => n + 1),
      )
      // Of the state lane only what holds at the end must have arrived.
      for (const { position } of await log.list('state')) expect(arrived.get('state')?.has(position)).toBe(true)
      log.kill()
    })
    await fc.assert(property, { numRuns: 150 })
  }, 60_000)
})
