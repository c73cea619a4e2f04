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

/** What else is known while it stands still. */
export interface Surroundings {
  /** What `stuck.unless` names is now below its limit, or unknown: no time passes for the standstill. */
  still: boolean
  /** Median of the neighbours, if there are enough and it is fresh. */
  median: number | null
}

export function watchStandstill(
  quantity: Quantity,
  before: Standstill | null,
  value: number,
  at_ms: number,
  { still, median }: Surroundings,
): Standstill {
  const fresh = { value, since_ms: at_ms, seen_ms: at_ms }
  if (before === null || at_ms - before.seen_ms > staleAfter_ms(quantity)) return fresh
  const band = quantity.stuck?.band ?? quantity.resolution / 2
  const moved = Math.abs(difference(quantity.kind, before.value, value)) > band
  if (moved || isNatural(quantity, value, median)) return fresh
  return { ...before, since_ms: before.since_ms + (still ? at_ms - before.seen_ms : 0), seen_ms: at_ms }
}

/** Darkness and fog come to all: a sensor that stands still there alone has no such excuse. */
function isNatural({ stuck }: Quantity, value: number, median: number | null): boolean {
  const within = (one: number) => stuck?.natural?.some(({ min, max }) => one >= min && one <= max) ?? false
  return within(value) && (stuck?.together !== true || median === null || within(median))
}

/** How far it is on its way to being stuck: 1 is stuck. */
export function standstillShare({ stuck }: Quantity, standstill: Standstill | null): number {
  if (stuck === undefined || standstill === null) return 0
  return (standstill.seen_ms - standstill.since_ms) / stuck.after_ms
}
