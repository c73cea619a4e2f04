import type { Quantity } from '../../../firmware/drivers/park-sensor/quantity.ts'
import type { Random } from '../../../hardware-sim/random.ts'
import type { ReadingReason } from '../../../hub/contract/park-sensor.ts'

/** Labelled faults, with sizes and lengths that do not ask what the detectors can see. */

export const FAULT_KINDS = [
  'spike',
  'jump',
  'stuck',
  'drift',
  'sentinel',
  'no-number',
  'lost-replies',
  'silence',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** What a fault of this kind should be called. */
export const NAME_OF: Record<FaultKind, ReadingReason> = {
  spike: 'spike',
  jump: 'impossible-rate',
  stuck: 'stuck',
  drift: 'drift',
  sentinel: 'out-of-range',
  'no-number': 'sensor-fault',
  'lost-replies': 'bus-error',
  silence: 'stale',
}

export interface Fault {
  kind: FaultKind
  /** Index of its first and behind its last sample. */
  from: number
  to: number
  /** Offset, or offset per sample of a drift. */
  size: number
  /** Samples until it is more than the quantity's limit: of a drift, which is none before. */
  grows: number
}

export type Sampled = number | 'lost' | 'silent'

const HOUR_S = 3600
const SENTINELS = [-9999, 65_535, 6553.5, -327.68]

/** One after another with hours of health between them. */
export function scheduleFaults(
  random: Random,
  quantity: Quantity,
  kinds: readonly FaultKind[],
  samples: number,
  gap_h: number,
): Fault[] {
  const step_s = quantity.poll_ms / 1000
  const faults: Fault[] = []
  let at = Math.round((24 * HOUR_S) / step_s)
  for (;;) {
    const kind = kinds[Math.floor(random() * kinds.length)] as FaultKind
    const length = kind === 'spike' ? 1 : Math.max(3, Math.round((hours(random, kind, quantity) * HOUR_S) / step_s))
    if (at + length >= samples) return faults
    const size = sizeOf(random, kind, quantity, length)
    const grows = kind === 'drift' ? Math.ceil((quantity.drift?.limit ?? 0) / Math.abs(size)) : 0
    faults.push({ kind, from: at, to: at + length, size, grows })
    at += length + Math.max(8, Math.round((gap_h * (0.5 + random()) * HOUR_S) / step_s))
  }
}

function hours(random: Random, kind: FaultKind, quantity: Quantity): number {
  if (kind === 'stuck') return ((quantity.stuck?.after_ms ?? 0) / 3_600_000) * (1.5 + 4 * random())
  if (kind === 'drift') return 24 * (8 + 8 * random())
  if (kind === 'jump') return 1 + 5 * random()
  return 0.3 + random()
}

function sizeOf(random: Random, kind: FaultKind, quantity: Quantity, length: number): number {
  const sign = random() < 0.5 ? -1 : 1
  const span = quantity.range.max - quantity.range.min
  // From just visible to a fifth of the range, as many small ones as large ones.
  const least = 20 * quantity.noise
  if (kind === 'spike') return sign * least * ((0.2 * span) / least) ** random()
  if (kind === 'jump') return sign * span * (0.05 + 0.35 * random())
  // Ends between one and four times the limit.
  if (kind === 'drift') return (sign * (quantity.drift?.limit ?? 0) * (1 + 3 * random())) / length
  return random()
}

/** What the sensor gives instead. */
export function corrupt(
  { range }: Quantity,
  fault: Fault | undefined,
  index: number,
  clean: number,
  frozen: number,
): Sampled {
  const outside = (value: number) => value < range.min || value > range.max
  switch (fault?.kind) {
    case undefined:
      return clean
    case 'spike':
    case 'jump':
      // To the side where the range check does not catch it at once.
      return outside(frozen + fault.size) ? clean - fault.size : clean + fault.size
    case 'drift':
      return clean + fault.size * (index - fault.from)
    case 'stuck':
      return frozen
    case 'sentinel':
      return SENTINELS[Math.floor(fault.size * SENTINELS.length)] ?? 65_535
    case 'no-number':
      return Number.NaN
    case 'lost-replies':
      return 'lost'
    case 'silence':
      return 'silent'
  }
}
