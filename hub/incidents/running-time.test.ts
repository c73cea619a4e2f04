import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advanceTime, beginTime, type ClockSample, resumeTime } from './running-time.ts'

const NOON = Date.parse('2026-11-23T12:00:00Z')
const HOUR_MS = 3_600_000
const sample = (more: Partial<ClockSample> = {}): ClockSample => ({
  boot: 'a',
  monotonic_ms: 1000,
  wall_ms: NOON,
  quality: 'synced',
  ...more,
})

describe('running time', () => {
  it('is not moved by any step of the wall clock', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100_000), fc.integer(), fc.constantFrom('synced', 'unsynced'))), (looks) => {
        let monotonic_ms = 1000
        let time = beginTime(sample())
        for (const [passed_ms, wall_ms, quality] of looks) {
          monotonic_ms += passed_ms
          time = advanceTime(time, sample({ monotonic_ms, wall_ms, quality: quality as 'synced' }))
          expect(time.anchor.run_ms).toBe(monotonic_ms - 1000)
        }
      }),
    )
  })

  it('knows exactly how long the hub was away while the machine ran on', () => {
    const saved = advanceTime(beginTime(sample()), sample({ monotonic_ms: 61_000 })).anchor
    const back = resumeTime(saved, sample({ monotonic_ms: 361_000, wall_ms: 0, quality: 'unsynced' }))
    expect(back.anchor.run_ms).toBe(360_000)
  })

  it('takes a trusted wall clock over the time that the machine was off', () => {
    const saved = beginTime(sample()).anchor
    const back = resumeTime(saved, sample({ boot: 'b', monotonic_ms: 5, wall_ms: NOON + HOUR_MS }))
    expect(back.anchor.run_ms).toBe(HOUR_MS)
  })

  it.each([
    ['1970', 0],
    ['the hour of the cut', NOON],
    ['some other year', NOON + 9 * 365 * 24 * HOUR_MS],
  ])(
    'goes on where it stood when the clock says %s, and makes up for it once when the clock is set',
    (_what, wall_ms) => {
      const saved = advanceTime(beginTime(sample()), sample({ monotonic_ms: 11_000, wall_ms: NOON + 10_000 })).anchor
      let time = resumeTime(saved, sample({ boot: 'b', monotonic_ms: 0, wall_ms, quality: 'unsynced' }))
      expect(time.anchor.run_ms).toBe(10_000)
      // Killed once more before anybody set the clock.
      time = resumeTime(time.anchor, sample({ boot: 'c', monotonic_ms: 0, wall_ms, quality: 'unsynced' }))
      time = advanceTime(
        time,
        sample({ boot: 'c', monotonic_ms: 30_000, wall_ms: wall_ms + 30_000, quality: 'unsynced' }),
      )
      expect(time.anchor.run_ms).toBe(40_000)
      for (let looks = 0; looks < 3; looks++)
        time = advanceTime(time, sample({ boot: 'c', monotonic_ms: 31_000, wall_ms: NOON + 2 * HOUR_MS }))
      expect(time.anchor.run_ms).toBe(2 * HOUR_MS)
      time = advanceTime(time, sample({ boot: 'c', monotonic_ms: 41_000, wall_ms: NOON + 5 * HOUR_MS }))
      expect(time.anchor.run_ms).toBe(2 * HOUR_MS + 10_000)
    },
  )

  it('never goes back, and is no absence of years, whatever the clocks say', () => {
    const look = fc.record({
      boot: fc.constantFrom('a', 'b', 'c'),
      monotonic_ms: fc.nat(10_000_000),
      wall_ms: fc.integer({ min: 0, max: 4e12 }),
      quality: fc.constantFrom('synced', 'holdover', 'unsynced'),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(look, fc.boolean())), (looks) => {
        let time = beginTime(sample())
        for (const [one, isRestart] of looks) {
          const before = time.anchor
          time = isRestart ? resumeTime(before, one) : advanceTime(time, { ...one, boot: before.boot })
          expect(time.anchor.run_ms).toBeGreaterThanOrEqual(before.run_ms)
          expect(time.anchor.run_ms - before.run_ms).toBeLessThanOrEqual(31 * 24 * HOUR_MS)
        }
      }),
    )
  })
})
