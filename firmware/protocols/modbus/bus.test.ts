import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BusStatus, RegisterBus } from '../../ports/register-bus.ts'
import { coil, holding, SETTINGS, startBench, settled as untilSettled } from './bus-bench.ts'
import { identity, type LineInMemory, type LineOptions } from './line-in-memory.ts'
import { type BusConfig, timingOf } from './timing.ts'

let clock: ReturnType<typeof install>
let line: LineInMemory
let bus: RegisterBus
let told: BusStatus[]

async function start(units: number[], options: Partial<LineOptions> = {}, config: Partial<BusConfig> = {}) {
  const bench = await startBench(clock, units, options, config)
  line = bench.line
  bus = bench.bus
  told = bench.told
}

beforeEach(() => {
  clock = install({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
})
afterEach(async () => {
  const closing = bus.close()
  await clock.tickAsync(2000)
  await closing
  clock.uninstall()
})

const settled = <T>(promise: Promise<T>) => untilSettled(clock, promise)
const faults = () => told.filter((one) => one.type === 'fault').map(({ kind, unit }) => `${kind} ${unit}`)
const requests = () => line.wire.filter(({ from }) => from === 'master')

describe('the master of a line', () => {
  it('reads and writes', async () => {
    await start([1])
    expect(await settled(bus.write(coil(1, 3, true)))).toMatchObject({ ok: true })
    // Before the first write it was found out whether the adapter echoes.
    expect(line.executed.map(({ code }) => code)).toEqual([1, 5])
    expect(await settled(bus.read({ unit: 1, table: 'coil', address: 2, count: 3 }))).toMatchObject({
      ok: true,
      values: [0, 1, 0],
    })
    expect(await settled(bus.read(holding(1, 4, 1)))).toMatchObject({ ok: true, values: [identity(1, 4)] })
    expect(bus.isReachable(1)).toBe(true)
    expect(bus.isReachable(2)).toBe(false)
  })

  it('keeps the silence of its speed between frames', async () => {
    await start([1, 2])
    await settled(Promise.all([1, 2, 1, 2].map((unit, at) => bus.read(holding(unit, at * 300, 2)))))
    const { silence_ms } = timingOf(SETTINGS)
    const frames = line.wire
    for (const [index, { from, start_ms }] of frames.entries()) {
      const before = frames[index - 1]
      if (before && from === 'master') expect(start_ms - before.end_ms).toBeGreaterThanOrEqual(silence_ms)
    }
    expect(requests()).toHaveLength(4)
  })

  it.each([
    [9600, 'even', 1, 4.01],
    [19_200, 'even', 1, 2.005],
    [19_200, 'none', 1, 1.823],
    [38_400, 'even', 1, 1.75],
    [115_200, 'none', 1, 1.75],
  ] as const)('waits 3.5 characters at %i baud, and 1.75 ms from there on (§2.5.1.1)', (baud, parity, stopBits, ms) => {
    expect(timingOf({ id: 'x', baud, parity, stopBits }).silence_ms).toBeCloseTo(ms, 2)
  })

  it('merges what lies side by side, and gives each its part', async () => {
    await start([1])
    const results = await settled(
      Promise.all([bus.read(holding(1, 20, 1)), bus.read(holding(1, 10, 3)), bus.read(holding(1, 14, 2))]),
    )
    expect(results.map((one) => (one.ok ? one.values[0] : one))).toEqual([20, 10, 14].map((at) => identity(1, at)))
    expect(requests().length).toBeLessThanOrEqual(2)
  })

  it('lets a write pass waiting reads', async () => {
    await start([1])
    const done: string[] = []
    const reads = [0, 100, 200, 300].map((at) => bus.read(holding(1, at, 2)).then(() => done.push('read')))
    const write = bus.write(coil(1, 0, true)).then(() => done.push('write'))
    await settled(Promise.all([...reads, write]))
    expect(done.indexOf('write')).toBe(1)
  })

  it('answers from what it has just read when that will do', async () => {
    await start([1])
    await settled(bus.read(holding(1, 0, 8)))
    const count = requests().length
    expect(await settled(bus.read(holding(1, 2, 2), { maxAge_ms: 1000 }))).toMatchObject({
      ok: true,
      values: [identity(1, 2), expect.any(Number)],
    })
    expect(requests()).toHaveLength(count)
    await settled(bus.read(holding(1, 2, 2)))
    expect(requests()).toHaveLength(count + 1)
  })

  it('drops a write that another to the same place follows before it goes out', async () => {
    await start([1])
    const busy = bus.read(holding(1, 0, 2))
    const [, on, off] = await settled(Promise.all([busy, bus.write(coil(1, 0, true)), bus.write(coil(1, 0, false))]))
    expect(on).toMatchObject({ ok: false, code: 'BUS_SUPERSEDED' })
    expect(off).toMatchObject({ ok: true })
    expect(line.executed.filter(({ code }) => code === 5).map(({ value }) => value)).toEqual([0])
  })

  it('writes to all at once, waits, and expects nobody to answer', async () => {
    await start([1, 2])
    expect(await settled(bus.write(coil(0, 4, true)))).toMatchObject({ ok: true })
    expect([line.coils.get('1/4'), line.coils.get('2/4')]).toEqual([1, 1])
    expect(await settled(bus.read(holding(1, 0, 2)))).toMatchObject({ ok: true })
    const [broadcast, next] = requests()
    expect((next?.start_ms ?? 0) - (broadcast?.end_ms ?? 0)).toBeGreaterThanOrEqual(100)
  })

  it('lets a dead unit cost the others next to nothing', async () => {
    await start([1])
    let readings = 0
    bus.poll({ ...holding(1, 0, 2), every_ms: 50 }, (result) => {
      if (result.ok) readings++
    })
    bus.poll({ ...holding(9, 0, 2), every_ms: 50 }, () => {})
    await clock.tickAsync(10_000)
    const before = readings
    await clock.tickAsync(60_000)
    expect(readings - before).toBeGreaterThan(0.95 * 1200)
    expect(told).toContainEqual(expect.objectContaining({ type: 'unit', unit: 9, online: false }))
    expect(await settled(bus.read(holding(9, 0, 1)))).toMatchObject({ ok: false, code: 'BUS_UNIT_AWAY' })
    line.units.add(9)
    await clock.tickAsync(12_000)
    expect(told.findLast(({ type }) => type === 'unit')).toMatchObject({ unit: 9, online: true })
  })

  it('lets many dead units cost the others a tenth at most, and finds all again soon', async () => {
    await start([1])
    let readings = 0
    bus.poll({ ...holding(1, 0, 2), every_ms: 1 }, (result) => {
      if (result.ok) readings++
    })
    await clock.tickAsync(10_000)
    const alone = readings
    for (let unit = 10; unit < 30; unit++) bus.poll({ ...holding(unit, 0, 2), every_ms: 1000 }, () => {})
    await clock.tickAsync(20_000)
    readings = 0
    await clock.tickAsync(60_000)
    expect(readings).toBeGreaterThan(0.88 * 6 * alone)
    for (let unit = 10; unit < 30; unit++) line.units.add(unit)
    await clock.tickAsync(11_000)
    const back = told.filter((one) => one.type === 'unit' && one.online && one.unit >= 10)
    expect(back).toHaveLength(20)
  })

  it('asks for each range alone where a unit says nothing to a read over a hole', async () => {
    await start([1], { mishap: () => ((requests().at(-1)?.bytes[5] ?? 0) > 2 ? 'silent' : 'none') })
    const good = [0, 4, 8].map((at) => {
      const seen = { at, count: 0 }
      bus.poll({ ...holding(1, at, 2), every_ms: 500 }, (result) => {
        if (result.ok && result.values[0] === identity(1, at)) seen.count++
      })
      return seen
    })
    await clock.tickAsync(20_000)
    for (const { count } of good) expect(count).toBeGreaterThan(30)
    expect(told.filter(({ type }) => type === 'unit')).toMatchObject([{ unit: 1, online: true }])
  })

  it('goes on merging when a unit was only gone for a while', async () => {
    await start([1])
    for (const at of [0, 4, 8]) bus.poll({ ...holding(1, at, 2), every_ms: 100 }, () => {})
    await clock.tickAsync(1000)
    line.units.delete(1)
    await clock.tickAsync(5000)
    line.units.add(1)
    await clock.tickAsync(15_000)
    const before = requests().length
    await clock.tickAsync(1000)
    expect(requests().length - before).toBeLessThanOrEqual(11)
  })

  it('asks for each range alone where a unit refuses to read over a hole', async () => {
    await start([1])
    line.options = {
      ...line.options,
      mishap: () => ((requests().at(-1)?.bytes[5] ?? 0) > 2 ? 'illegal-address' : 'none'),
    }
    const all = await settled(Promise.all([0, 4, 8].map((at) => bus.read(holding(1, at, 2)))))
    expect(all.map((one) => (one.ok ? one.values[0] : one))).toEqual([0, 4, 8].map((at) => identity(1, at)))
  })

  it('says when the adapter is gone, fails what waits, and goes on when it is back', async () => {
    await start([1])
    const waiting = bus.read(holding(1, 0, 2))
    line.unplug()
    expect(await settled(waiting)).toMatchObject({ ok: false, code: 'BUS_ABSENT' })
    expect(await settled(bus.write(coil(1, 0, true)))).toMatchObject({ ok: false, code: 'BUS_ABSENT' })
    expect(told.at(-1)).toMatchObject({ type: 'line', up: false, reason: 'unplugged' })
    line.plugged = true
    await clock.tickAsync(6000)
    expect(told.at(-1)).toMatchObject({ type: 'line', up: true })
    expect(await settled(bus.read(holding(1, 0, 2)))).toMatchObject({ ok: true })
    expect(line.executed.some(({ code }) => code === 5)).toBe(false)
  })

  it('lets what waits to be written go out before it closes, and nothing else', async () => {
    await start([1, 2])
    const read = bus.read(holding(1, 0, 2))
    const late = bus.read(holding(2, 0, 2))
    const writes = [bus.write(coil(1, 0, false)), bus.write(coil(2, 0, false))]
    const closing = bus.close()
    const after = bus.write(coil(1, 1, true))
    expect(await settled(Promise.all([late, after]))).toMatchObject([{ code: 'BUS_ABSENT' }, { code: 'BUS_ABSENT' }])
    expect(await settled(Promise.all(writes))).toMatchObject([{ ok: true }, { ok: true }])
    await settled(closing)
    expect(await settled(read)).toMatchObject({ ok: true })
    expect(line.executed.filter(({ code }) => code === 5).map(({ unit }) => unit)).toEqual([1, 2])
    const sent = requests().length
    await clock.tickAsync(5000)
    expect(requests()).toHaveLength(sent)
  })

  it.each([
    ['unit', () => line.units.clear()],
    ['adapter', () => line.unplug()],
  ])('does not wait long for a %s that is gone when it closes', async (_what, goes) => {
    await start([1])
    await settled(bus.write(coil(1, 0, true)))
    const write = bus.write(coil(1, 0, false))
    goes()
    const began_ms = performance.now()
    await settled(bus.close())
    expect(performance.now() - began_ms).toBeLessThanOrEqual(1010)
    expect(await settled(write)).toMatchObject({ ok: false })
  })

  it('copes with an adapter that repeats what it sends, and says so', async () => {
    await start([1], { echo: true })
    expect(await settled(bus.write(coil(1, 0, true)))).toMatchObject({ ok: true })
    expect(await settled(bus.read(holding(1, 0, 2)))).toMatchObject({ ok: true })
    expect(await settled(bus.write(coil(1, 0, false)))).toMatchObject({ ok: true })
    expect(faults()).toEqual(['echo 1'])
    line.units.delete(1)
    // Its own echo is no answer.
    expect(await settled(bus.write(coil(1, 0, true)))).toMatchObject({ ok: false, code: 'BUS_NO_REPLY' })
  })

  it('says when two units have one address', async () => {
    await start([1], { mishap: () => 'doubled' })
    bus.poll({ ...holding(1, 0, 2), every_ms: 100 }, () => {})
    await clock.tickAsync(1000)
    expect(faults()).toEqual(['two-on-one-address 1'])
  })

  it('says when a unit answers and cannot be read', async () => {
    await start([1], { mishap: () => 'flipped' })
    bus.poll({ ...holding(1, 0, 2), every_ms: 100 }, () => {})
    await clock.tickAsync(10_000)
    expect(faults()).toEqual(['unreadable-replies 1'])
    expect(bus.stats().get(1)).toMatchObject({ online: false, counts: { replies: 0 } })
  })

  it('refuses what cannot be asked', async () => {
    await start([1])
    expect(await settled(bus.read(holding(1, 0, 126)))).toMatchObject({ ok: false, code: 'BUS_REQUEST' })
    expect(await settled(bus.read(holding(0, 0, 1)))).toMatchObject({ ok: false, code: 'BUS_REQUEST' })
  })

  it('reaches nine tenths of what the line can carry', async () => {
    for (const baud of [9600, 19_200]) {
      const byte_ms = 10_000 / baud
      await start([1], { byte_ms, reply_ms: 4 }, { baud })
      const { silence_ms } = timingOf({ ...SETTINGS, baud })
      let readings = 0
      bus.poll({ ...holding(1, 0, 10), every_ms: 1 }, (result) => {
        if (result.ok) readings++
      })
      await clock.tickAsync(10_000)
      const cycle_ms = (8 + 25) * byte_ms + 4 + silence_ms
      expect(readings / (10_000 / cycle_ms)).toBeGreaterThan(0.9)
      await bus.close()
    }
    await start([])
  })
})
