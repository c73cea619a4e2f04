import type { Quantity } from '../quantity.ts'
import type { Digest } from './neighbours.ts'

/**
 * Drift: in the mean over about a day, so that sun and shade even out, a sensor is further from the median of its
 * neighbours than it may be. The median does not follow a single liar (breakdown point one half), and where the neighbours
 * themselves disagree their spread (1.4826 times the median absolute deviation) widens the limit.
 */

export interface Drift {
  /** Mean distance from the median of the neighbours. */
  off: number
  /** Mean spread of the neighbours, one σ. */
  spread: number
  /** Mean of the median itself, for limits that are a share of it. */
  level: number
  /** How much time the means rest on, ms; at most `MEMORY_MS`. */
  covered_ms: number
  seen_ms: number | null
  drifting: boolean
}

/** The means forget with this time constant: a day. */
const MEMORY_MS = 24 * 3_600_000
/** Before half a day has been seen nothing is said. */
const COVERED_MIN_MS = MEMORY_MS / 2
/** Digests further apart than this are not a continuous watch; such a step counts as this much. */
const STEP_MAX_MS = 3_600_000
/** Fewer neighbours, the sensor itself included, have no majority. */
export const NEIGHBOURS_MIN = 3
const SPREAD_SIGMAS = 3
/** A distance counts as at most this many limits: hours of nonsense must not look like a day of drift (Huber's clipping). */
const CLIP_LIMITS = 2
/** A drift is over when it is back within this share of its limit. */
const BACK_SHARE = 0.7

export function noDrift(drifting: boolean): Drift {
  return { off: 0, spread: 0, level: 0, covered_ms: 0, seen_ms: null, drifting }
}

/**
 * @param value what the sensor says now, believed but for drift
 * @param digest of at least `NEIGHBOURS_MIN`
 */
export function watchDrift(quantity: Quantity, before: Drift, value: number, digest: Digest, now_ms: number): Drift {
  if (quantity.drift === undefined) return before
  const step_ms = before.seen_ms === null ? 0 : Math.min(STEP_MAX_MS, Math.max(0, now_ms - before.seen_ms))
  const covered_ms = Math.min(MEMORY_MS, before.covered_ms + step_ms)
  // A plain mean while little is known, a forgetting one from then on.
  const weight = covered_ms === 0 ? 1 : Math.min(1, step_ms / covered_ms)
  const mix = (old: number, fresh: number) => old + weight * (fresh - old)
  const spread = mix(before.spread, digest.spread)
  const level = mix(before.level, Math.abs(digest.median))
  const limit = Math.max(quantity.drift.limit, (quantity.drift.limitShare ?? 0) * level, SPREAD_SIGMAS * spread)
  const most = CLIP_LIMITS * limit
  const off = mix(before.off, Math.max(-most, Math.min(most, value - digest.median)))
  const known = covered_ms >= COVERED_MIN_MS
  const beyond = Math.abs(off) > limit * (before.drifting ? BACK_SHARE : 1)
  return { off, spread, level, covered_ms, seen_ms: now_ms, drifting: known ? beyond : before.drifting }
}
