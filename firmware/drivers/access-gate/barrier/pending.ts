import type { GateCode } from '../../../../hub/contract/access-gate.ts'
import type { ContractCode } from '../../../../hub/contract/errors.ts'
import type { Outcome } from '../../driver.ts'
import type { Run } from './state.ts'

/** How a command that took time ended. */
export type PendingEnd =
  | 'done'
  | 'occupied'
  | 'unknown'
  | 'position'
  | 'fault'
  | 'timeout'
  | 'superseded'
  | 'expired'
  | 'offline'

const failures: Record<Exclude<PendingEnd, 'done' | 'expired'>, [code: GateCode, message: string]> = {
  occupied: ['GATE_SAFETY_OCCUPIED', 'something came into the way: the boom went up again'],
  unknown: ['GATE_SAFETY_UNKNOWN', 'a safety input failed on the way: the boom went up again'],
  position: ['GATE_POSITION_UNKNOWN', 'a limit switch failed on the way: the boom went up again'],
  fault: ['GATE_FAULT', 'a safety sensor did not answer its test'],
  timeout: ['GATE_MOTION_TIMEOUT', 'the boom did not reach its limit in time'],
  superseded: ['GATE_SUPERSEDED', 'a later order took its place'],
  offline: ['GATE_OFFLINE', 'the inputs and outputs were lost on the way'],
}
const EXPIRED: ContractCode = 'COMMAND_EXPIRED'

export function outcomeOf(how: PendingEnd): Outcome {
  if (how === 'done') return { status: 'succeeded' }
  if (how === 'expired') return { status: 'expired', code: EXPIRED, message: 'it expired before the boom could move' }
  const [code, message] = failures[how]
  return { status: 'failed', code, message }
}

export function answer(run: Run, id: string, outcome: Outcome): void {
  run.effects.push({ type: 'outcome', id, outcome })
}

/** The command that waits for the boom is over, one way or the other. */
export function endPending(run: Run, how: PendingEnd): void {
  const { pending, goal } = run.state
  if (!pending) return
  // Only a rule that wanted the boom down anyway goes on wanting it.
  const left = how !== 'done' && pending.wants === 'down' && goal === 'down' && pending.goalBefore === 'none'
  run.state = { ...run.state, pending: undefined, goal: left ? 'none' : goal }
  answer(run, pending.id, outcomeOf(how))
}
