import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterCommit, type DiskPace, firstPlace } from './disk-pace.ts'

/** Commits of one length, one every 10 ms; the times at which the place changed. */
function run(pace: DiskPace, took_ms: number, count: number, from_ms: number) {
  const changes: number[] = []
  let now_ms = from_ms
  let at = pace
  for (let n = 0; n < count; n += 1) {
    now_ms += 10
    const next = afterCommit(at, took_ms, now_ms)
    if (next.place !== at.place) changes.push(now_ms - from_ms)
    at = next
  }
  return { pace: at, changes }
}

describe('where commits run', () => {
  it('is here on a quick disk and in a thread on a slow one, by the middle of the probes', () => {
    expect(firstPlace([0.2, 0.3, 40], 0).place).toBe('here')
    expect(firstPlace([0.2, 20, 21], 0).place).toBe('thread')
    expect(firstPlace([], 0).place).toBe('thread')
  })

  it('leaves a disk that became slow within a few commits, and stays through single slow ones', () => {
    const quick = firstPlace([0.2], 0)
    expect(run(quick, 20, 10, 0).changes).toEqual([20])
    const once = afterCommit(quick, 30, 10)
    expect(once.place).toBe('here')
    expect(run(once, 0.2, 100, 10).changes).toEqual([])
  })

  it('comes back only after many quick commits and some time, and later each time that it was too soon', () => {
    const slow = firstPlace([20], 0)
    const first = run(slow, 0.2, 2_000, 0)
    expect(first.changes).toEqual([10_000])
    let at = first.pace
    const waits: number[] = []
    let now_ms = 20_000
    for (let n = 0; n < 8; n += 1) {
      // Slow again at once.
      at = run({ ...at, since_ms: now_ms }, 20, 10, now_ms).pace
      expect(at.place).toBe('thread')
      const back = run(at, 0.2, 100_000, now_ms)
      waits.push(back.changes[0] ?? Number.NaN)
      at = back.pace
      now_ms += 1_000_000
    }
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(waits[0]).toBeGreaterThan(15_000)
    expect(waits.at(-1)).toBeLessThanOrEqual(600_100)
  })

  it('never changes more than once in ten seconds towards the thread of this process, whatever the times are', () => {
    const times = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 50, maxLength: 2_000 })
    fc.assert(
      fc.property(times, (all) => {
        let at = firstPlace([0.1], 0)
        let toThread_ms = Number.NEGATIVE_INFINITY
        all.forEach((took_ms, index) => {
          const next = afterCommit(at, took_ms, index * 50)
          if (at.place === 'here' && next.place === 'thread') {
            expect(index * 50 - toThread_ms).toBeGreaterThanOrEqual(10_000)
            toThread_ms = index * 50
          }
          at = next
        })
      }),
    )
  })
})
