import type { AvailabilityStatus } from '../../../../hub/contract/availability.ts'
import type { ParkSensorState, ReadingQuality, ReadingReason } from '../../../../hub/contract/park-sensor.ts'
import type { Moment } from '../../../moment.ts'
import type { Calibration } from './calibration.ts'
import type { BeliefConfig } from './config.ts'
import { type Counter, noCount } from './counter.ts'
import { type Drift, noDrift } from './drift.ts'
import { type Jumps, noJumps } from './jump.ts'
import type { Voice } from './neighbours.ts'
import type { Standstill } from './standstill.ts'
import { type Gathered, nothingGathered } from './summary.ts'
import type { Told } from './telling.ts'
import { type Alarm, quiet } from './threshold.ts'

/** What is held for true of a device: plain JSON of bounded size, so that it can be stored, compared and replayed. */

export interface Standing {
  quality: ReadingQuality
  reason: ReadingReason | null
  /** Wall clock. */
  since_ms: number
}

export interface QuantityState {
  /** What its readings are worth now; a lone spike or a lone lost reply does not change that. */
  standing: Standing
  /** The standing that an event told, or that was retained from before a restart. */
  announced: Standing | null
  /** Anything has been heard or missed since the start. */
  settled: boolean
  /** Spikes and lost replies in a row. */
  doubts: number
  /** Monotonic, of the last news: a sample or a fault. */
  heard_ms: number
  calibration: Calibration | null
  jumps: Jumps
  counter: Counter
  standstill: Standstill | null
  drift: Drift
  /** What enough neighbours said last. */
  neighbours: { median: number; at_ms: number } | null
  /** The last value that is believed but for drift. */
  latest: { value: number; at_ms: number } | null
  gathered: Gathered
  told: Told | null
}

export interface BeliefState {
  at_ms: number
  /** In the order of the configuration. */
  quantities: QuantityState[]
  alarms: Alarm[]
}

/** What of the device's public state is ours; the driver adds its outputs. */
export type BeliefShown = Omit<ParkSensorState, 'outputs'>

/** @param restored what the device last said before the restart, if anything: its calibrations, alarms and doubts */
export function createBeliefState(config: BeliefConfig, restored: BeliefShown | undefined, now: Moment): BeliefState {
  const before_ms = (instant: string) => Math.min(now.wall_ms, Date.parse(instant))
  const quantities = config.quantities.map(({ name }): QuantityState => {
    const shown = restored?.quantities.find((one) => one.name === name)
    const calibration = restored?.calibrations.find((one) => one.quantity === name)
    return {
      standing: { quality: 'bad', reason: 'stale', since_ms: now.wall_ms },
      announced:
        shown === undefined
          ? null
          : { quality: shown.quality, reason: shown.reason ?? null, since_ms: before_ms(shown.since) },
      settled: false,
      doubts: 0,
      heard_ms: now.monotonic_ms,
      calibration:
        calibration === undefined
          ? null
          : {
              offset: calibration.offset,
              gain: calibration.gain,
              at_ms: Date.parse(calibration.at),
              author: calibration.author,
            },
      jumps: noJumps,
      counter: noCount,
      standstill: null,
      // Its neighbours have to acquit it anew.
      drift: noDrift(shown?.reason === 'drift'),
      neighbours: null,
      latest: null,
      gathered: nothingGathered(now.monotonic_ms),
      told: null,
    }
  })
  const alarms = config.thresholds.map(({ name, quantity }): Alarm => {
    const raised = restored?.alarms.find((one) => one.threshold === name && one.quantity === quantity)
    if (raised === undefined) return quiet
    const raised_ms = now.monotonic_ms - (now.wall_ms - before_ms(raised.since))
    return { beyond_ms: raised_ms, raised_ms }
  })
  return { at_ms: now.monotonic_ms, quantities, alarms }
}

/** @param now any moment of this run: it ties the two clocks together */
export function shownBelief(config: BeliefConfig, state: BeliefState, now: Moment): BeliefShown {
  const instant = (wall_ms: number) => new Date(wall_ms).toISOString()
  return {
    profile: config.profile,
    quantities: config.quantities.flatMap(({ name, unit }, index) => {
      const standing = state.quantities[index]?.standing
      if (standing === undefined) return []
      const { quality, reason, since_ms } = standing
      return [{ name, unit, quality, ...(reason === null ? {} : { reason }), since: instant(since_ms) }]
    }),
    alarms: config.thresholds.flatMap(({ name, quantity }, index) => {
      const raised_ms = state.alarms[index]?.raised_ms ?? null
      if (raised_ms === null) return []
      return [{ quantity, threshold: name, since: instant(now.wall_ms - (now.monotonic_ms - raised_ms)) }]
    }),
    calibrations: config.quantities.flatMap(({ name }, index) => {
      const calibration = state.quantities[index]?.calibration ?? null
      if (calibration === null) return []
      const { offset, gain, at_ms, author } = calibration
      return [{ quantity: name, offset, gain, at: instant(at_ms), author }]
    }),
  }
}

/** One word for the device, from what its quantities are worth; a device that measures nothing has nothing against it. */
export function availabilityOf(state: BeliefState): { status: AvailabilityStatus; reason: string | undefined } {
  const { quantities } = state
  if (quantities.length === 0) return { status: 'online', reason: undefined }
  if (quantities.every(({ settled }) => !settled)) return { status: 'stale', reason: 'starting' }
  const reasons = quantities.map(({ standing }) => (standing.quality === 'bad' ? standing.reason : null))
  if (reasons.includes('sensor-fault')) return { status: 'fault', reason: 'sensor-fault' }
  if (reasons.includes(null)) return { status: 'online', reason: undefined }
  if (reasons.includes('out-of-range')) return { status: 'fault', reason: 'out-of-range' }
  if (reasons.includes('bus-error')) return { status: 'offline', reason: 'bus-error' }
  return { status: 'stale', reason: 'no-readings' }
}

/** What each quantity has to say to its neighbours: the last values that are believed but for drift. */
export function voicesOf(config: BeliefConfig, state: BeliefState): Array<{ quantity: string; voice: Voice }> {
  return config.quantities.flatMap(({ name, drift, stuck }, index) => {
    const latest = state.quantities[index]?.latest ?? null
    const matters = drift !== undefined || stuck?.together === true
    return latest === null || !matters ? [] : [{ quantity: name, voice: latest }]
  })
}
