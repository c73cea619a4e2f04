import type { Bucket, SeriesKind } from './types.ts'

/** What is kept of many readings. Every field can be merged with another's, so that late readings cost no recalculation. */
export interface Rollup {
  good: number
  total: number
  /** Of directions: sum of cosines. */
  sum: number
  /** Of directions: sum of sines; else 0. */
  sum_y: number
  lo: number | null
  hi: number | null
}

/** SenML has no word for the kind; the unit tells directions, and counters are what is counted, or rain that fell. */
export function kindOf({ quantity, unit }: { quantity: string; unit: string }): SeriesKind {
  if (unit === 'deg') return 'direction'
  return unit === 'count' || quantity === 'rain' || quantity.startsWith('rain.') ? 'counter' : 'gauge'
}

export function emptyRollup(): Rollup {
  return { good: 0, total: 0, sum: 0, sum_y: 0, lo: null, hi: null }
}

/** Adds one reading. What is not good counts, and says nothing. */
export function add(rollup: Rollup, kind: SeriesKind, value: number | null, isGood: boolean): void {
  rollup.total += 1
  if (!isGood || value === null) return
  rollup.good += 1
  if (kind === 'direction') {
    const angle = (value * Math.PI) / 180
    rollup.sum += Math.cos(angle)
    rollup.sum_y += Math.sin(angle)
    return
  }
  rollup.sum += value
  rollup.lo = rollup.lo === null ? value : Math.min(rollup.lo, value)
  rollup.hi = rollup.hi === null ? value : Math.max(rollup.hi, value)
}

/** Directions that cancel each other out have no mean: the resultant is shorter than this share of their number. */
const RESULTANT_MIN = 1e-6

export function bucketOf(t_ms: number, kind: SeriesKind, rollup: Rollup): Bucket {
  const { good, total, sum, sum_y, lo, hi } = rollup
  const share = { count: good, good: total === 0 ? null : good / total }
  if (kind === 'direction') return { t_ms, min: null, mean: directionOf(sum, sum_y, good), max: null, ...share }
  const plain = { t_ms, min: lo, mean: good === 0 ? null : sum / good, max: hi, ...share }
  return kind === 'counter' ? { ...plain, sum: good === 0 ? null : sum } : plain
}

function directionOf(x: number, y: number, count: number): number | null {
  if (count === 0 || Math.hypot(x, y) < RESULTANT_MIN * count) return null
  return ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360
}
