/** Whether it rains, for those who have to stay off then. Not to know is an answer of its own. */

export type Rain = 'dry' | 'raining' | 'unknown'

export interface RainWatch {
  /** Since when the gauge has been believed without a break; null: it is not. */
  known_ms: number | null
  /** When the last rain was counted. */
  wet_ms: number | null
}

export const noRainKnown: RainWatch = { known_ms: null, wet_ms: null }

/** No rain for so long is dry: light rain tips a bucket of 0.2 mm every ten minutes or so (1 mm/h: every twelve). */
export const DRY_AFTER_MS = 30 * 60_000

/** @param amount what the gauge counted last, and when; undefined while it is not to be believed */
export function watchRain(
  before: RainWatch,
  amount: { value: number; at_ms: number } | undefined,
  now_ms: number,
): RainWatch {
  if (amount === undefined) return { ...before, known_ms: null }
  const known_ms = before.known_ms ?? now_ms
  return { known_ms, wet_ms: amount.value > 0 ? Math.max(before.wet_ms ?? amount.at_ms, amount.at_ms) : before.wet_ms }
}

/** A gauge that has been believed for less than the dry time may have missed the rain before. */
export function rainOf({ known_ms, wet_ms }: RainWatch, now_ms: number): Rain {
  if (known_ms === null) return 'unknown'
  if (wet_ms !== null && now_ms - wet_ms < DRY_AFTER_MS) return 'raining'
  return now_ms - known_ms < DRY_AFTER_MS ? 'unknown' : 'dry'
}
