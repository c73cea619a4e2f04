import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CODE_MS,
  type EnrolmentEffect,
  type EnrolmentInput,
  type EnrolmentState,
  FAILURES_MAX,
  FAILURES_WINDOW_MS,
  NO_ENROLMENTS,
  stepEnrolment,
} from './machine.ts'

/** Runs inputs one after the other; gives the effects of the last. */
function run(inputs: Array<[EnrolmentInput, now_ms?: number]>): { state: EnrolmentState; effects: EnrolmentEffect[] } {
  let last = { state: NO_ENROLMENTS, effects: [] as EnrolmentEffect[] }
  for (const [input, now_ms = 0] of inputs) last = stepEnrolment(last.state, input, now_ms)
  return last
}
const issue = (codeHash = 'h1', gateway = 'gw-1'): EnrolmentInput => ({ type: 'issue', gateway, codeHash })
const claim = (codeHash = 'h1', keyHash = 'k1', address = 'a'): EnrolmentInput => {
  return { type: 'claim', codeHash, keyHash, address }
}
const accepted = [{ type: 'save' }, { type: 'accept', gateway: 'gw-1' }]
const refused = (code: string) => [{ type: 'refuse', code }]

describe('an enrolment code', () => {
  it('is good once, and for the same key again, because the answer may have been lost', () => {
    expect(run([[issue()], [claim()]]).effects).toEqual(accepted)
    expect(run([[issue()], [claim()], [claim()]]).effects).toEqual(accepted)
    expect(run([[issue()], [claim()], [claim('h1', 'k2')]]).effects).toEqual(refused('ENROL_CODE_USED'))
  })

  it('ends after a day, and says so', () => {
    expect(run([[issue()], [claim(), CODE_MS - 1]]).effects).toEqual(accepted)
    expect(run([[issue()], [claim(), CODE_MS]]).effects).toEqual(refused('ENROL_CODE_EXPIRED'))
    expect(run([[issue()], [claim()], [claim(), CODE_MS]]).effects).toEqual(refused('ENROL_CODE_EXPIRED'))
  })

  it('is void once the gateway has a newer one, or when it is withdrawn', () => {
    expect(run([[issue('h1')], [issue('h2')], [claim('h1')]]).effects).toEqual(refused('ENROL_CODE_UNKNOWN'))
    expect(run([[issue()], [{ type: 'withdraw', gateway: 'gw-1' }], [claim()]]).effects).toEqual(
      refused('ENROL_CODE_UNKNOWN'),
    )
    expect(run([[issue('h1')], [issue('h2', 'gw-2')], [claim('h1')]]).effects).toEqual(accepted)
  })

  it('cannot be guessed at: an address waits after ten wrong ones, others do not', () => {
    const wrong = Array.from({ length: FAILURES_MAX }, (): [EnrolmentInput] => [claim('__proto__')])
    expect(run([[issue()], ...wrong, [claim()]]).effects).toEqual(refused('ENROL_THROTTLED'))
    expect(run([[issue()], ...wrong, [claim('h1', 'k1', 'b')]]).effects).toEqual(accepted)
    expect(run([[issue()], ...wrong, [claim(), FAILURES_WINDOW_MS]]).effects).toEqual(accepted)
  })

  it('never serves two keys, whatever happens', () => {
    const hash = fc.constantFrom('h1', 'h2')
    const input = fc.oneof(
      fc.record({ type: fc.constant('issue' as const), gateway: fc.constantFrom('gw-1', 'gw-2'), codeHash: hash }),
      fc.record({ type: fc.constant('withdraw' as const), gateway: fc.constantFrom('gw-1', 'gw-2') }),
      fc.record({
        type: fc.constant('claim' as const),
        codeHash: hash,
        keyHash: fc.constantFrom('k1', 'k2'),
        address: fc.constantFrom('a', '__proto__'),
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat(CODE_MS)), { maxLength: 60 }), (steps) => {
        let state = NO_ENROLMENTS
        let now_ms = 0
        /** Since its last issue: who was served. */
        const served = new Map<string, string>()
        for (const [one, later_ms] of steps) {
          now_ms += later_ms
          const issued = one.type === 'issue' ? one.codeHash : undefined
          if (issued !== undefined) served.delete(issued)
          const result = stepEnrolment(state, one, now_ms)
          state = result.state
          if (one.type !== 'claim' || !result.effects.some(({ type }) => type === 'accept')) continue
          expect(served.get(one.codeHash) ?? one.keyHash).toBe(one.keyHash)
          served.set(one.codeHash, one.keyHash)
        }
      }),
    )
  })
})
