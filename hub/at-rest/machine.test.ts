import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AFTER_START, AT_WORK, REST, type RestConfig, type RestInput, stepRest } from './machine.ts'

const MB = 1024 * 1024
const SAMPLE_MS = 5_000

/** Of samples each 5 s: after which of them memory was given back, down to `left`. */
function run(config: RestConfig, samples: Array<{ utilization: number; held: number }>, left = 20 * MB): number[] {
  let state = AT_WORK
  return samples.flatMap(({ utilization, held }, index) => {
    const now_ms = index * SAMPLE_MS
    const step = stepRest(config, state, { type: 'sample', utilization, held_bytes: held }, now_ms)
    state = step.state
    if (step.effects.length === 0) return []
    state = stepRest(config, state, { type: 'given-back', held_bytes: left }, now_ms).state
    return [index]
  })
}
const quiet = (count: number, held = 20 * MB) => Array.from({ length: count }, () => ({ utilization: 0.02, held }))
const busy = (count: number, held = 90 * MB) => Array.from({ length: count }, () => ({ utilization: 0.9, held }))

describe('a thread at rest', () => {
  it('gives back what the start took, once it has been quiet for so long', () => {
    expect(run(REST, quiet(100, 30 * MB), 30 * MB)).toEqual([2])
    expect(run(REST, [...busy(10), ...quiet(100, 30 * MB)], 30 * MB)).toEqual([12])
  })

  it('gives back what a burst took, and not while the burst lasts', () => {
    expect(run(REST, [...quiet(20), ...busy(50), ...quiet(10, 90 * MB)])).toEqual([2, 72])
  })

  it('leaves alone what grows a little, and what grows again at once', () => {
    expect(run(REST, [...quiet(20), ...quiet(100, 27 * MB)])).toEqual([2])
    // Each time more than it gave back: once a minute.
    expect(run(REST, quiet(40, 90 * MB))).toEqual([2, 14, 26, 38])
  })

  it('of a gateway does it after the start only', () => {
    expect(run(AFTER_START, [...quiet(20), ...busy(20), ...quiet(500, 500 * MB)])).toEqual([2])
  })

  it('never stops a thread that was at work in the last ten seconds, nor twice in a minute', () => {
    const sample = fc.record({ utilization: fc.double({ min: 0, max: 1, noNaN: true }), held: fc.nat(500 * MB) })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 200 }), (samples) => {
        const times = run(REST, samples)
        for (const [at, index] of times.entries()) {
          const recent = samples.slice(Math.max(0, index - 2), index + 1)
          expect(recent.every(({ utilization }) => utilization <= REST.busy)).toBe(true)
          expect(index - (times[at - 1] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(12)
        }
      }),
    )
  })

  it('takes any input in any state', () => {
    const input: fc.Arbitrary<RestInput> = fc.oneof(
      fc.record({ type: fc.constant('sample' as const), utilization: fc.double(), held_bytes: fc.double() }),
      fc.record({ type: fc.constant('given-back' as const), held_bytes: fc.double() }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.double())), (inputs) => {
        let state = AT_WORK
        for (const [one, now_ms] of inputs) state = stepRest(REST, state, one, now_ms).state
      }),
    )
  })
})
