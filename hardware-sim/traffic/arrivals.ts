import type { Random } from '../random.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * When the next group comes in a Poisson process whose rate is constant within each hour of the day: the waiting time is an
 * exponential amount of expectation, used up hour by hour.
 * @param at_ms of the day's own clock (UTC and its offset)
 * @returns ms to wait, infinite when nobody ever comes
 */
export function nextArrival_ms(perHour: readonly number[], groupMean: number, at_ms: number, random: Random): number {
  if (!perHour.some((mean) => mean > 0)) return Number.POSITIVE_INFINITY
  let left = -Math.log(1 - random())
  let wait_ms = 0
  for (;;) {
    const now_ms = at_ms + wait_ms
    const hour = Math.floor((((now_ms % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS)
    const rest_ms = HOUR_MS - (((now_ms % HOUR_MS) + HOUR_MS) % HOUR_MS || 0)
    const rate_ms = (perHour[hour] ?? 0) / groupMean / HOUR_MS
    if (rate_ms * rest_ms >= left) return wait_ms + left / rate_ms
    left -= rate_ms * rest_ms
    wait_ms += rest_ms
  }
}

/** Groups of geometric size: counts then vary with 2·mean − 1 times their mean. */
export function groupSize(mean: number, random: Random): number {
  if (mean <= 1) return 1
  return 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - 1 / mean))
}
