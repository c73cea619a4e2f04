import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../ports/logger.ts'
import type { BusStatus, ReadResult, RegisterBus, WriteResult } from '../../ports/register-bus.ts'
import { createModbusBus } from './bus.ts'
import { createLineInMemory, identity, type LineInMemory, type LineOptions, type Mishap } from './line-in-memory.ts'
import { type BusConfig, timingOf } from './timing.ts'

const SETTINGS: BusConfig = { id: 'bus-1', baud: 9600, parity: 'none', stopBits: 1 }
const BYTE_MS = 10_000 / 9600

let clock: ReturnType<typeof install>
let line: LineInMemory
let bus: RegisterBus
let told: BusStatus[]

async function start(units: number[], options: Partial<LineOptions> = {}, config: Partial<BusConfig> = {}) {
  line = createLineInMemory({ byte_ms: BYTE_MS, ...options })
  for (const unit of units) line.units.add(unit)
  told = []
  bus = createModbusBus({ port: line, random: () => 0.5, log: silentLogger }, { ...SETTINGS, ...config })
  bus.onStatus((status) => told.push(status))
  bus.start()
  await clock.tickAsync(50)
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

async function settled<T>(promise: Promise<T>): Promise<T> {
  let result: { value: T } | undefined
  void promise.then((value) => {
    result = { value }
  })
  for (let waited_ms = 0; !result && waited_ms < 20_000; waited_ms += 10) await clock.tickAsync(10)
  if (!result) throw new Error('never answered')
  return result.value
}
const holding = (unit: number, address: number, count: number) => ({ unit, table: 'holding', address, count }) as const
const coil = (unit: number, address: number, on: boolean) =>
  ({ unit, table: 'coil', address, values: [on ? 1 : 0] }) as const
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

describe('whatever goes wrong', () => {
  const mishaps: Mishap[] = [
    'none',
    'silent',
    'late',
    'truncated',
    'flipped',
    'foreign',
    'noise',
    'exception',
    'doubled',
  ]
  const request = fc.record({
    unit: fc.integer({ min: 1, max: 3 }),
    address: fc.integer({ min: 0, max: 20 }).map((half) => half * 2),
    pairs: fc.integer({ min: 1, max: 3 }),
    write: fc.boolean(),
    on: fc.boolean(),
    pause_ms: fc.integer({ min: 0, max: 400 }),
  })
  type Asked = { unit: number; address: number; pairs: number; on: boolean }
  const story = fc.record({
    echo: fc.boolean(),
    late_ms: fc.integer({ min: 150, max: 690 }),
    script: fc.array(fc.constantFrom(...mishaps), { minLength: 1, maxLength: 40 }),
    requests: fc.array(request, { minLength: 1, maxLength: 25 }),
    unplugAt: fc.option(fc.nat(20)),
  })

  /** 16 bits of ms go round every minute. */
  const isAfter = (read: number | undefined, asked_ms: number) =>
    (((read ?? 0) - Math.floor(asked_ms)) & 0xffff) < 0x8000

  function isTrue(one: Asked, asked_ms: number, result: ReadResult | WriteResult): boolean {
    if (!result.ok) return true
    if ('values' in result)
      return result.values.every((value, at) =>
        at % 2 === 0 ? value === identity(one.unit, one.address + at) : isAfter(value, asked_ms),
      )
    const value = one.on ? 0xff00 : 0
    return line.executed.some(
      (each) =>
        each.unit === one.unit &&
        each.code === 5 &&
        each.address === one.address &&
        each.value === value &&
        each.at_ms >= asked_ms,
    )
  }

  it('every request is answered once, by its own unit, with what was read after it was asked', async () => {
    await start([])
    await fc.assert(
      fc.asyncProperty(story, async ({ echo, late_ms, script, requests: all, unplugAt }) => {
        let turn = 0
        await start([1, 2, 3], { echo, late_ms, mishap: () => script[turn++ % script.length] ?? 'none' })
        const answers: Array<Promise<void>> = []
        const wrong: unknown[] = []
        const judge = (one: (typeof all)[number], asked_ms: number, result: ReadResult | WriteResult) => {
          if (!isTrue(one, asked_ms, result)) wrong.push({ one, asked_ms, result })
        }
        for (const [index, one] of all.entries()) {
          if (index === unplugAt) line.unplug()
          const asked_ms = performance.now()
          const asking = one.write
            ? bus.write(coil(one.unit, one.address, one.on))
            : bus.read(holding(one.unit, one.address, one.pairs * 2))
          answers.push(asking.then((result) => judge(one, asked_ms, result)))
          await clock.tickAsync(one.pause_ms)
        }
        await settled(Promise.all(answers))
        await bus.close()
        expect(wrong).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('goes on when the line is sound again', async () => {
    await start([])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...mishaps), { maxLength: 30 }), fc.boolean(), async (script, echo) => {
        let turn = 0
        await start([1, 2], { echo, mishap: () => script[turn++] ?? 'none' })
        for (const unit of [1, 2]) bus.poll({ ...holding(unit, 0, 2), every_ms: 100 }, () => {})
        await clock.tickAsync(60_000)
        for (const unit of [1, 2]) expect(await settled(bus.read(holding(unit, 40, 2)))).toMatchObject({ ok: true })
        await bus.close()
      }),
      { numRuns: 30 },
    )
  })
})
