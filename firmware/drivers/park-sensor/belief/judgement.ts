import type { ReadingReason } from '../../../../hub/contract/park-sensor.ts'
import { type Moment, momentAt } from '../../../moment.ts'
import { noiseAt, type Quantity } from '../quantity.ts'
import { calibrated } from './calibration.ts'
import { type Counted, count, giveUpHeldCount } from './counter.ts'
import { type Judged, judge } from './judged.ts'
import { giveUpHeld, type Jumps, type Weighed, weigh } from './jump.ts'
import { type Surroundings, standstillShare, watchStandstill } from './standstill.ts'
import type { QuantityState } from './state.ts'

/**
 * All checks of one quantity, in the order of what is certain: what the sensor says of itself, what it can measure, jumps,
 * standstill, drift. The first that fails is the reason.
 */

export interface Judgement {
  state: QuantityState
  /** In order of time; the verdict on a held sample comes with the next one. */
  judged: Judged[]
  reset: Counted['reset']
}

/** Calibrated values may be outside of the sensor's range by the noise, as a sensor near its limit is after a correction. */
const RANGE_SIGMAS = 6

export function judgeSample(
  quantity: Quantity,
  state: QuantityState,
  shown: number,
  at: Moment,
  around: Surroundings,
): Judgement {
  // There is no −0 in JSON.
  const raw = shown + 0
  // Registers of floats say so when they have no number; it is the sensor's way to say that it failed.
  if (!Number.isFinite(raw)) return judgeLack(state, judge(at, {}, 'sensor-fault'))
  const value = calibrated(quantity, state.calibration, raw)
  if (isOutside(quantity, raw, value))
    return judgeLack(state, judge(at, { raw, value: Number.isFinite(value) ? value : null }, 'out-of-range'))
  if (quantity.kind === 'counter') {
    const { counter, judged, reset } = count(quantity, state.counter, raw, at, state.calibration?.gain ?? 1)
    return { state: { ...state, counter }, judged, reset }
  }
  const { jumps, weighed } = weigh(quantity, state.jumps, { raw, value, at })
  return judgeWeighed(quantity, { ...state, jumps }, weighed, around)
}

/** A fault or silence instead of a sample; what was held back cannot be confirmed any more. */
export function judgeLack(before: QuantityState, lack: Judged): Judgement {
  const { jumps, weighed } = giveUpHeld(before.jumps)
  const { counter, judged } = giveUpHeldCount(before.counter)
  const spikes = weighed.map(({ sample: { at, raw, value } }) => judge(at, { raw, value }, 'spike'))
  return { state: { ...before, jumps, counter }, judged: [...spikes, ...judged, lack], reset: null }
}

function judgeWeighed(quantity: Quantity, before: QuantityState, weighed: Weighed[], around: Surroundings): Judgement {
  let state = before
  const judged = weighed.map(({ sample: { at, raw, value }, reason }) => {
    if (reason !== null) return judge(at, { raw, value }, reason)
    const standstill = watchStandstill(quantity, state.standstill, value, at.monotonic_ms, around)
    state = { ...state, standstill }
    const slow = slowReason(quantity, state)
    if (slow === 'stuck') state = { ...state, jumps: trustedSince(state.jumps, standstill.since_ms) }
    return judge(at, { raw, value }, slow)
  })
  return { state, judged, reset: null }
}

/** A stuck sensor said its last true word when it stopped: when it moves again, it may have far to go. */
function trustedSince(jumps: Jumps, since_ms: number): Jumps {
  const { trusted } = jumps
  return trusted === null ? jumps : { ...jumps, trusted: { ...trusted, at: momentAt(trusted.at, since_ms) } }
}

function slowReason(quantity: Quantity, { standstill, drift }: QuantityState): ReadingReason | null {
  if (standstillShare(quantity, standstill) >= 1) return 'stuck'
  return drift.drifting && quantity.drift !== undefined ? 'drift' : null
}

function isOutside({ range, ...quantity }: Quantity, raw: number, value: number): boolean {
  if (raw < range.min || raw > range.max) return true
  if (quantity.kind === 'counter') return !Number.isInteger(raw) || raw >= 2 ** (quantity.counter?.bits ?? 32)
  const slack = RANGE_SIGMAS * noiseAt({ range, ...quantity }, value) + quantity.resolution
  return !(value >= range.min - slack && value <= range.max + slack)
}
