import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ADDRESS_FREE,
  type Attempt,
  ENTRIES_MAX,
  FORGET_MS,
  NAME_FREE,
  NO_ATTEMPTS,
  PAUSE_MAX_MS,
  PAUSE_MIN_MS,
  stepThrottle,
  type ThrottleInput,
} from './throttle-machine.ts'

/** Who may try to log in, and when. */

function desk() {
  let state = NO_ATTEMPTS
  let now = 0
  const step = (input: ThrottleInput) => {
    const result = stepThrottle(state, input, now)
    state = result.state
    return result.effects
  }
  return {
    /** ms to wait; 0: it was checked, and was wrong. */
    wrong(attempt: Attempt): number {
      const [effect] = step({ type: 'attempt', ...attempt })
      if (effect) return effect.for_ms
      step({ type: 'failed', ...attempt })
      return 0
    },
    right(attempt: Attempt): boolean {
      if (step({ type: 'attempt', ...attempt }).length > 0) return false
      step({ type: 'succeeded', ...attempt })
      return true
    },
    step,
    pass: (ms: number) => {
      now += ms
    },
    size: () => state.entries.size,
  }
}

const li = { name: 'li', address: '192.0.2.1' }
const stranger = { name: 'li', address: '198.51.100.9' }

describe('attempts to log in', () => {
  it('are paused after five wrong ones, for longer each time, and a quarter of an hour at most', () => {
    const { wrong, pass } = desk()
    for (let n = 0; n < NAME_FREE; n++) expect(wrong(li)).toBe(0)
    const pauses = []
    for (let n = 0; n < 8; n++) {
      pauses.push(wrong(li))
      pass(pauses.at(-1) ?? 0)
      expect(wrong(li)).toBe(0)
    }
    expect(pauses[0]).toBe(PAUSE_MIN_MS)
    expect(pauses).toEqual([30, 60, 120, 240, 480, 900, 900, 900].map((s) => s * 1000))
    expect(Math.max(...pauses)).toBe(PAUSE_MAX_MS)
  })

  it('count before they are checked, so that many at once are no more than one after the other', () => {
    const { step } = desk()
    const answers = Array.from({ length: 50 }, () => step({ type: 'attempt', ...li }).length)
    expect(answers.filter((paused) => paused === 0)).toHaveLength(NAME_FREE)
  })

  it('begin anew after one that was right, and after an hour of quiet', () => {
    const { wrong, right, pass } = desk()
    for (let n = 1; n < NAME_FREE; n++) wrong(li)
    expect(right(li)).toBe(true)
    for (let n = 1; n < NAME_FREE; n++) expect(wrong(li)).toBe(0)
    pass(FORGET_MS)
    for (let n = 1; n < NAME_FREE; n++) expect(wrong(li)).toBe(0)
  })

  it('of a stranger keep nobody out where they have logged in before', () => {
    const { wrong, right } = desk()
    expect(right(li)).toBe(true)
    for (let n = 0; n < 10; n++) wrong(stranger)
    expect(wrong(stranger)).toBeGreaterThan(0)
    expect(right(li)).toBe(true)
    // And there too nobody guesses without an end.
    for (let n = 0; n < NAME_FREE; n++) expect(wrong(li)).toBe(0)
    expect(wrong(li)).toBeGreaterThan(0)
  })

  it('on many names from one address are paused, also for whoever has a good account of their own', () => {
    const { wrong, right } = desk()
    for (let n = 1; n < ADDRESS_FREE; n++) {
      expect(wrong({ name: `n${n}`, address: li.address })).toBe(0)
      expect(right({ name: 'own', address: li.address })).toBe(true)
    }
    expect(wrong({ name: 'last', address: li.address })).toBe(0)
    expect(wrong({ name: 'another', address: li.address })).toBe(PAUSE_MIN_MS)
  })

  it('from one IPv6 network count as one address', () => {
    const { wrong } = desk()
    for (let n = 0; n < ADDRESS_FREE; n++) wrong({ name: `n${n}`, address: `2001:db8:1:2:${n.toString(16)}::1` })
    expect(wrong({ name: 'x', address: '2001:db8:1:2:ffff:1:2:3' })).toBeGreaterThan(0)
    expect(wrong({ name: 'y', address: '2001:db8:1:3::1' })).toBe(0)
    expect(wrong({ name: 'z', address: '2001:db8::1' })).toBe(0)
  })

  it('are let through at once after an unlock', () => {
    const { wrong, step } = desk()
    for (let n = 0; n <= NAME_FREE; n++) wrong(li)
    step({ type: 'unlock', name: 'li' })
    expect(wrong(li)).toBe(0)
  })

  it('say when they lock', () => {
    const { step } = desk()
    const effects = Array.from({ length: NAME_FREE }, () => {
      step({ type: 'attempt', ...li })
      return step({ type: 'failed', ...li })
    })
    expect(effects.flat()).toEqual([{ type: 'locked', what: 'name', for_ms: PAUSE_MIN_MS }])
  })

  it('leave a bounded memory, and never more than a quarter of an hour to wait', () => {
    const attempt = fc.record({
      name: fc.nat(30).map(String),
      address: fc.nat(5000).map((n) => `10.0.${n >> 8}.${n & 255}`),
    })
    const act = fc.tuple(fc.constantFrom('wrong', 'right', 'withdrawn'), attempt, fc.nat(100_000))
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const { wrong, right, step, pass, size } = desk()
        for (const [what, who, ms] of acts) {
          if (what === 'wrong') expect(wrong(who)).toBeLessThanOrEqual(PAUSE_MAX_MS)
          else if (what === 'right') right(who)
          else if (step({ type: 'attempt', ...who }).length === 0) step({ type: 'withdrawn', ...who })
          pass(ms)
        }
        expect(size()).toBeLessThanOrEqual(ENTRIES_MAX)
        pass(PAUSE_MAX_MS)
        expect(right(li)).toBe(true)
      }),
      { numRuns: 30 },
    )
    const { wrong, size } = desk()
    for (let n = 0; n < 2 * ENTRIES_MAX; n++) wrong({ name: `n${n}`, address: `a${n}` })
    expect(size()).toBe(ENTRIES_MAX)
  })
})
