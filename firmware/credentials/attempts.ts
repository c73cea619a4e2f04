/** Guesses of PINs at one gate. Four digits have 10,000 values: who may try as often as he likes gets in. Pure. */

export interface Attempts {
  /** When the wrong ones within the window were, monotonic ms. */
  wrongAt_ms: readonly number[]
  barredUntil_ms: number
}

export const NO_ATTEMPTS: Attempts = { wrongAt_ms: [], barredUntil_ms: 0 }

const WRONG_MAX = 5
const WINDOW_MS = 300_000
/** Five in five minutes and then a minute of rest: 10,000 PINs take more than a day at the keypad. */
const BARRED_MS = 60_000

export function isBarred(attempts: Attempts, now_ms: number): boolean {
  return now_ms < attempts.barredUntil_ms
}

export function wrongAttempt(attempts: Attempts, now_ms: number): Attempts {
  const wrongAt_ms = [...attempts.wrongAt_ms.filter((at_ms) => now_ms - at_ms < WINDOW_MS), now_ms]
  return wrongAt_ms.length < WRONG_MAX
    ? { ...attempts, wrongAt_ms }
    : { wrongAt_ms: [], barredUntil_ms: now_ms + BARRED_MS }
}
