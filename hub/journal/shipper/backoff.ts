/**
 * Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a hundred gateways that
 * lost the same hub do not come back in the same second, and an alarm never waits half a minute for a broker that is there again.
 */

export interface BackoffConfig {
  /** Upper bound of the first wait. */
  first_ms: number
  /** Upper bound of every wait. */
  max_ms: number
}

export const BACKOFF_DEFAULT: BackoffConfig = { first_ms: 1_000, max_ms: 10_000 }

/** Least wait, so that a zero from the dice does not make a busy loop. */
const WAIT_MS_MIN = 50

/** How long to wait after the `failures`-th failure in a row (from 1). `random` is in [0, 1). */
export function backoff_ms(config: BackoffConfig, failures: number, random: () => number): number {
  const bound_ms = Math.min(config.max_ms, config.first_ms * 2 ** Math.min(failures - 1, 30))
  return Math.round(Math.min(config.max_ms, Math.max(WAIT_MS_MIN, random() * bound_ms)))
}
