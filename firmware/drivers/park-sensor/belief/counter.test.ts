import { describe, expect, it } from 'vitest'
import { BeliefBench } from '../../../testing/belief-bench.ts'
import { wellKnown } from '../well-known.ts'

const { rain } = wellKnown

describe('a counter', () => {
  it('is told as amounts, over a wrap too', () => {
    const bench = new BeliefBench([rain]).polls(65_530, 65_533, 65_535, 1, 3, 3)
    // 3 + 2 + 2 counts of 0.2 mm in the first five minutes.
    expect(bench.told()).toEqual([[expect.closeTo(1.4, 9), 'good']])
  })

  it('that begins anew is told as reset, never as rain', () => {
    const bench = new BeliefBench([rain]).polls(1000, 1002, 0, 1, 1, 1)
    expect(bench.events()).toContainEqual(['counter-reset', { quantity: 'rain', before: 1002, after: 0 }])
    expect(bench.told()).toEqual([[expect.closeTo(0.6, 9), 'missing-data']])
    bench.polls(1, 1, 1, 1, 1)
    expect(bench.told().at(-1)).toEqual([0, 'good'])
  })

  it('misread once costs nothing', () => {
    const bench = new BeliefBench([rain]).polls(1000, 0, 1001, 60_000, 1002, 1002, 1002, 1002, 1002, 1002)
    expect(bench.told()).toEqual([
      [expect.closeTo(0.2, 9), 'good'],
      [expect.closeTo(0.2, 9), 'good'],
    ])
    expect(bench.events().map(([name]) => name)).toEqual(['quality-changed'])
  })

  it('tells a cloudburst one sample later, and never a misread one', () => {
    const burst = new BeliefBench([rain]).polls(100, 118, 137, 155, 155, 155, 155, 155, 155, 155)
    // The interval ends before the last of it is confirmed.
    expect(burst.told().map(([value]) => value)).toEqual([expect.closeTo(7.4, 9), expect.closeTo(3.6, 9)])
    const misread = new BeliefBench([rain]).polls(100, 140, 101, 101, 101, 101)
    expect(misread.told()).toEqual([[expect.closeTo(0.2, 9), 'good']])
  })

  it('that begins anew near its end is not taken for a wrap of much rain', () => {
    const bench = new BeliefBench([rain]).polls(65_500, 65_500, 0, 0, 0, 0)
    expect(bench.events().map(([name]) => name)).toContain('counter-reset')
    expect(bench.readings().every(({ value = 0 }) => value === 0)).toBe(true)
  })

  it('keeps what fell while the bus was away', () => {
    const bench = new BeliefBench([rain]).polls(
      100,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      110,
      110,
      110,
      110,
    )
    expect(bench.told().at(-1)).toEqual([expect.closeTo(2, 9), 'good'])
  })

  it('that stands still costs a message an hour', () => {
    const bench = new BeliefBench([rain]).polls(...Array.from({ length: 24 * 60 }, () => 7))
    expect(bench.packs()).toBe(24)
  })
})
