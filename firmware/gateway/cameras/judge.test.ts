import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AGE_MAX_MS, AHEAD_MAX_MS, noteReading, REPEAT_MS, type Seen, timelinessOf } from './judge.ts'

const NOW_MS = Date.parse('2026-11-23T08:00:00Z')
const at = (offset_ms: number) => ({ plate: 'A12345', confidence: 1, at: new Date(NOW_MS + offset_ms).toISOString() })

describe('the time of a reading', () => {
  it.each([
    [0, 'fresh'],
    [-AGE_MAX_MS, 'fresh'],
    [-AGE_MAX_MS - 1, 'stale'],
    [AHEAD_MAX_MS, 'fresh'],
    [AHEAD_MAX_MS + 1, 'stale'],
  ])('%d ms from now is %s', (offset_ms, timeliness) => {
    expect(timelinessOf(at(offset_ms), NOW_MS, 'synced')).toBe(timeliness)
    expect(timelinessOf(at(offset_ms), NOW_MS, 'holdover')).toBe(timeliness)
  })

  it('decides nothing when it is not there, or our own clock follows nothing', () => {
    expect(timelinessOf({ plate: 'A12345', confidence: 1 }, NOW_MS, 'synced')).toBe('fresh')
    expect(timelinessOf(at(-86_400_000), NOW_MS, 'unsynced')).toBe('fresh')
  })
})

const readings = fc.array(
  fc.record({
    plate: fc.constantFrom('A1', 'B2', 'C3'),
    confidence: fc.constantFrom(0.4, 0.8, 0.9),
    after_ms: fc.integer({ min: 0, max: 1500 }),
  }),
  { maxLength: 60 },
)

describe('the same plate again', () => {
  it('is new only when it is surer, or was not taken for a while; and little is remembered', () => {
    fc.assert(
      fc.property(readings, (list) => {
        let seen: readonly Seen[] = []
        let now_ms = 0
        const taken: Array<{ plate: string; confidence: number; at_ms: number }> = []
        for (const { after_ms, ...reading } of list) {
          now_ms += after_ms
          const recent = taken.filter(({ plate, at_ms }) => plate === reading.plate && now_ms - at_ms < REPEAT_MS)
          const isRepeat = recent.some(({ confidence }) => confidence >= reading.confidence)
          const next = noteReading(seen, reading, now_ms)
          expect(next === undefined).toBe(isRepeat)
          if (!next) continue
          seen = next
          taken.push({ ...reading, at_ms: now_ms })
          expect(seen.length).toBeLessThanOrEqual(9)
        }
      }),
    )
  })

  it('is looked for among few, and more than a camera can see is not work', () => {
    let seen: readonly Seen[] = []
    let decided = 0
    for (let now_ms = 0; now_ms < 10_000; now_ms++) {
      const next = noteReading(seen, { plate: `P${now_ms}`, confidence: now_ms / 10_000 }, now_ms)
      if (next) decided++
      seen = next ?? seen
    }
    expect(seen.length).toBeLessThanOrEqual(16)
    expect(decided).toBe(5 * 16)
  })
})
