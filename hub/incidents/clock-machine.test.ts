import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { INCIDENT_TIERS } from '../contract/incident.ts'
import { beginClock, REMINDER_MS_MAX, retimed, stepClock } from './clock-machine.ts'
import type { Clock } from './types.ts'

const LIMIT = { limit_ms: 60_000, gap_ms: 60_000 }

function looked(times: readonly number[]): Array<{ at_ms: number; type: string; tier: string }> {
  let clock: Clock = beginClock(LIMIT, 0)
  return times.flatMap((at_ms) => {
    const stepped = stepClock(clock, at_ms)
    clock = stepped.clock
    return stepped.effects.map(({ type, tier }) => ({ at_ms, type, tier }))
  })
}

describe('a clock', () => {
  it('tells tier after tier, a gap apart, then reminds ever more rarely', () => {
    const every_s = Array.from({ length: 3600 }, (_, index) => index * 1000)
    const told = looked(every_s)
    const minutes = told.map(({ at_ms, type, tier }) => [at_ms / 60_000, type, tier])
    expect(minutes).toEqual([
      [1, 'escalate', 'building'],
      [2, 'escalate', 'estate'],
      [3, 'escalate', 'community'],
      [4, 'escalate', 'street'],
      ...[5, 7, 11, 19, 35].map((minute) => [minute, 'remind', 'street']),
    ])
  })

  it('tells everybody once, and reminds nobody of what was missed, when nobody looked for a week', () => {
    const week_ms = 7 * 86_400_000
    const told = looked([0, week_ms, week_ms + 1000])
    expect(told.map(({ type, tier }) => [type, tier])).toEqual(INCIDENT_TIERS.map((tier) => ['escalate', tier]))
    expect(looked([0, week_ms, week_ms + REMINDER_MS_MAX]).at(-1)).toMatchObject({ type: 'remind' })
  })

  it('tells each tier at most once and none before its time, however it is looked at', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3 * 86_400_000), { maxLength: 50 }), (gaps) => {
        let at_ms = 0
        const tiers = looked(gaps.map((gap) => (at_ms += gap))).filter(({ type }) => type === 'escalate')
        expect(tiers.map(({ tier }) => tier)).toEqual(INCIDENT_TIERS.slice(0, tiers.length))
        for (const [index, one] of tiers.entries()) expect(one.at_ms).toBeGreaterThanOrEqual(60_000 * (index + 1))
        expect(tiers).toHaveLength(Math.min(4, Math.max(0, Math.floor(at_ms / 60_000))))
      }),
    )
  })

  it('with another limit does not tell again who was told', () => {
    const late = stepClock(beginClock(LIMIT, 0), 130_000).clock
    expect(late.told).toBe(2)
    const longer = retimed(late, { limit_ms: 600_000, gap_ms: 60_000 })
    expect(stepClock(longer, 700_000).effects).toEqual([])
    expect(stepClock(longer, 720_000).effects).toMatchObject([{ type: 'escalate', tier: 'community' }])
  })
})
