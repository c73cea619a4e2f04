import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AlarmButtonState, alarmButtonEvents } from '../../../hub/contract/alarm-button.ts'
import { Availability } from '../../../hub/contract/availability.ts'
import { checker } from '../../../hub/contract/schema.ts'
import { at, Bench, command, config } from '../../testing/button-bench.ts'
import { type ButtonInput, createButtonState, nextDeadline, step } from './machine.ts'

const input: fc.Arbitrary<ButtonInput> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('contact' as const), closed: fc.boolean(), found: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('loop' as const), ratio: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 2, arbitrary: fc.constant<ButtonInput>({ type: 'board-ready' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ButtonInput>({ type: 'board-lost', reason: 'board-hung' }, { type: 'tick' }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      command('lamp', { on: true }),
      command('siren', { on: true, for_ms: 700 }),
      command('reset', {}),
    ),
  },
)
const story = fc.array(fc.tuple(fc.integer({ min: 0, max: 4000 }), input), { maxLength: 60 })

describe('whatever happens', () => {
  const eventChecks = new Map(Object.entries(alarmButtonEvents).map(([name, schema]) => [name, checker(schema)]))
  const checkState = checker(AlarmButtonState)
  const checkAvailability = checker(Availability)

  it('every effect obeys the contract, and each command has one outcome', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const bench = new Bench()
        for (const [wait_ms, one] of steps) bench.wait(wait_ms).feed(one)
        for (const effect of bench.effects) {
          if (effect.type === 'event') expect(eventChecks.get(effect.event)?.(effect.data).ok).toBe(true)
          if (effect.type === 'state') expect(checkState(effect.state).ok).toBe(true)
          if (effect.type === 'availability')
            expect(
              checkAvailability(JSON.parse(JSON.stringify({ status: effect.status, reason: effect.reason }))).ok,
            ).toBe(true)
        }
        expect(bench.outcomes()).toHaveLength(steps.filter(([, one]) => one.type === 'command').length)
      }),
    )
  })

  it('presses and releases alternate, and a state is told only when it changed', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const bench = new Bench()
        for (const [wait_ms, one] of steps) bench.wait(wait_ms).feed(one)
        const pairs = bench.names().filter((name) => name === 'pressed' || name === 'released')
        expect(pairs).toEqual(pairs.map((_, index) => (index % 2 === 0 ? 'pressed' : 'released')))
        const states = bench.effects.flatMap((effect) =>
          effect.type === 'state' ? [JSON.stringify(effect.state)] : [],
        )
        expect(states.every((state, index) => state !== states[index - 1])).toBe(true)
      }),
    )
  })

  it('a press of 30 ms that begins while the button is shown as online, and is at rest, is told', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const bench = new Bench()
        for (const [wait_ms, one] of steps) bench.wait(wait_ms).feed(one)
        bench.feed({ type: 'board-lost', reason: 'board-hung' }).wait(5)
        bench.feed({ type: 'board-ready' }).feed({ type: 'contact', closed: false, found: true })
        for (let waited_ms = 0; bench.availability()?.[0] !== 'online'; waited_ms++) {
          expect(waited_ms).toBeLessThan(1000)
          bench.wait(1)
        }
        const told = bench.names().filter((name) => name === 'pressed').length
        bench.press(30)
        expect(bench.names().filter((name) => name === 'pressed')).toHaveLength(told + 1)
      }),
    )
  })

  it('it does not matter how late or how often it is called', () => {
    const run = (steps: Array<[number, ButtonInput]>, drive: (bench: Bench, wait_ms: number) => void) => {
      const bench = new Bench().ready()
      for (const [wait_ms, one] of steps) {
        drive(bench, wait_ms)
        bench.feed(one)
      }
      drive(bench, 31_000)
      bench.feed({ type: 'tick' })
      return { events: bench.effects.filter((effect) => effect.type === 'event'), shown: bench.shown }
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2000 }), input), { maxLength: 30 }),
        fc.integer({ min: 7, max: 500 }),
        (steps, every_ms) => {
          const onTime = run(steps, (bench, wait_ms) => bench.wait(wait_ms))
          const late = run(steps, (bench, wait_ms) => {
            bench.now_ms += wait_ms
          })
          const often = run(steps, (bench, wait_ms) => {
            for (let left_ms = wait_ms; left_ms > 0; left_ms -= every_ms) {
              bench.wait(Math.min(every_ms, left_ms)).feed({ type: 'tick' })
            }
          })
          expect(late).toEqual(onTime)
          expect(often).toEqual(onTime)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('time that runs backwards or stands still breaks nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 5000 }), input), { maxLength: 60 }), (steps) => {
        let state = createButtonState(undefined, at(0))
        for (const [now_ms, one] of steps) state = step(config, state, one, at(now_ms)).state
        const due_ms = nextDeadline(config, state)
        if (due_ms !== undefined) state = step(config, state, { type: 'tick' }, at(due_ms)).state
        expect(nextDeadline(config, state) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(due_ms ?? 0)
      }),
    )
  })
})
