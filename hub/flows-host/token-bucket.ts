/** A rate limit that allows bursts: `per_s` tokens flow in each second, at most `burst` are kept. */
export interface TokenBucket {
  /** Takes one token if there is one. @param now ms of the monotonic clock */
  take(now: number): boolean
}

export function createTokenBucket(config: { per_s: number; burst: number }): TokenBucket {
  let tokens = config.burst
  let filled_at: number | undefined
  return {
    take(now) {
      const elapsed_ms = Math.max(0, now - (filled_at ?? now))
      filled_at = now
      tokens = Math.min(config.burst, tokens + (elapsed_ms * config.per_s) / 1000)
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
