import type { GateFault } from '../../../../hub/contract/access-gate.ts'
import type { Severity } from '../../../../hub/contract/event.ts'
import { momentAt } from '../../../moment.ts'
import type { Run } from './state.ts'

export function tell(run: Run, event: string, severity: Severity, at_ms: number, data: unknown): void {
  run.effects.push({ type: 'event', event, severity, at: momentAt(run.now, at_ms), data })
}

export function wholeMs(time_ms: number): number {
  return Math.max(0, Math.round(time_ms))
}

export function hasFault(run: Run, fault: GateFault, part?: string): boolean {
  return run.state.faults.some((one) => one.fault === fault && (part === undefined || one.part === part))
}

/** A fault that stands already is not told again. */
export function raiseFault(run: Run, fault: GateFault, part: string, at_ms: number): void {
  if (hasFault(run, fault, part)) return
  run.state = { ...run.state, faults: [...run.state.faults, { fault, part, sinceAt_ms: at_ms }] }
  tell(run, 'fault', 'warning', at_ms, { fault, part })
}

export function clearFault(run: Run, fault: GateFault, part: string | undefined, at_ms: number): void {
  const gone = run.state.faults.filter((one) => one.fault === fault && (part === undefined || one.part === part))
  if (gone.length === 0) return
  run.state = { ...run.state, faults: run.state.faults.filter((one) => !gone.includes(one)) }
  for (const one of gone)
    tell(run, 'fault-cleared', 'notice', at_ms, { fault, part: one.part, lasted_ms: wholeMs(at_ms - one.sinceAt_ms) })
}
