import type { Position } from '../../../../hub/contract/access-gate.ts'
import type { Level } from '../levels.ts'
import { modeOf } from '../mode.ts'
import { type BarrierConfig, type BarrierInputName, type BarrierState, SAFETY_INPUTS } from './state.ts'

/**
 * The safety rules of a barrier, each on its own, so that the proof can break one at a time and see that it notices.
 *
 * They follow what EN 12453 (Industrial, commercial and garage doors and gates: safety in use of power operated doors,
 * clause 5, requirements) and UL 325 (entrapment protection of vehicular gate operators: 30A.1 in the 5th edition,
 * with the monitoring that became binding in January 2016) ask of a control. No conformity or certification is claimed:
 * that belongs to the whole machine, its forces and its installation.
 */

export type Zone = 'clear' | 'occupied' | 'unknown'

export interface BarrierRules {
  zone(config: BarrierConfig, state: BarrierState): Zone
  position(state: BarrierState): Position
  mayStartLowering(config: BarrierConfig, state: BarrierState, at_ms: number): boolean
  mayKeepLowering(config: BarrierConfig, state: BarrierState): boolean
  /** Evacuation: the boom has to be up, whatever else is asked. */
  mustBeUp(state: BarrierState): boolean
  /** For how long a report of an input is believed, in ms. */
  freshFor_ms(config: BarrierConfig): number
  /** How long a motion may take, in ms. */
  motionLimit_ms(config: BarrierConfig, motion: 'raising' | 'lowering'): number
  /** Does the beam have to prove that it works before the boom goes down? */
  mustTestBeam(config: BarrierConfig): boolean
  /** A light may ask drivers to go on under the boom. */
  mayShowGreen(state: BarrierState): boolean
  /** A refused vehicle stands before the one that was just read, and would go on its right. */
  isRefusedAhead(state: BarrierState): boolean
  isExpired(expiresAt_ms: number | undefined, at_ms: number): boolean
  /** Orders that were given before the outputs became inert count no more. */
  forgetsOrders: boolean
}

function worst(levels: Level[]): Zone {
  if (levels.includes(true)) return 'occupied'
  return levels.includes(undefined) ? 'unknown' : 'clear'
}

export function safetyInputs(config: BarrierConfig): Array<(typeof SAFETY_INPUTS)[number]> {
  return SAFETY_INPUTS.filter((name) => config.inputs.includes(name))
}

function level(state: BarrierState, name: BarrierInputName): Level {
  return state.inputs[name].level
}

/**
 * UL 325 30A.1 (monitoring, 2016): when a sensor is absent, shorted, cut or failed, automatic operation in the direction
 * that it guards ends. EN 12453 cl. 5: a single fault of a protective device must not lead to a dangerous motion. So
 * only a fresh "clear" is clear.
 */
const zone: BarrierRules['zone'] = (config, state) => worst(safetyInputs(config).map((name) => level(state, name)))

/** A limit that is not read, or both limits at once, prove nothing. */
const position: BarrierRules['position'] = (state) => {
  const [up, down] = [level(state, 'up'), level(state, 'down')]
  if (up === undefined || down === undefined || (up && down)) return 'unknown'
  if (up) return 'open'
  if (down) return 'closed'
  if (state.motion.kind === 'raising') return 'opening'
  return state.motion.kind === 'lowering' ? 'closing' : 'stopped'
}

const mustBeUp: BarrierRules['mustBeUp'] = (state) => modeOf(state.mode) === 'evacuate'

const mayKeepLowering: BarrierRules['mayKeepLowering'] = (config, state) =>
  state.ioFault === undefined &&
  !mustBeUp(state) &&
  zone(config, state) === 'clear' &&
  // Without limits nobody could say when it has arrived.
  position(state) !== 'unknown'

/**
 * The zone has to have been clear for a while: a boom that starts down between two axles, or between a parent and a
 * child, is what presence detection is there to prevent (EN 12453 cl. 5, presence detection).
 */
const mayStartLowering: BarrierRules['mayStartLowering'] = (config, state, at_ms) =>
  mayKeepLowering(config, state) &&
  state.clearSinceAt_ms !== undefined &&
  at_ms >= state.clearSinceAt_ms + config.clearDelay_ms &&
  !state.faults.some(({ fault }) => fault === 'motion-timeout' || fault === 'sensor-failed')

export const barrierRules: BarrierRules = {
  zone,
  position,
  mayStartLowering,
  mayKeepLowering,
  mustBeUp,
  freshFor_ms: (config) => config.fresh_ms,
  /** EN 12453 cl. 5 and the maximum run timer of UL 325 operators: a drive that does not arrive is switched off. */
  motionLimit_ms: (config, motion) => (motion === 'raising' ? config.raiseTimeout_ms : config.lowerTimeout_ms),
  /** UL 325 30A.1 (2016): the presence and function of each external sensor is verified once in every cycle. */
  mustTestBeam: (config) => config.hasBeamTest,
  /** Only under a boom that is proven to be up, and that nothing is about to bring down. */
  mayShowGreen: (state) =>
    state.ioFault === undefined &&
    state.motion.kind === 'still' &&
    state.goal === 'up' &&
    barrierRules.position(state) === 'open',
  isRefusedAhead: (state) => state.refusedAt_ms !== undefined,
  isExpired: (expiresAt_ms, at_ms) => expiresAt_ms !== undefined && at_ms >= expiresAt_ms,
  forgetsOrders: true,
}
