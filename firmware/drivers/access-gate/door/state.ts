import type { AccessGateState, DoorMode, PassageRight } from '../../../../hub/contract/access-gate.ts'
import type { Severity } from '../../../../hub/contract/event.ts'
import { type Moment, momentAt } from '../../../moment.ts'
import type { AvailabilityNow, GateEffect } from '../exchange.ts'
import { type Levels, unknownLevels } from '../levels.ts'
import { createMode, type ModeConfig, type ModeState, modeOf, sourceOfMode, type Until } from '../mode.ts'

/** What a pedestrian door is, does and remembers. All `…At_ms` are monotonic. */

export const DOOR_INPUTS = ['contact', 'rex', 'release', 'enclosure'] as const
export type DoorInputName = (typeof DOOR_INPUTS)[number]

export interface DoorConfig extends ModeConfig<DoorMode> {
  /** Which inputs are wired; `contact` is true while the door is closed. */
  inputs: readonly DoorInputName[]
  /** `fail-secure` locks without power, `fail-safe` (a magnet) opens without. */
  strike: 'fail-secure' | 'fail-safe'
  fresh_ms: number
  unlock_ms: number
  heldWarning_ms: number
  heldOpen_ms: number
}

/** The right of one person to pass. */
export interface Grant {
  direction: 'in' | 'out' | 'unknown'
  by: PassageRight
  credential: string | undefined
  untilAt_ms: number
}

export interface DoorState {
  at_ms: number
  ioFault: string | undefined
  inputs: Levels<DoorInputName>
  mode: ModeState<DoorMode>
  hold: { until: Until | undefined } | undefined
  grant: Grant | undefined
  /** As last proven by the contact; survives gaps, so that a door forced meanwhile is told. */
  wasClosed: boolean
  openSinceAt_ms: number | undefined
  /** From when an open door counts as held open; undefined while it may stand open. */
  heldFromAt_ms: number | undefined
  alarm: 'none' | 'held-open-warning' | 'held-open'
  forcedSinceAt_ms: number | undefined
  /** The contact has told where the door is since the inputs were last found. */
  located: boolean
  contactFault: { sinceAt_ms: number } | undefined
  tamper: ReadonlyArray<{ part: string; sinceAt_ms: number }>
  /** The strike as last told to the hardware. */
  energised: boolean
}

export interface DoorRun {
  config: DoorConfig
  now: Moment
  state: DoorState
  effects: GateEffect[]
}

/** @param restored what the door last said before the restart, if anything */
export function createDoorState(config: DoorConfig, restored: AccessGateState | undefined, now: Moment): DoorState {
  const at_ms = now.monotonic_ms
  const mode = restored?.modeby === 'command' ? (restored.mode as DoorMode) : undefined
  const untilWall_ms = restored?.modeuntil === undefined ? undefined : Date.parse(restored.modeuntil)
  return {
    at_ms,
    ioFault: 'io-starting',
    inputs: unknownLevels(DOOR_INPUTS, at_ms),
    mode: createMode(
      config,
      restored && {
        evacuating: restored.modeby === 'evacuation',
        override: mode === undefined ? undefined : { mode, untilWall_ms },
      },
      now,
    ),
    hold: undefined,
    grant: undefined,
    wasClosed: restored?.position === 'closed',
    openSinceAt_ms: undefined,
    heldFromAt_ms: undefined,
    alarm: restored?.alarm === 'held-open' || restored?.alarm === 'held-open-warning' ? restored.alarm : 'none',
    forcedSinceAt_ms: restored?.alarm === 'forced' ? at_ms : undefined,
    located: false,
    contactFault: restored?.faults.includes('position-unknown') ? { sinceAt_ms: at_ms } : undefined,
    tamper: (restored?.tamper ?? []).map((part) => ({ part, sinceAt_ms: at_ms })),
    energised: false,
  }
}

/** Somebody may walk through now. */
export function isUnlocked(state: DoorState): boolean {
  return mayStandOpen(state) || state.grant !== undefined
}

/** Nobody has to close the door behind them. */
export function mayStandOpen(state: DoorState): boolean {
  const mode = modeOf(state.mode)
  return mode === 'evacuate' || mode === 'free' || (state.hold !== undefined && mode !== 'lockdown')
}

/** Without its hardware the strike is as it falls: nobody knows who holds it. */
function lockOf(state: DoorState): 'locked' | 'unlocked' | 'unknown' {
  if (state.ioFault !== undefined) return 'unknown'
  return isUnlocked(state) ? 'unlocked' : 'locked'
}

export function publicState(state: DoorState): AccessGateState {
  const modeUntil = state.mode.evacuating ? undefined : state.mode.override?.until
  const heldUntil = state.hold?.until
  const { level } = state.inputs.contact
  return {
    kind: 'door',
    mode: modeOf(state.mode),
    modeby: sourceOfMode(state.mode),
    ...(modeUntil ? { modeuntil: new Date(modeUntil.wall_ms).toISOString() } : {}),
    position: level === undefined ? 'unknown' : level ? 'closed' : 'open',
    held: state.hold !== undefined,
    ...(heldUntil ? { helduntil: new Date(heldUntil.wall_ms).toISOString() } : {}),
    alarm: state.forcedSinceAt_ms === undefined ? state.alarm : 'forced',
    lock: lockOf(state),
    faults: state.contactFault ? ['position-unknown'] : [],
    tamper: state.tamper.map(({ part }) => part),
  }
}

export function availabilityOf(state: DoorState): AvailabilityNow {
  if (state.ioFault !== undefined) return { status: 'offline', reason: state.ioFault }
  if (state.contactFault) return { status: 'fault', reason: 'position-unknown' }
  if (state.tamper.length > 0) return { status: 'fault', reason: 'tampered' }
  return { status: 'online', reason: undefined }
}

export function tell(run: DoorRun, event: string, severity: Severity, at_ms: number, data: unknown): void {
  run.effects.push({ type: 'event', event, severity, at: momentAt(run.now, at_ms), data })
}

export function lasted(from_ms: number, to_ms: number): number {
  return Math.max(0, Math.round(to_ms - from_ms))
}
