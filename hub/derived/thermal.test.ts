import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dewPoint, heatIndex } from './thermal.ts'

const celsius = (fahrenheit: number) => ((fahrenheit - 32) * 5) / 9
const fahrenheit = (value: number | undefined) => ((value ?? Number.NaN) * 9) / 5 + 32

describe('the heat index', () => {
  // The chart of the NWS (weather.gov/safety/heat-index), in whole °F.
  it.each([
    [80, 40, 80],
    [86, 60, 91],
    [90, 50, 95],
    [90, 60, 100],
    [96, 55, 112],
    [100, 40, 109],
    [86, 90, 105],
    [82, 95, 93],
    [110, 40, 136],
  ])('of %i °F at %i %% is %i °F', (t, rh, index) => {
    expect(Math.abs(fahrenheit(heatIndex(celsius(t), rh)) - index)).toBeLessThan(1.3)
  })

  it('takes off in dry heat what the adjustment says', () => {
    // 95 °F, 5 %: regression 90.66…, adjustment (13−5)/4·√(17/17) = 2.
    const plain = -42.379 + 2.04901523 * 95 + 10.14333127 * 5 - 0.22475541 * 475 - 0.00683783 * 9025
    const rest = -0.05481717 * 25 + 0.00122874 * 9025 * 5 + 0.00085282 * 95 * 25 - 0.00000199 * 9025 * 25
    expect(fahrenheit(heatIndex(35, 5))).toBeCloseTo(plain + rest - 2, 6)
  })

  it('of a mild day is near its temperature, and of a cold one there is none', () => {
    expect(heatIndex(20, 50)).toBeCloseTo(19.4, 0)
    expect(heatIndex(4.9, 50)).toBeUndefined()
    expect(heatIndex(51, 20)).toBeUndefined()
    expect(heatIndex(30, 0)).toBeUndefined()
    expect(heatIndex(Number.NaN, 50)).toBeUndefined()
  })
})

describe('the dew point', () => {
  it('is the temperature in saturated air, and below it else', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -45, max: 60, noNaN: true }),
        fc.double({ min: 1, max: 100, noNaN: true }),
        (t, rh) => {
          expect(dewPoint(t, rh) as number).toBeLessThanOrEqual(t + 1e-9)
          expect(dewPoint(t, 100)).toBeCloseTo(t, 9)
        },
      ),
    )
  })

  it('of 25 °C at 60 % is 16.7 °C', () => {
    // γ = ln 0.6 + 17.62·25/268.12 = −0.51083 + 1.64292 = 1.13210; 243.12·1.13210/(17.62 − 1.13210) = 16.69.
    expect(dewPoint(25, 60)).toBeCloseTo(16.69, 2)
    expect(dewPoint(25, 0)).toBeUndefined()
    expect(dewPoint(61, 50)).toBeUndefined()
  })
})
