import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Availability } from '../../../../hub/contract/availability.ts'
import { ParkSensorState, parkSensorEvents } from '../../../../hub/contract/park-sensor.ts'
import { checker } from '../../../../hub/contract/schema.ts'
import { SenmlPack } from '../../../../hub/contract/senml.ts'
import { BeliefBench, threshold } from '../../../testing/belief-bench.ts'
import { type Quantity, staleAfter_ms } from '../quantity.ts'
import { wellKnown } from '../well-known.ts'
import { type BeliefInput, step } from './machine.ts'
import { packOf } from './pack.ts'
import type { BeliefState } from './state.ts'

const quantities: Quantity[] = [
  wellKnown.temperature,
  wellKnown['wind-speed'],
  wellKnown['wind-direction'],
  wellKnown.noise,
  { ...wellKnown.rain, poll_ms: 20_000 },
]
const thresholds = [
  threshold({ limit: 25, for_ms: 90_000 }),
  threshold({ name: 'frost', side: 'below', limit: 2, hysteresis: 0 }),
  threshold({ name: 'storm', quantity: 'wind-speed', limit: 10 }),
]

/** Values as sensors and broken buses give them: near each other, at limits, and not numbers at all. */
const raw = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -50, max: 400 }).map((tenths) => tenths / 10) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 65_535 }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, 1e308, -40, 80, 65_535, 360) },
  { weight: 1, arbitrary: fc.double() },
)
const name = fc.constantFrom(...quantities.map((quantity) => quantity.name), 'unknown')
const result = fc.oneof(
  { weight: 6, arbitrary: fc.record({ quantity: name, raw }) },
  {
    weight: 1,
    arbitrary: fc.record({
      quantity: name,
      fault: fc.constantFrom('bus-error' as const, 'sensor-fault' as const),
      code: fc.integer({ min: 1, max: 11 }),
    }),
  },
)
const input: fc.Arbitrary<BeliefInput> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ type: fc.constant('poll' as const), results: fc.array(result, { maxLength: 5 }) }),
  },
  { weight: 1, arbitrary: fc.constant<BeliefInput>({ type: 'tick' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('neighbours' as const),
      digests: fc.array(
        fc.record({
          quantity: name,
          median: fc.double({ min: -40, max: 80, noNaN: true }),
          spread: fc.double({ min: 0, max: 9, noNaN: true }),
          count: fc.nat(9),
        }),
        { maxLength: 3 },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('calibrate' as const),
      args: fc.record(
        {
          quantity: name,
          offset: fc.double({ min: -1e308, max: 1e308, noNaN: true }),
          gain: fc.constantFrom(0, 1e-6, 0.5, 1, 2, 1e6),
          points: fc.array(fc.record({ shown: raw, reference: raw }), { maxLength: 3 }),
        },
        { requiredKeys: ['quantity'] },
      ),
      actor: fc.constant('installer:li'),
    }),
  },
)
const story = fc.array(fc.tuple(fc.constantFrom(0, 5000, 20_000, 60_000, 60_000, 400_000), input), { maxLength: 60 })
const play = (steps: Array<[number, BeliefInput]>) => {
  const bench = new BeliefBench(quantities, thresholds)
  for (const [wait_ms, one] of steps) bench.wait(wait_ms).feed(one)
  return bench
}
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

describe('whatever a sensor and its bus say', () => {
  const eventChecks = new Map(Object.entries(parkSensorEvents).map(([type, schema]) => [type, checker(schema)]))
  const checkState = checker(ParkSensorState)
  const checkPack = checker(SenmlPack)
  const checkAvailability = checker(Availability)

  it('all that is told obeys the contract, and each command has one outcome', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const bench = play(steps)
        for (const effect of bench.effects) {
          if (effect.type === 'event')
            expect(eventChecks.get(effect.event)?.(plain(effect.data))).toMatchObject({ ok: true })
          if (effect.type === 'state')
            expect(checkState({ ...plain(effect.state), outputs: [] })).toMatchObject({ ok: true })
          if (effect.type === 'readings')
            expect(checkPack(plain(packOf('air-1/', effect.readings)))).toMatchObject({ ok: true })
          if (effect.type === 'availability')
            expect(checkAvailability(plain({ status: effect.status, reason: effect.reason })).ok).toBe(true)
        }
        expect(bench.outcomes()).toHaveLength(steps.filter(([, one]) => one.type === 'calibrate').length)
      }),
    )
  })

  it('no number that is not finite is ever told, and each has a quality; good ones have a number', () => {
    fc.assert(
      fc.property(story, (steps) => {
        for (const { value, quality, reason } of play(steps).readings()) {
          expect(['good', 'suspect', 'bad']).toContain(quality)
          expect(reason === undefined).toBe(quality === 'good')
          if (quality === 'good') expect(value).toBeTypeOf('number')
          if (value !== undefined) expect(Number.isFinite(value)).toBe(true)
        }
      }),
    )
  })

  it('a quantity of which nothing is heard is not good, whenever one looks', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const bench = new BeliefBench(quantities, thresholds)
        for (const [wait_ms, one] of steps) {
          bench.wait(wait_ms).feed(one)
          bench.state.quantities.forEach(({ heard_ms, standing }, index) => {
            const silent_ms = bench.now_ms - heard_ms
            if (silent_ms >= staleAfter_ms(quantities[index] as Quantity)) expect(standing.quality).toBe('bad')
          })
        }
      }),
    )
  })

  it('state as JSON goes on as if nothing had happened', () => {
    fc.assert(
      fc.property(story, fc.nat(60), (steps, cut) => {
        const whole = new BeliefBench(quantities, thresholds)
        const cutBench = new BeliefBench(quantities, thresholds)
        steps.forEach(([wait_ms, one], index) => {
          whole.wait(wait_ms).feed(one)
          cutBench.wait(wait_ms)
          if (index === cut % steps.length) cutBench.state = plain(cutBench.state) as BeliefState
          cutBench.feed(one)
        })
        expect(cutBench.effects).toEqual(whole.effects)
        expect(plain(cutBench.state)).toEqual(plain(whole.state))
      }),
    )
  })

  it('there is at most one reading per sample or fault, beside silence and summaries', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const only = [wellKnown.temperature]
        const bench = new BeliefBench(only)
        for (const [wait_ms, one] of steps) bench.wait(wait_ms).feed(one)
        const heard = steps.flatMap(([, one]) =>
          one.type === 'poll' ? one.results.filter(({ quantity }) => quantity === 'temperature') : [],
        )
        const silence = bench.readings().filter(({ reason }) => reason === 'stale')
        expect(bench.readings().length - silence.length).toBeLessThanOrEqual(heard.length)
      }),
    )
  })

  it('the state stays small, however long it goes on', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(1000, 60_000), input), { minLength: 200, maxLength: 300 }),
        (steps) => {
          expect(JSON.stringify(play(steps).state).length).toBeLessThan(10_000)
        },
      ),
      { numRuns: 15 },
    )
  })

  it('time that stands still or runs backwards breaks nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 900_000 }), input), { maxLength: 40 }), (steps) => {
        const bench = new BeliefBench(quantities, thresholds)
        for (const [now_ms, one] of steps) {
          bench.now_ms = now_ms
          const before_ms = bench.state.at_ms
          bench.feed(one)
          expect(bench.state.at_ms).toBe(Math.max(before_ms, now_ms))
        }
      }),
    )
  })
})

describe('the deadband', () => {
  const tell = (reading: fc.Arbitrary<number | undefined>) => fc.array(reading, { maxLength: 80 })
  const value = fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 230, max: 270 }).map((tenths) => tenths / 10) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, Number.NaN, 99) },
  )
  const wide: Quantity = { ...wellKnown.temperature, report: { ...wellKnown.temperature.report, deadband: 10 } }

  it('hides no change of quality', () => {
    fc.assert(
      fc.property(tell(value), (raws) => {
        const bench = new BeliefBench([wide]).polls(...raws)
        // The judge is asked again, with a deadband of nothing: every verdict is told.
        const open: Quantity = { ...wide, report: { ...wide.report, deadband: -1 } }
        const all = new BeliefBench([{ ...open, report: { ...open.report, heartbeat_ms: 1 } }]).polls(...raws).told()
        const changes = all.filter(([, reason], index) => reason !== all[index - 1]?.[1]).map(([, reason]) => reason)
        const told = bench.told().map(([, reason]) => reason)
        expect(told.filter((reason, index) => reason !== told[index - 1])).toEqual(changes)
      }),
    )
  })

  it('hides no crossing of a limit', () => {
    fc.assert(
      fc.property(tell(value), (raws) => {
        const bench = new BeliefBench([wide], [threshold({ limit: 25, hysteresis: 0.5 })]).polls(...raws)
        const crossings = bench.events().flatMap(([event, data]) => {
          const at = (data as { value?: number }).value
          return event.startsWith('threshold-') && at !== undefined ? [at] : []
        })
        const told = bench.told().map(([one]) => one)
        expect(crossings.filter((crossing) => !told.includes(crossing))).toEqual([])
      }),
    )
  })
})

it('amounts of a counter are never negative, and add up to what it counted', () => {
  const rain: Quantity = { ...wellKnown.rain, counter: { bits: 16, step: 1 }, rate_max: 10, spike_min: 300 }
  fc.assert(
    fc.property(fc.nat(65_535), fc.array(fc.nat(300), { maxLength: 40 }), (start, tips) => {
      const bench = new BeliefBench([rain]).poll(start)
      let counted = start
      let all = 0
      for (const tip of tips) {
        counted += tip
        all += tip
        bench.poll(counted % 65_536)
      }
      bench.polls(...Array.from({ length: 70 }, () => counted % 65_536))
      const told = bench.readings().map(({ value = 0 }) => value)
      expect(told.every((value) => value >= 0)).toBe(true)
      expect(told.reduce((sum, value) => sum + value, 0)).toBeCloseTo(all, 6)
      expect(bench.events().filter(([event]) => event === 'counter-reset')).toEqual([])
    }),
  )
})

it('a step does not change the state that it was given', () => {
  fc.assert(
    fc.property(story, (steps) => {
      const bench = new BeliefBench(quantities, thresholds)
      for (const [wait_ms, one] of steps) {
        bench.wait(wait_ms)
        const before = JSON.stringify(bench.state)
        step(bench.config, bench.state, one, bench.at)
        expect(JSON.stringify(bench.state)).toBe(before)
        bench.feed(one)
      }
    }),
    { numRuns: 30 },
  )
})
