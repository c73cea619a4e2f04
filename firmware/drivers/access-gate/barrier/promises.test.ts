import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Moment } from '../../../moment.ts'
import { blankLedger } from '../proof/barrier-ledger.ts'
import {
  command,
  type Happening,
  happen,
  ioLost,
  ioReady,
  type Node,
  nameOf,
  smallBarrier,
} from '../proof/barrier-world.ts'
import { barrierRules } from './rules.ts'
import { BARRIER_INPUTS, type BarrierConfig, createBarrierState } from './state.ts'

/** The promises of the exploration for barriers of any size and for anything that may happen to them at any time. */

const time = (min: number, max: number) => fc.integer({ min, max })

const configs: fc.Arbitrary<BarrierConfig> = fc
  .record({
    extra: fc.subarray(['beam', 'approach', 'exit', 'release'] as const),
    lamps: fc.subarray(['lamp', 'lamp-exit'] as const),
    hasStop: fc.boolean(),
    hasBeamTest: fc.boolean(),
    direction: fc.constantFrom('in', 'out', 'both'),
    policy: fc.constantFrom('plain', 'flow'),
    mode: fc.constantFrom('normal', 'free-flow', 'tidal', 'closed'),
    fresh_ms: time(1, 1500),
    raiseTimeout_ms: time(1, 3000),
    lowerTimeout_ms: time(1, 3000),
    clearDelay_ms: time(1, 1000),
    passTimeout_ms: time(1, 3000),
    stuckAfter_ms: time(1, 5000),
    testTimeout_ms: time(1, 600),
    stopPulse_ms: time(1, 600),
  })
  .map(({ extra, hasBeamTest, ...rest }) => ({
    ...smallBarrier,
    ...rest,
    inputs: ['up', 'down', 'safety', ...extra] as BarrierConfig['inputs'],
    hasBeamTest: hasBeamTest && extra.includes('beam'),
  }))

const levels = (name: string, level: boolean | undefined, alone: boolean): Happening => ({
  kind: 'input',
  alone,
  input: { type: 'levels', levels: { [name]: level } },
  name: `${name}=${level ?? 'unknown'}${alone ? ' alone' : ''}`,
})

const reading = (name: string, read: Record<string, boolean>): Happening => ({
  kind: 'input',
  input: { type: 'levels', levels: read },
  name,
})
const nobody = { safety: false, beam: false, approach: false, exit: false }

/** What happens at a barrier where all is well, so that long stories get somewhere. */
const wellBehaved: Happening[] = [
  reading('up and clear', { up: true, down: false, ...nobody }),
  reading('down and clear', { up: false, down: true, ...nobody }),
  reading('between and clear', { up: false, down: false, ...nobody }),
  levels('beam', true, false),
  levels('safety', true, false),
  { kind: 'confirm' },
  { kind: 'tick', passed_ms: 100 },
  { kind: 'tick', passed_ms: 10 },
  command('open'),
  command('close'),
  ioReady,
]

/** What is not wired is not reported. */
function wired(config: BarrierConfig, happening: Happening): Happening {
  if (happening.kind !== 'input' || happening.input.type !== 'levels') return happening
  const read = Object.entries(happening.input.levels).filter(([name]) => config.inputs.some((one) => one === name))
  return { ...happening, input: { type: 'levels', levels: Object.fromEntries(read) } }
}

const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 18, arbitrary: fc.constantFrom(...wellBehaved) },
  { weight: 3, arbitrary: time(0, 1200).map((passed_ms): Happening => ({ kind: 'tick', passed_ms })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...BARRIER_INPUTS), fc.constantFrom(true, false, undefined), fc.boolean())
      .map(([name, level, alone]) => levels(name, level, alone)),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        granted: fc.boolean(),
        direction: fc.constantFrom('in', 'out'),
        by: fc.constantFrom('plate', 'card'),
        credential: fc.constantFrom('a', 'b', 'c', 'd'),
        emergency: fc.boolean(),
      })
      .map((decision): Happening => ({ kind: 'input', input: { type: 'access', decision }, name: 'access' })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          ['open', {}],
          ['close', {}],
          ['hold-open', { for_ms: 1000 }],
          ['lock', {}],
          ['unlock', {}],
          ['set-mode', { mode: 'free-flow', for_ms: 2000 }],
          ['set-mode', { mode: 'schedule', endevacuation: true }],
          ['release-all', {}],
          ['reset', {}],
        ),
        fc.boolean(),
      )
      .map(([[name, args], expired]) => command(name as string, args, expired)),
  },
  { weight: 1, arbitrary: fc.constantFrom(ioLost, ioReady) },
)

const start: Moment = { wall_ms: 1_800_000_000_000, monotonic_ms: 0 }

describe('a barrier of any configuration', () => {
  it('keeps every promise, whatever happens', () => {
    const seen = { lowered: 0, raised: 0 }
    fc.assert(
      fc.property(configs, fc.array(happenings, { minLength: 50, maxLength: 150, size: 'max' }), (config, story) => {
        let node: Node = { state: createBarrierState(config, undefined, start), ledger: blankLedger }
        for (const [index, happening] of [ioReady, ...story].entries()) {
          const { node: next, broken } = happen(config, barrierRules, node, wired(config, happening))
          const told = story.slice(0, index).map(nameOf).join(', ')
          expect(broken === undefined ? undefined : `${broken}, after ${told}`).toBeUndefined()
          if (next.ledger.on.lower) seen.lowered++
          if (next.ledger.on.raise) seen.raised++
          node = next
        }
      }),
      { numRuns: 1500 },
    )
    // Stories in which nothing ever moves would prove nothing.
    expect(seen.lowered).toBeGreaterThan(100)
    expect(seen.raised).toBeGreaterThan(1000)
  }, 120_000)
})
