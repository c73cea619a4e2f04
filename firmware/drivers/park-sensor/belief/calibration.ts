import type { Quantity } from '../quantity.ts'
import { difference, turned } from './circle.ts'

/** What a sensor says times gain plus offset is what it measures; with who found that out, and when. */
export interface Calibration {
  offset: number
  gain: number
  /** Wall clock. */
  at_ms: number
  author: string
}

export interface CalibrateArgs {
  quantity: string
  offset?: number
  gain?: number
  points?: Array<{ shown: number; reference: number }>
}

/** The contract's limits of a gain; a sensor further off than that measures something else. */
const GAIN_MIN = 1e-6
const GAIN_MAX = 1e6
const OFFSET_MAX = 1e9

export function calibrated(quantity: Quantity, calibration: Calibration | null, raw: number): number {
  if (calibration === null) return quantity.kind === 'direction' ? turned(raw) : raw + 0
  const value = raw * calibration.gain + calibration.offset
  // + 0: there is no −0 in JSON.
  return quantity.kind === 'direction' ? turned(value) : value + 0
}

/**
 * Offset and gain from a command; `undefined` when its numbers are no calibration. Two points give both; one gives the
 * offset, of a counter the gain (its zero is certain); a direction has an offset only.
 */
export function solve(quantity: Quantity, args: CalibrateArgs): { offset: number; gain: number } | undefined {
  const found =
    args.points === undefined ? { offset: args.offset ?? 0, gain: args.gain ?? 1 } : fromPoints(quantity, args)
  if (found === undefined || !Number.isFinite(found.offset) || !(found.gain >= GAIN_MIN && found.gain <= GAIN_MAX))
    return undefined
  if (Math.abs(found.offset) > OFFSET_MAX) return undefined
  if (quantity.kind === 'counter' && found.offset !== 0) return undefined
  if (quantity.kind === 'direction' && found.gain !== 1) return undefined
  return { offset: found.offset + 0, gain: found.gain }
}

function fromPoints(
  quantity: Quantity,
  { points = [], offset, gain }: CalibrateArgs,
): { offset: number; gain: number } | undefined {
  const [first, second] = points
  // Points and numbers at once would contradict each other.
  if (first === undefined || offset !== undefined || gain !== undefined) return undefined
  if (second === undefined) {
    if (quantity.kind === 'counter') return { offset: 0, gain: first.reference / first.shown }
    return { offset: difference(quantity.kind, first.shown, first.reference), gain: 1 }
  }
  if (quantity.kind !== 'gauge') return undefined
  const slope = (second.reference - first.reference) / (second.shown - first.shown)
  return { offset: first.reference - slope * first.shown, gain: slope }
}
