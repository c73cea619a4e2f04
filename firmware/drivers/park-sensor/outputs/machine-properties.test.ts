import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ParkSensorState, parkSensorEvents } from '../../../../hub/contract/park-sensor.ts'
import { checker } from '../../../../hub/contract/schema.ts'
import { type Answer, OutputsBench, outputsConfig } from '../../../testing/outputs-bench.ts'

type Act = (bench: OutputsBench) => unknown
const names = outputsConfig.outputs.map(({ name }) => name)
const act: fc.Arbitrary<Act> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...names),
      fc.boolean(),
      fc.option(fc.integer({ min: 1000, max: 120_000 }), { nil: undefined }),
    )
    .map(
      ([name, on, for_ms]): Act =>
        (bench) =>
          bench.command(name, on, for_ms),
    ),
  fc.constantFrom('dry', 'raining', 'unknown').map(
    (rain): Act =>
      (bench) =>
        bench.feed({ type: 'rain', rain: rain as 'dry' }),
  ),
  fc.boolean().map(
    (ok): Act =>
      (bench) =>
        bench.contact(ok),
  ),
  fc.constantFrom<Answer>('ok', 'ok', 'refused', 'deaf', 'lost').map(
    (answer): Act =>
      (bench) => {
        bench.answer = answer
      },
  ),
  fc.boolean().map(
    (hold): Act =>
      (bench) => {
        bench.hold = hold
        if (!hold) bench.release()
      },
  ),
  fc.integer({ min: 1, max: 70_000 }).map(
    (time_ms): Act =>
      (bench) =>
        bench.wait(time_ms),
  ),
)
const story = fc.array(act, { maxLength: 60 })

/** Everything heals, and there is time enough for what is owed. */
function heal(bench: OutputsBench): OutputsBench {
  bench.answer = 'ok'
  bench.hold = false
  return bench.release().contact(true).wait(4000)
}

it('each command has exactly one outcome, and all that is told obeys the contract', () => {
  const checkEvent = checker(parkSensorEvents['output-changed'])
  const checkState = checker(ParkSensorState)
  fc.assert(
    fc.property(story, (acts) => {
      const bench = new OutputsBench()
      for (const one of acts) one(bench)
      heal(bench)
      const ids = bench.effects.flatMap((effect) => (effect.type === 'outcome' ? [effect.id] : []))
      expect(new Set(ids).size).toBe(ids.length)
      const asked = bench.command('lamp', false).effects.findLast((effect) => effect.type === 'outcome')
      expect(asked).toMatchObject({ id: `c${ids.length + 1}` })
      for (const effect of bench.effects) {
        if (effect.type === 'event') expect(checkEvent(effect.data).ok).toBe(true)
        if (effect.type === 'state') {
          const state = { profile: 'x', quantities: [], alarms: [], calibrations: [], outputs: effect.outputs }
          expect(checkState(state).ok).toBe(true)
        }
      }
    }),
  )
})

it('what is shown is so once all is well, and after its longest on-time everything is off', () => {
  fc.assert(
    fc.property(story, (acts) => {
      const bench = new OutputsBench()
      for (const one of acts) one(bench)
      heal(bench)
      const relays = names.map((name) => bench.relays.get(name) ?? false)
      expect(bench.shown.map(({ on }) => on)).toEqual(relays)
      bench.wait(100_000)
      expect([...bench.relays.values()]).not.toContain(true)
      expect(bench.shown.some(({ on }) => on)).toBe(false)
    }),
  )
})

it('nothing goes on without a command for it, and irrigation not unless it is known to be dry', () => {
  fc.assert(
    fc.property(story, (acts) => {
      const bench = new OutputsBench()
      for (const one of acts) {
        const before = bench.effects.length
        const { rain } = bench.state
        one(bench)
        const fresh = bench.effects.slice(before)
        const told = fresh.flatMap((effect) =>
          effect.type === 'event' ? [effect.data as Record<string, unknown>] : [],
        )
        for (const { on, by } of told) if (on) expect(by).toBe('command')
        for (const effect of fresh)
          if (effect.type === 'write' && effect.on && effect.output === 'valve')
            expect([rain, bench.state.rain]).toContain('dry')
      }
    }),
  )
})

it('state as JSON goes on as if nothing had happened', () => {
  fc.assert(
    fc.property(story, (acts) => {
      const whole = new OutputsBench()
      const cut = new OutputsBench()
      for (const one of acts) {
        one(whole)
        cut.state = JSON.parse(JSON.stringify(cut.state))
        one(cut)
      }
      expect(cut.effects).toEqual(whole.effects)
    }),
    { numRuns: 50 },
  )
})
