import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Column, dailyAqi, iaqi, LEVELS, levelOf, realTimeAqi } from './aqi.ts'

describe('the index of one concentration', () => {
  // Worked by hand from formula (1): (IAQIhi − IAQIlo) ÷ (BPhi − BPlo) × (C − BPlo) + IAQIlo, rounded up.
  it.each<[Column, number, number]>([
    ['pm2.5.24h', 0, 0],
    ['pm2.5.24h', 35, 50],
    // 50/40 × (36 − 35) + 50 = 51.25
    ['pm2.5.24h', 36, 52],
    ['pm2.5.24h', 75, 100],
    // 50/35 × (120 − 115) + 150 = 157.14
    ['pm2.5.24h', 120, 158],
    // 100/100 × (180 − 150) + 200 = 230
    ['pm2.5.24h', 180, 230],
    // 100/150 × (425 − 350) + 400 = 450
    ['pm2.5.24h', 425, 450],
    ['pm2.5.24h', 700, 500],
    // 50/100 × (89 − 50) + 50 = 69.5
    ['pm10.24h', 89, 70],
    // 100/70 × (400 − 350) + 200 = 271.43
    ['pm10.24h', 400, 272],
    // 50/150 × 31 = 10.33
    ['so2.1h', 31, 11],
    // 50/325 × (200 − 150) + 100 = 107.69
    ['so2.24h', 200, 108],
    // 50/100 × 47 = 23.5
    ['no2.1h', 47, 24],
    // 50/5 × 1.23 = 12.3
    ['co.1h', 1.23, 13],
    // 50/40 × (188 − 160) + 50 = 85
    ['o3.1h', 188, 85],
    // 50/60 × (130 − 100) + 50 = 75
    ['o3.8h', 130, 75],
  ])('%s of %d is %i', (column, concentration, index) => {
    expect(iaqi(column, concentration)).toBe(index)
  })

  it('ends where the standard stops computing', () => {
    expect(iaqi('so2.1h', 800)).toBe(200)
    expect(iaqi('so2.1h', 800.1)).toBeUndefined()
    expect(iaqi('o3.8h', 801)).toBeUndefined()
    expect(iaqi('o3.1h', 1201)).toBe(500)
    expect(iaqi('pm2.5.24h', -1)).toBeUndefined()
    expect(iaqi('pm2.5.24h', Number.NaN)).toBeUndefined()
  })

  it('never falls when the concentration rises, and is whole', () => {
    const columns = fc.constantFrom<Column>('pm2.5.24h', 'pm10.24h', 'so2.24h', 'no2.1h', 'co.24h', 'o3.1h')
    const two = fc.tuple(fc.double({ min: 0, max: 4000, noNaN: true }), fc.double({ min: 0, max: 4000, noNaN: true }))
    fc.assert(
      fc.property(columns, two, (column, [a, b]) => {
        const [less, more] = [iaqi(column, Math.min(a, b)) as number, iaqi(column, Math.max(a, b)) as number]
        expect(less).toBeLessThanOrEqual(more)
        expect(Number.isInteger(less)).toBe(true)
      }),
    )
  })
})

describe('the real-time index', () => {
  it('is the greatest of all, with the pollutant it comes from', () => {
    const found = realTimeAqi({
      'pm2.5': { '1h': 10, '24h': 120 },
      pm10: { '24h': 89 },
      o3: { '1h': 188, '8h': 130 },
      no2: { '1h': 47 },
    })
    expect(found).toMatchObject({ value: 158, primary: ['pm2.5'], level: { level: 4, zh: '中度污染' } })
    expect(found?.iaqi).toEqual({ 'pm2.5': 158, pm10: 70, o3: 85, no2: 24 })
  })

  it('names several pollutants when they are equal, and none up to 50', () => {
    expect(realTimeAqi({ 'pm2.5': { '24h': 75 }, pm10: { '24h': 150 } })?.primary).toEqual(['pm10', 'pm2.5'])
    expect(realTimeAqi({ 'pm2.5': { '24h': 35 } })).toMatchObject({ value: 50, primary: [], level: { zh: '优' } })
  })

  it('is none when anything measured is missing, or nothing is measured', () => {
    expect(realTimeAqi({ 'pm2.5': { '1h': 12 }, pm10: { '24h': 89 } })).toBeUndefined()
    expect(realTimeAqi({ o3: { '8h': 50 } })).toBeUndefined()
    expect(realTimeAqi({})).toBeUndefined()
  })

  it('takes SO2 above 800 by its 24 h mean, and none without it', () => {
    // 100/800 × (900 − 800) + 200 = 212.5
    expect(realTimeAqi({ so2: { '1h': 900, '24h': 900 } })?.value).toBe(213)
    expect(realTimeAqi({ so2: { '1h': 900 } })).toBeUndefined()
    expect(realTimeAqi({ so2: { '24h': 20 } })).toBeUndefined()
  })

  it('takes O3 by the worse of its means', () => {
    // 8 h: 50/55 × (200 − 160) + 100 = 136.36; 1 h: 85.
    expect(realTimeAqi({ o3: { '1h': 188, '8h': 200 } })?.value).toBe(137)
    expect(realTimeAqi({ o3: { '1h': 900, '8h': 850 } })?.value).toBe(350)
  })
})

describe('the index of a day', () => {
  it('has the greatest 8 h mean of O3 and 24 h means of the others', () => {
    expect(dailyAqi({ o3: { '8h': 200 }, 'pm2.5': { '24h': 36 }, so2: { '1h': 700, '24h': 20 } })).toMatchObject({
      value: 137,
      primary: ['o3'],
    })
    expect(dailyAqi({ o3: { '1h': 900, '8h': 850 } })?.value).toBe(350)
    expect(dailyAqi({ no2: { '1h': 20 } })).toBeUndefined()
  })
})

it('the levels meet without gaps', () => {
  for (const [aqi, level] of [
    [0, 1],
    [50, 1],
    [51, 2],
    [100, 2],
    [101, 3],
    [151, 4],
    [201, 5],
    [300, 5],
    [301, 6],
    [500, 6],
  ] as const)
    expect(levelOf(aqi).level).toBe(level)
  expect(LEVELS.map(({ zh }) => zh)).toEqual(['优', '良', '轻度污染', '中度污染', '重度污染', '严重污染'])
})
