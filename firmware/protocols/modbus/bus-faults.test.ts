import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ReadResult, RegisterBus, WriteResult } from '../../ports/register-bus.ts'
import { coil, holding, startBench, settled as untilSettled } from './bus-bench.ts'
import { identity, type LineInMemory, type LineOptions, type Mishap } from './line-in-memory.ts'

let clock: ReturnType<typeof install>
let line: LineInMemory
let bus: RegisterBus

async function start(units: number[], options: Partial<LineOptions> = {}) {
  const bench = await startBench(clock, units, options)
  line = bench.line
  bus = bench.bus
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
