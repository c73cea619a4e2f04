import type { AccessGateState, BarrierMode, GateFault, PassageRight } from '../../../../hub/contract/access-gate.ts'
import type { Moment } from '../../../moment.ts'
import type { GateEffect } from '../exchange.ts'
import { type Levels, unknownLevels } from '../levels.ts'
import { createMode, type ModeConfig, type ModeState, type Until } from '../mode.ts'
import type { BarrierRules } from './rules.ts'

/** What a vehicle barrier is, does and remembers. All `…At_ms` are monotonic. */

export const BARRIER_INPUTS = ['up', 'down', 'safety', 'beam', 'approach', 'exit', 'release'] as const
export type BarrierInputName = (typeof BARRIER_INPUTS)[number]
/** What keeps people and vehicles from under the boom; the loop is always there, the beam may be. */
export const SAFETY_INPUTS = ['safety', 'beam'] as const satisfies BarrierInputName[]
export const BARRIER_OUTPUTS = ['raise', 'lower', 'stop', 'beam-test', 'lamp', 'lamp-exit'] as const
export type BarrierOutputName = (typeof BARRIER_OUTPUTS)[number]

/** Faces those who come over the approach loop, or over the exit loop. */
export const BARRIER_LAMPS = ['lamp', 'lamp-exit'] as const satisfies BarrierOutputName[]
export type LampName = (typeof BARRIER_LAMPS)[number]

export interface BarrierConfig extends ModeConfig<BarrierMode> {
  /** Which inputs are wired: `up`, `down` and `safety` always. */
  inputs: readonly BarrierInputName[]
  hasStop: boolean
  /** The beam's transmitter can be switched off to see whether the receiver notices. */
  hasBeamTest: boolean
  /** Traffic lights that are wired: green when on, red when off. */
  lamps: readonly LampName[]
  /** Which way the lane runs; `approach` lies on the side where vehicles going that way come from (of both: in). */
  direction: 'in' | 'out' | 'both'
  /** `plain`: each vehicle its own opening. `flow`: the boom stays up while authorised vehicles follow each other. */
  policy: 'plain' | 'flow'
  fresh_ms: number
  raiseTimeout_ms: number
  lowerTimeout_ms: number
  clearDelay_ms: number
  passTimeout_ms: number
  stuckAfter_ms: number
  testTimeout_ms: number
  stopPulse_ms: number
}

export type Motion =
  | { kind: 'still' }
  | { kind: 'raising' | 'lowering'; startedAt_ms: number }
  /** The beam is dark by our doing, and then must be light again; the boom does not move. */
  | { kind: 'testing'; phase: 'dark' | 'light'; phaseAt_ms: number }

/** The right of one vehicle to pass. */
export interface Token {
  direction: 'in' | 'out' | undefined
  by: PassageRight
  credential: string | undefined
}

/** A vehicle under the boom. */
export interface Crossing {
  fromExit: boolean
  /** By what right of its own the way was free when it came under the boom, whatever holds when it leaves. */
  freeBy: 'mode' | 'command' | 'none'
  /** Its rear has passed the beam: what breaks the beam from now on is another vehicle, close behind. */
  behindBeam: boolean
  /** It has left the entry loop: what leaves it from now on is another vehicle. */
  leftEntry: boolean
  seenApproach: boolean
  seenExit: boolean
}

export interface Fault {
  fault: GateFault
  part: string
  sinceAt_ms: number
}

export interface Pending {
  id: string
  wants: 'up' | 'down'
  expiresAt_ms: number | undefined
  /** What held before it: an order that fails leaves no wish behind. */
  goalBefore: BarrierState['goal']
}

export interface BarrierState {
  at_ms: number
  /** Why inputs and outputs cannot be used; undefined while they can. */
  ioFault: string | undefined
  inputs: Levels<BarrierInputName>
  mode: ModeState<BarrierMode>
  motion: Motion
  goal: 'none' | 'up' | 'down'
  /** Something fresh has asked for a motion since the outputs were last inert. */
  asked: boolean
  hold: { until: Until | undefined } | undefined
  tokens: readonly Token[]
  /** For how many of them the boom is up, or going up. */
  serving: number
  /** Nobody came for whom the boom is up: it comes down before anybody else is served. */
  lapsed: boolean
  /** A refused vehicle stands behind those with tokens, last read then: nobody behind it is let in before it has left. */
  refusedAt_ms: number | undefined
  /** Since when the next vehicle is waited for, with the boom up. */
  waitingSinceAt_ms: number | undefined
  clearSinceAt_ms: number | undefined
  crossing: Crossing | undefined
  pending: Pending | undefined
  faults: readonly Fault[]
  /** The boom left its lower limit by itself. */
  forcedSinceAt_ms: number | undefined
  wasClosed: boolean
  /** The limits have told where the boom is since the inputs were last found. */
  located: boolean
  stopUntilAt_ms: number | undefined
  /** Outputs as last told to the hardware. */
  driven: Readonly<Record<BarrierOutputName, boolean>>
  tamper: ReadonlyArray<{ part: string; sinceAt_ms: number }>
  vehicles: { in: number; out: number; withoutright: number }
  waiting: number
}

/** One call of the machine. */
export interface Run {
  config: BarrierConfig
  rules: BarrierRules
  now: Moment
  state: BarrierState
  effects: GateEffect[]
}

export const inert: BarrierState['driven'] = {
  raise: false,
  lower: false,
  stop: false,
  'beam-test': false,
  lamp: false,
  'lamp-exit': false,
}
export const still: Motion = { kind: 'still' }

/** @param restored what the gate last said before the restart, if anything */
export function createBarrierState(
  config: BarrierConfig,
  restored: AccessGateState | undefined,
  now: Moment,
): BarrierState {
  const at_ms = now.monotonic_ms
  const mode = restored?.modeby === 'command' ? restored.mode : undefined
  const untilWall_ms = restored?.modeuntil === undefined ? undefined : Date.parse(restored.modeuntil)
  return {
    at_ms,
    ioFault: 'io-starting',
    inputs: unknownLevels(BARRIER_INPUTS, at_ms),
    mode: createMode(
      config,
      restored && {
        evacuating: restored.modeby === 'evacuation',
        override: mode === undefined ? undefined : { mode: mode as BarrierMode, untilWall_ms },
      },
      now,
    ),
    motion: still,
    goal: 'none',
    asked: false,
    hold: undefined,
    tokens: [],
    serving: 0,
    lapsed: false,
    refusedAt_ms: undefined,
    waitingSinceAt_ms: undefined,
    clearSinceAt_ms: undefined,
    crossing: undefined,
    pending: undefined,
    // What a person has to look at is not forgotten over a restart.
    faults: (restored?.faults ?? [])
      .filter((fault) => fault === 'motion-timeout' || fault === 'sensor-failed')
      .map((fault) => ({ fault, part: 'before-restart', sinceAt_ms: at_ms })),
    forcedSinceAt_ms: restored?.alarm === 'forced' ? at_ms : undefined,
    wasClosed: restored?.position === 'closed',
    located: false,
    stopUntilAt_ms: undefined,
    driven: inert,
    tamper: (restored?.tamper ?? []).map((part) => ({ part, sinceAt_ms: at_ms })),
    vehicles: restored?.vehicles ?? { in: 0, out: 0, withoutright: 0 },
    waiting: 0,
  }
}

/** Which way vehicles go that come from the side of the approach loop. */
export function fromApproach(config: BarrierConfig): 'in' | 'out' {
  return config.direction === 'out' ? 'out' : 'in'
}

export function opposite(direction: 'in' | 'out'): 'in' | 'out' {
  return direction === 'in' ? 'out' : 'in'
}
