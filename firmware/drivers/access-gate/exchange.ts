import type { AccessGateState } from '../../../hub/contract/access-gate.ts'
import type { AvailabilityStatus } from '../../../hub/contract/availability.ts'
import type { Severity } from '../../../hub/contract/event.ts'
import type { Moment } from '../../moment.ts'
import type { Outcome } from '../driver.ts'
import type { AccessDecision } from './access.ts'
import type { Level } from './levels.ts'

/** What the machines of doors and barriers take and give alike. */

export type GateInput =
  | { type: 'io-ready' }
  | { type: 'io-lost'; reason: string }
  /** Levels that were read just now, changed or not. */
  | { type: 'levels'; levels: Readonly<Partial<Record<string, Level>>> }
  | { type: 'access'; decision: AccessDecision }
  | { type: 'tamper'; part: string; reason: string | undefined }
  | { type: 'command'; id: string; name: string; args: unknown; actor: string; expires_wall_ms?: number }
  | { type: 'tick' }

export type CommandInput = Extract<GateInput, { type: 'command' }>

export type GateEffect =
  | { type: 'event'; event: string; severity: Severity; at: Moment; data: unknown }
  | { type: 'state'; state: AccessGateState }
  | { type: 'availability'; status: AvailabilityStatus; reason: string | undefined; at: Moment }
  | { type: 'output'; output: string; on: boolean }
  | { type: 'outcome'; id: string; outcome: Outcome }

export interface AvailabilityNow {
  status: AvailabilityStatus
  reason: string | undefined
}

/** A machine as its shell sees it. */
export interface GateMachine<S> {
  step(state: S, input: GateInput, now: Moment): { state: S; effects: GateEffect[] }
  nextDeadline(state: S): number | undefined
  publicState(state: S): AccessGateState
  availability(state: S): AvailabilityNow
  /** The command is under way: its outcome comes later. */
  isPending(state: S, id: string): boolean
}
