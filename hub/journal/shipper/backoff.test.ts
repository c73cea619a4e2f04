import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BACKOFF_DEFAULT, backoff_ms } from './backoff.ts'

describe('backoff', () => {
  it('doubles its bound with each failure up to the greatest', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 1_000].map((failures) =>
      backoff_ms(BACKOFF_DEFAULT, failures, () => 0.999_999),
    )
    expect(bounds).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000])
  })

  it('spreads over the whole bound, and never makes a busy loop', () => {
    expect(backoff_ms(BACKOFF_DEFAULT, 3, () => 0)).toBe(50)
    expect(backoff_ms(BACKOFF_DEFAULT, 3, () => 0.5)).toBe(2_000)
    const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), dice, (failures, random) => {
        const wait_ms = backoff_ms(BACKOFF_DEFAULT, failures, () => random)
        expect(wait_ms).toBeGreaterThanOrEqual(50)
        expect(wait_ms).toBeLessThanOrEqual(10_000)
      }),
    )
  })
})
