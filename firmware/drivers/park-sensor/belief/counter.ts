import type { Moment } from '../../../moment.ts'
import type { Quantity } from '../quantity.ts'
import { type Judged, judge } from './judged.ts'

/**
 * A counter's raw count as amounts: never negative, never a jump that did not happen. A count that cannot follow from the
 * one before is held back until the next one shows whether it was misread (spike) or the counter began anew (reset).
 */

interface Count {
  raw: number
  at: Moment
}

export interface Counter {
  last: Count | null
  held: Count | null
}

export interface Counted {
  counter: Counter
  judged: Judged[]
  reset: { before: number; after: number; at: Moment } | null
}

export const noCount: Counter = { last: null, held: null }

/** A wrap within one poll takes less than this share of the counter's range; more is a reset. */
const WRAP_SHARE_MAX = 1 / 8

/** @param raw within the range of the quantity; @param gain from the calibration */
export function count(quantity: Quantity, before: Counter, raw: number, at: Moment, gain: number): Counted {
  const now = { raw, at }
  const { last, held } = before
  if (last === null)
    return { counter: { last: now, held: null }, judged: [judge(at, { raw, value: 0 }, null)], reset: null }
  const amount = (counts: number) => counts * (quantity.counter?.step ?? 1) * gain
  const follows = countsBetween(quantity, last, now)
  const misread = held === null ? [] : [judge(held.at, { raw: held.raw }, 'spike')]
  if (follows !== undefined) {
    const judged = [...misread, judge(at, { raw, value: amount(follows) }, null)]
    return { counter: { last: now, held: null }, judged, reset: null }
  }
  const anew = held === null ? undefined : countsBetween(quantity, held, now)
  if (held !== null && anew !== undefined) {
    const judged = [judge(held.at, { raw: held.raw }, 'missing-data'), judge(at, { raw, value: amount(anew) }, null)]
    return { counter: { last: now, held: null }, judged, reset: { before: last.raw, after: held.raw, at: held.at } }
  }
  return { counter: { last, held: now }, judged: misread, reset: null }
}

export function giveUpHeldCount(before: Counter): { counter: Counter; judged: Judged[] } {
  if (before.held === null) return { counter: before, judged: [] }
  return {
    counter: { ...before, held: null },
    judged: [judge(before.held.at, { raw: before.held.raw }, 'spike')],
  }
}

/** Counts from one to the other over at most one wrap, or undefined when that cannot be. */
function countsBetween(quantity: Quantity, from: Count, to: Count): number | undefined {
  const size = 2 ** (quantity.counter?.bits ?? 32)
  const wrapped = to.raw < from.raw
  const counts = to.raw - from.raw + (wrapped ? size : 0)
  if (wrapped && counts > size * WRAP_SHARE_MAX) return undefined
  if (quantity.rate_max === undefined) return counts
  const elapsed_s = Math.max(0, to.at.monotonic_ms - from.at.monotonic_ms) / 1000
  const step = quantity.counter?.step ?? 1
  // One count more: it may have been due just before the first sample.
  return counts * step <= quantity.rate_max * elapsed_s + step ? counts : undefined
}
