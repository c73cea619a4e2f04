import type { AccessGateState } from '../../../../hub/contract/access-gate.ts'
import type { AvailabilityNow } from '../exchange.ts'
import { modeOf, sourceOfMode } from '../mode.ts'
import type { BarrierRules, Zone } from './rules.ts'
import type { BarrierConfig, BarrierState } from './state.ts'

/** What the contract tells of a barrier. */

const iso = (wall_ms: number) => new Date(wall_ms).toISOString()

export function publicState(config: BarrierConfig, rules: BarrierRules, state: BarrierState): AccessGateState {
  const modeUntil = state.mode.evacuating ? undefined : state.mode.override?.until
  const heldUntil = state.hold?.until
  const mode = modeOf(state.mode)
  const lane = mode === 'tidal' ? (state.mode.scheduled.direction ?? config.direction) : config.direction
  return {
    kind: 'barrier',
    mode,
    modeby: sourceOfMode(state.mode),
    ...(modeUntil ? { modeuntil: iso(modeUntil.wall_ms) } : {}),
    position: rules.position(state),
    held: state.hold !== undefined,
    ...(heldUntil ? { helduntil: iso(heldUntil.wall_ms) } : {}),
    alarm: state.forcedSinceAt_ms === undefined ? 'none' : 'forced',
    safety: shownZone(config, rules, state),
    ...(lane === 'both' ? {} : { direction: lane }),
    waiting: state.waiting,
    vehicles: state.vehicles,
    faults: [...new Set(state.faults.map(({ fault }) => fault))],
    tamper: state.tamper.map(({ part }) => part),
  }
}

/** While the beam is tested, its darkness is our own doing and says nothing. */
function shownZone(config: BarrierConfig, rules: BarrierRules, state: BarrierState): Zone {
  if (state.motion.kind !== 'testing') return rules.zone(config, state)
  const { level } = state.inputs.safety
  return level === undefined ? 'unknown' : level ? 'occupied' : 'clear'
}

export function availabilityOf(state: BarrierState): AvailabilityNow {
  if (state.ioFault !== undefined) return { status: 'offline', reason: state.ioFault }
  const [fault] = state.faults
  if (fault) return { status: 'fault', reason: fault.fault }
  if (state.tamper.length > 0) return { status: 'fault', reason: 'tampered' }
  return { status: 'online', reason: undefined }
}

/** Of two states of one barrier: nothing that is told differs. */
export function isSameState(a: AccessGateState, b: AccessGateState): boolean {
  return (Object.keys({ ...a, ...b }) as Array<keyof AccessGateState>).every((field) => isSame(a[field], b[field]))
}

function isSame(a: unknown, b: unknown): boolean {
  // Of the few fields that are not plain values, most are empty or counts.
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}
