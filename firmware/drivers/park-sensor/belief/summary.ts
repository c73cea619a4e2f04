import type { Quantity } from '../quantity.ts'
import { arrow, directionOf } from './circle.ts'

/** What is gathered of the good samples of one interval, and what it comes to. */

export interface Gathered {
  start_ms: number
  good: number
  sum: number
  /** Mean power of levels: sum of 10^(L/10), scaled by the first level so that it cannot overflow. */
  power: number
  base: number
  max: number | null
  east: number
  north: number
  /** A counter began anew: the sum is less than what happened. */
  incomplete: boolean
}

export interface Summed {
  value: number
  max: number | null
  /** Share of the samples due that were good, 0…1. */
  share: number
}

/**
 * With fewer good samples the summary of an interval is suspect: the data capture of 75 % that air quality rules ask of
 * averages (EU 2008/50/EC annex VII; GB 3095-2012 table 4: 45 minutes of an hour).
 */
export const SHARE_MIN = 0.75
/** A vane in a calm still points somewhere: its arrow counts as this short, m/s. */
const CALM = 0.01

export function nothingGathered(start_ms: number): Gathered {
  return { start_ms, good: 0, sum: 0, power: 0, base: 0, max: null, east: 0, north: 0, incomplete: false }
}

/** @param weight of a vector: the length of the arrow */
export function gather(before: Gathered, value: number, weight: number): Gathered {
  const base = before.good === 0 ? value : before.base
  const { east, north } = arrow(value, Math.max(CALM, weight))
  return {
    ...before,
    good: before.good + 1,
    sum: before.sum + value,
    base,
    // Levels differ by 200 dB at most, so that this stays finite.
    power: before.power + 10 ** (Math.min(200, value - base) / 10),
    max: before.max === null ? value : Math.max(before.max, value),
    east: before.east + east,
    north: before.north + north,
  }
}

/** `undefined` when there is nothing good to sum up. */
export function sumUp(quantity: Quantity, gathered: Gathered, end_ms: number): Summed | undefined {
  const { good, sum, power, base, east, north } = gathered
  if (good === 0) return undefined
  const due = Math.max(1, Math.round((end_ms - gathered.start_ms) / quantity.poll_ms))
  const share = Math.min(1, good / due)
  const max = quantity.report.summary === 'mean-max' ? gathered.max : null
  const value = amount()
  return value === undefined || !Number.isFinite(value) ? undefined : { value, max, share }

  function amount(): number | undefined {
    switch (quantity.report.summary) {
      case 'energy':
        return base + 10 * Math.log10(power / good)
      case 'vector':
        return directionOf(east, north)
      case 'sum':
        return sum
      default:
        return sum / good
    }
  }
}
