/** How many requests somebody may still make: so many at once, and so many more each second. */
export interface Allowance {
  take(now_ms: number): boolean
}

export function createAllowance(burst: number, perSecond: number): Allowance {
  let left = burst
  let at_ms = Number.NEGATIVE_INFINITY
  return {
    take(now_ms) {
      left = Math.min(burst, left + (Math.max(0, now_ms - at_ms) / 1000) * perSecond)
      at_ms = now_ms
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}
