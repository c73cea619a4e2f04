import { type Quantity, staleAfter_ms } from '../quantity.ts'
import { difference } from './circle.ts'

/**
 * Stuck: not moved for longer than the quantity stands still; the check on a minimum variability of WMO-No. 8 and the flat
 * line test of QARTOD, with the natural standstills of darkness, calm and saturation left out.
 */

export interface Standstill {
  value: number
  since_ms: number
  seen_ms: number
}

/** @param still what `stuck.unless` names is now below its limit, or unknown */
export function watchStandstill(
  quantity: Quantity,
  before: Standstill | null,
  value: number,
  at_ms: number,
  still: boolean,
): Standstill {
  const fresh = { value, since_ms: at_ms, seen_ms: at_ms }
  if (before === null || at_ms - before.seen_ms > staleAfter_ms(quantity)) return fresh
  const natural = quantity.stuck?.natural?.some(({ min, max }) => value >= min && value <= max)
  const band = quantity.stuck?.band ?? quantity.resolution / 2
  const moved = Math.abs(difference(quantity.kind, before.value, value)) > band
  return natural || still || moved ? fresh : { ...before, seen_ms: at_ms }
}

export function isStuck(quantity: Quantity, standstill: Standstill | null): boolean {
  if (quantity.stuck === undefined || standstill === null) return false
  return standstill.seen_ms - standstill.since_ms >= quantity.stuck.after_ms
}
