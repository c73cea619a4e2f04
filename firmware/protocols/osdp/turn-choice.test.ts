import { describe, expect, it } from 'vitest'
import { type Candidate, chooseTurn, URGENT_IN_ROW_MAX } from './turn-choice.ts'

const candidate = (who: string, at_ms: number, more: Partial<Candidate<string>['turn']> = {}, served_ms = 0) => ({
  who,
  served_ms,
  turn: { at_ms, urgent: false, doubtful: false, ...more },
})

const calm = { routineUntil_ms: 0, doubtfulUntil_ms: 0 }

describe('the choice of a turn', () => {
  it('is the reader that has waited longest', () => {
    expect(chooseTurn([candidate('a', 20), candidate('b', 10)], 30, calm, 0)).toEqual({ who: 'b', urgent: false })
  })
  it('is feedback before polls, but not for ever', () => {
    const all = [candidate('a', 0), candidate('b', 20, { urgent: true })]
    expect(chooseTurn(all, 30, calm, 0)).toEqual({ who: 'b', urgent: true })
    expect(chooseTurn(all, 30, calm, URGENT_IN_ROW_MAX)).toEqual({ who: 'a', urgent: false })
    expect(chooseTurn(all.slice(1), 30, calm, URGENT_IN_ROW_MAX)).toEqual({ who: 'b', urgent: true })
  })
  it('shares urgent turns among readers', () => {
    const all = [candidate('a', 0, { urgent: true }, 9), candidate('b', 5, { urgent: true }, 3)]
    expect(chooseTurn(all, 30, calm, 0)).toEqual({ who: 'b', urgent: true })
  })
  it('keeps the line for feedback while it is hushed, and from doubtful readers longer', () => {
    const all = [candidate('dead', 0, { doubtful: true }), candidate('a', 25)]
    const hush = { routineUntil_ms: 40, doubtfulUntil_ms: 100 }
    expect(chooseTurn(all, 20, hush, 0)).toEqual({ wait_ms: 20 })
    expect(chooseTurn([...all, candidate('b', 0, { urgent: true })], 20, hush, 0)).toEqual({ who: 'b', urgent: true })
    expect(chooseTurn(all, 40, hush, 0)).toEqual({ who: 'a', urgent: false })
    expect(chooseTurn(all.slice(0, 1), 99, hush, 0)).toEqual({ wait_ms: 1 })
    expect(chooseTurn(all, 100, hush, 0)).toEqual({ who: 'dead', urgent: false })
  })
  it('is to wait until somebody is due', () => {
    expect(chooseTurn([candidate('a', 50)], 30, calm, 0)).toEqual({ wait_ms: 20 })
    expect(chooseTurn([], 30, calm, 0)).toEqual({ wait_ms: Number.POSITIVE_INFINITY })
  })
})
