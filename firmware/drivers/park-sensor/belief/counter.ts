import type { Moment } from '../../../moment.ts'
import type { Quantity } from '../quantity.ts'
import { type Judged, judge } from './judged.ts'

/**
 * A counter's raw count as amounts: never negative, never a jump that did not happen. A count that cannot follow from the
 * one before, or only by an unusual amount, is held back until the next one shows whether it was right, misread (spike), or
 * the counter began anew (reset).
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

/** @param raw within the range of the quantity; @param gain from the calibration */
export function count(quantity: Quantity, before: Counter, raw: number, at: Moment, gain: number): Counted {
  const now = { raw, at }
  const { last, held } = before
  const settled = (judged: Judged[], reset: Counted['reset'] = null) => ({
    counter: { last: now, held: null },
    judged,
    reset,
  })
  if (last === null) return settled([judge(at, { raw, value: 0 }, null)])
  const amountOf = (counts: number) => counts * (quantity.counter?.step ?? 1) * gain
  const misread = held === null ? [] : [judge(held.at, { raw: held.raw }, 'spike')]
  const counts = countsBetween(quantity, last, now)
  const confirmed = held !== null && countsBetween(quantity, last, held) !== undefined
  const sinceHeld = held === null ? undefined : countsBetween(quantity, held, now)
  if (counts !== undefined && (!isUnusual(quantity, counts) || (confirmed && sinceHeld !== undefined))) {
    // The amount covers the held sample, so that one needs no word of its own.
    return settled([
      ...(confirmed && sinceHeld !== undefined ? [] : misread),
      judge(at, { raw, value: amountOf(counts) }, null),
    ])
  }
  if (held !== null && !confirmed && sinceHeld !== undefined && !isUnusual(quantity, sinceHeld)) {
    const judged = [
      judge(held.at, { raw: held.raw }, 'missing-data'),
      judge(at, { raw, value: amountOf(sinceHeld) }, null),
    ]
    return settled(judged, { before: last.raw, after: held.raw, at: held.at })
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

/** Counts from one to the other, or undefined when that cannot be. A wrap is only believed of a usual amount. */
function countsBetween(quantity: Quantity, from: Count, to: Count): number | undefined {
  const wrapped = to.raw < from.raw
  const counts = to.raw - from.raw + (wrapped ? 2 ** (quantity.counter?.bits ?? 32) : 0)
  if (wrapped && isUnusual(quantity, counts)) return undefined
  if (quantity.rate_max === undefined) return counts
  const elapsed_s = Math.max(0, to.at.monotonic_ms - from.at.monotonic_ms) / 1000
  const step = quantity.counter?.step ?? 1
  // One count more: it may have been due just before the first sample.
  return counts * step <= quantity.rate_max * elapsed_s + step ? counts : undefined
}

/** Without a limit of the quantity: more than an eighth of the counter's range, which no wrap within a poll takes. */
function isUnusual({ counter, spike_min }: Quantity, counts: number): boolean {
  const { bits = 32, step = 1 } = counter ?? {}
  return counts * step > (spike_min ?? (step * 2 ** bits) / 8)
}
