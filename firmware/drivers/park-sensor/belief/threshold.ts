import type { Threshold } from './config.ts'

/** One threshold over time; see `Threshold` for its rules. Times are monotonic ms. */
export interface Alarm {
  /** Since when good values have been beyond the limit without a break; null: they are not. */
  beyond_ms: number | null
  raised_ms: number | null
}

export type AlarmChange = 'raised' | 'cleared' | null

export const quiet: Alarm = { beyond_ms: null, raised_ms: null }

/** @param value a good one: others change nothing here */
export function watchLimit(
  threshold: Threshold,
  before: Alarm,
  value: number,
  now_ms: number,
): { alarm: Alarm; change: AlarmChange } {
  // How far beyond the limit, positive is beyond.
  const excess = threshold.side === 'above' ? value - threshold.limit : threshold.limit - value
  if (before.raised_ms !== null) {
    const over = excess <= -threshold.hysteresis
    return over ? { alarm: quiet, change: 'cleared' } : { alarm: before, change: null }
  }
  if (excess <= 0) return { alarm: quiet, change: null }
  const beyond_ms = before.beyond_ms ?? now_ms
  if (now_ms - beyond_ms < threshold.for_ms) return { alarm: { beyond_ms, raised_ms: null }, change: null }
  return { alarm: { beyond_ms, raised_ms: now_ms }, change: 'raised' }
}
