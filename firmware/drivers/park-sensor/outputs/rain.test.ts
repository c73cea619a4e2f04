import { expect, it } from 'vitest'
import { DRY_AFTER_MS, noRainKnown, rainOf, watchRain } from './rain.ts'

it('rain is unknown until a believed gauge has been dry for long enough', () => {
  let watch = watchRain(noRainKnown, undefined, 0)
  expect(rainOf(watch, 10 * DRY_AFTER_MS)).toBe('unknown')
  watch = watchRain(watch, { value: 0, at_ms: 1000 }, 1000)
  expect(rainOf(watch, 1000)).toBe('unknown')
  expect(rainOf(watch, 1000 + DRY_AFTER_MS)).toBe('dry')
  watch = watchRain(watch, { value: 0.2, at_ms: 5000 }, 5000)
  watch = watchRain(watch, { value: 0, at_ms: 6000 }, 6000)
  expect(rainOf(watch, 5000 + DRY_AFTER_MS - 1)).toBe('raining')
  expect(rainOf(watch, 5000 + DRY_AFTER_MS)).toBe('dry')
  watch = watchRain(watch, undefined, 6000 + DRY_AFTER_MS)
  expect(rainOf(watch, 7000 + DRY_AFTER_MS)).toBe('unknown')
})
