/** A token bucket: `per_s` a second, `burst` at once. Times are monotonic milliseconds. */
export interface Allowance {
  left: number
  at_ms: number
}

export interface Rate {
  per_s: number
  burst: number
}

export function newAllowance(rate: Rate, now_ms: number): Allowance {
  return { left: rate.burst, at_ms: now_ms }
}

/** Takes `count`, also below nothing; gives how many milliseconds it takes until the debt is paid, or 0. */
export function take(rate: Rate, allowance: Allowance, count: number, now_ms: number): number {
  refill(rate, allowance, now_ms)
  allowance.left -= count
  return allowance.left >= 0 ? 0 : Math.ceil((-allowance.left * 1000) / rate.per_s)
}

/** Takes one if there is one. */
export function takeOne(rate: Rate, allowance: Allowance, now_ms: number): boolean {
  refill(rate, allowance, now_ms)
  if (allowance.left < 1) return false
  allowance.left--
  return true
}

export function isFull(rate: Rate, allowance: Allowance, now_ms: number): boolean {
  refill(rate, allowance, now_ms)
  return allowance.left >= rate.burst
}

function refill(rate: Rate, allowance: Allowance, now_ms: number): void {
  allowance.left = Math.min(rate.burst, allowance.left + ((now_ms - allowance.at_ms) * rate.per_s) / 1000)
  allowance.at_ms = now_ms
}
