import { describe, expect, it } from 'vitest'
import { greatest8h, HOUR_MS, hourMean, hourMeans, mean8h, mean24h, medianOf } from './means.ts'

const minute_ms = 60_000
const good = (minute: number, value: number) => ({ t_ms: minute * minute_ms, value })
const bad = (minute: number) => ({ t_ms: minute * minute_ms, value: undefined })
const of = (count: number, value: number | undefined) => new Array<number | undefined>(count).fill(value)

describe('the mean of an hour', () => {
  it('weighs each reading by how long it held, also one from before', () => {
    // 10 for the first quarter (held since −5), 30 for the rest.
    const samples = [good(-5, 10), good(15, 30), good(30, 30), good(45, 30)]
    expect(hourMean(samples, 0)).toBeCloseTo(25, 9)
  })

  it('is none with less than 45 minutes of good readings', () => {
    // 15 + 15 + 14 minutes are covered, then 15 and one.
    const before = [good(0, 10), good(15, 10), good(30, 10)]
    expect(hourMean([...before, bad(44)], 0)).toBeUndefined()
    expect(hourMean([...before, bad(45)], 0)).toBe(10)
    expect(hourMean([], 0)).toBeUndefined()
  })

  it('holds a reading for 20 minutes and no longer', () => {
    expect(hourMean([good(0, 1), good(20, 1), good(40, 1)], 0)).toBe(1)
    expect(hourMean([good(0, 1), good(21, 1), good(42, 1)], 0)).toBe(1)
    expect(hourMean([good(0, 1), good(30, 1)], 0)).toBeUndefined()
  })
})

describe('longer means', () => {
  it('are cut into hours that end when they are said to', () => {
    const samples = Array.from({ length: 12 }, (_, index) => good(index * 15, index < 4 ? 1 : index < 8 ? 2 : 3))
    expect(hourMeans(samples, 3 * HOUR_MS, 4)).toEqual([undefined, 1, 2, 3])
  })

  it('need 6 of 8, 20 of 24, and 14 of the 17 that end from 8:00 on', () => {
    expect(mean8h([...of(6, 4), ...of(2, undefined)])).toBe(4)
    expect(mean8h([...of(5, 4), ...of(3, undefined)])).toBeUndefined()
    expect(mean24h([...of(20, 4), ...of(4, undefined)])).toBe(4)
    expect(mean24h([...of(19, 4), ...of(5, undefined)])).toBeUndefined()
    const noon = [...of(12, 10), ...of(8, 50), ...of(4, 10)]
    expect(greatest8h(noon)).toBe(50)
    // Without 0:00–6:00 the means that end at 8:00 … 11:00 have less than six hours each: 13 are left.
    expect(greatest8h([...of(6, undefined), ...noon.slice(6)])).toBeUndefined()
    expect(greatest8h([...of(5, undefined), ...noon.slice(5)])).toBe(50)
  })

  it('of several sensors is the middle one', () => {
    expect(medianOf([1, 100, 2, undefined])).toBe(2)
    expect(medianOf([1, 2])).toBe(1.5)
    expect(medianOf([undefined])).toBeUndefined()
  })
})
