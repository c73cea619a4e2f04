import type { PollResult } from '../belief/machine.ts'
import { decodeField } from './field.ts'
import type { ProfileQuantity } from './load.ts'

/** More digits than any sensor has, fewer than binary fractions show: 305 × 0.1 is 30.5. */
const DIGITS = 12

/** Registers → what the belief machine is told: in the unit of the quantity, of a counter in counts. */
export function readingOf(
  { quantity, field, scale, offset, none }: ProfileQuantity,
  values: readonly number[],
): PollResult {
  const number = decodeField(field, values)
  if (none.includes(number)) return { quantity: quantity.name, fault: 'sensor-fault' }
  return { quantity: quantity.name, raw: Number((number * scale + offset).toPrecision(DIGITS)) }
}
