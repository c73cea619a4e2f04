import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPark, type Park, QUANTITIES } from './park.ts'
import { sunHeight } from './sun.ts'
import { createWeather } from './weather.ts'

const BEIJING = { latitude_deg: 39.9, longitude_deg: 116.4 }
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const JUNE_MS = Date.UTC(2026, 5, 1)

function park(id: string, seed: number): Park {
  return createPark({ id, seed, sky: createWeather(seed, BEIJING), utc_offset_min: 480, visits_per_hour: 80 })
}

/** One value an hour. */
function hourly(one: Park, quantity: (typeof QUANTITIES)[number], days: number, from_ms = JUNE_MS): number[] {
  return Array.from({ length: 24 * days }, (_, hour) => one.read(quantity, from_ms + hour * HOUR_MS))
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function correlation(left: readonly number[], right: readonly number[]): number {
  const [middle, other] = [mean(left), mean(right)]
  const sum = (of: (index: number) => number) => left.reduce((all, _, index) => all + of(index), 0)
  const a = (index: number) => (left[index] ?? 0) - middle
  const b = (index: number) => (right[index] ?? 0) - other
  return sum((i) => a(i) * b(i)) / Math.sqrt(sum((i) => a(i) ** 2) * sum((i) => b(i) ** 2))
}

describe('the sun', () => {
  it.each([
    ['an equinox', Date.UTC(2026, 2, 20), 50.1],
    ['midsummer', Date.UTC(2026, 5, 21), 73.5],
    ['midwinter', Date.UTC(2026, 11, 22), 26.7],
  ])('stands at noon of %s where the almanac has it', (_, day_ms, elevation_deg) => {
    const highest = Math.max(...Array.from({ length: 288 }, (_, step) => sunHeight(BEIJING, day_ms + step * 300_000)))
    expect((Math.asin(highest) * 180) / Math.PI).toBeCloseTo(elevation_deg, 0)
  })
})

describe('a park', () => {
  it('is the same for the same seed and moment, and another for another seed', () => {
    const [first, again, other] = [park('p1', 7), park('p1', 7), park('p1', 8)]
    for (const quantity of QUANTITIES) {
      const series = hourly(first, quantity, 3)
      expect(hourly(again, quantity, 3)).toEqual(series)
      expect(hourly(other, quantity, 3)).not.toEqual(series)
    }
  })

  it('says the same whoever has asked before, and how often', () => {
    const [asked, fresh] = [park('p1', 7), park('p1', 7)]
    hourly(asked, 'noise', 2)
    fresh.read('noise', JUNE_MS)
    for (const quantity of QUANTITIES)
      expect(asked.read(quantity, JUNE_MS + 2 * DAY_MS)).toBe(fresh.read(quantity, JUNE_MS + 2 * DAY_MS))
  })

  it('shares its weather with the next one, but not its every gust', () => {
    const alike = (quantity: (typeof QUANTITIES)[number]) =>
      correlation(hourly(park('p1', 3), quantity, 10), hourly(park('p2', 3), quantity, 10))
    for (const quantity of ['temperature', 'pm2.5', 'humidity', 'soil-temperature'] as const)
      expect(alike(quantity)).toBeGreaterThan(0.95)
    expect(alike('wind-speed')).toBeLessThan(0.95)
  })

  it('has warm afternoons, dark nights and busy evenings', () => {
    const days = new Map(
      (['temperature', 'illuminance', 'noise'] as const).map((quantity) => [
        quantity,
        hourly(park('p1', 5), quantity, 20, JUNE_MS - 8 * HOUR_MS),
      ]),
    )
    const at = (quantity: 'temperature' | 'illuminance' | 'noise', local_hour: number) => {
      const series = days.get(quantity) ?? []
      return mean(series.filter((_, hour) => hour % 24 === local_hour))
    }
    expect(at('temperature', 15) - at('temperature', 5)).toBeGreaterThan(5)
    expect(at('illuminance', 1)).toBeLessThan(1)
    expect(at('illuminance', 12)).toBeGreaterThan(20_000)
    expect(at('noise', 18) - at('noise', 3)).toBeGreaterThan(4)
  })

  it('never leaves what can be, and never takes rain or visitors back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1000 }),
        fc.array(fc.integer({ min: 1, max: 9 * HOUR_MS }), { maxLength: 40 }),
        (seed, waits) => {
          const one = park('p1', seed)
          let at_ms = JUNE_MS + 40 * DAY_MS
          let [rain, people] = [0, 0]
          for (const wait_ms of waits) {
            at_ms += wait_ms
            for (const quantity of QUANTITIES) expect(Number.isFinite(one.read(quantity, at_ms))).toBe(true)
            expect(one.read('humidity', at_ms)).toBeLessThanOrEqual(100)
            for (const quantity of ['humidity', 'pm2.5', 'wind-speed', 'uv', 'soil-ec', 'illuminance'] as const)
              expect(one.read(quantity, at_ms)).toBeGreaterThanOrEqual(0)
            expect(one.read('wind-direction', at_ms)).toBeLessThan(360)
            const [rained, came] = [one.read('rain', at_ms), one.read('people', at_ms)]
            expect(rained).toBeGreaterThanOrEqual(rain)
            expect(came).toBeGreaterThanOrEqual(people)
            ;[rain, people] = [rained, came]
          }
        },
      ),
      { numRuns: 15 },
    )
  })

  it('gets wet in a shower: the gauge by what fell, then the soil; people stay away', () => {
    const [wet, dry] = [park('p1', 11), park('p1', 11)]
    const from_ms = JUNE_MS + 8 * HOUR_MS
    for (const one of [wet, dry]) one.read('rain', from_ms)
    wet.shower(30, from_ms + 100_000, HOUR_MS)
    const after_ms = from_ms + 2 * HOUR_MS
    expect(wet.read('rain', after_ms) - dry.read('rain', after_ms)).toBeCloseTo(30, 6)
    expect(wet.read('soil-moisture', after_ms) - dry.read('soil-moisture', after_ms)).toBeGreaterThan(5)
    expect(wet.read('people', after_ms)).toBeLessThan(dry.read('people', after_ms))
  })

  it('takes water from its valve, light from its lamp, noise from its fountain and smoke from anywhere', () => {
    const one = park('p1', 11)
    const night_ms = JUNE_MS + 17 * HOUR_MS
    const before = one.read('soil-moisture', night_ms)
    one.switch('valve', true, night_ms)
    one.switch('valve', true, night_ms + 1000)
    one.switch('valve', false, night_ms + HOUR_MS)
    const later_ms = night_ms + HOUR_MS + 600_000
    const watered = one.read('soil-moisture', later_ms)
    expect(watered - before).toBeGreaterThan(4)
    expect(one.read('soil-moisture', later_ms + HOUR_MS)).toBeLessThan(watered)
    one.switch('lamp', true, later_ms + HOUR_MS)
    expect(one.read('illuminance', later_ms + HOUR_MS)).toBeGreaterThan(40)
    one.switch('fountain', true, later_ms + HOUR_MS)
    expect(one.read('noise', later_ms + HOUR_MS)).toBeGreaterThan(57)
    const clear = one.read('pm2.5', later_ms + HOUR_MS)
    one.smoke(500, later_ms + HOUR_MS, 60_000)
    expect(one.read('pm2.5', later_ms + HOUR_MS)).toBeCloseTo(clear + 500, 6)
    expect(one.read('pm2.5', later_ms + HOUR_MS + 60_000)).toBeLessThan(clear + 100)
  })
})
