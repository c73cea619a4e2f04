import { type BusEffect, type BusState, type Job, type Outcome, type Unit, unitOf } from './bus-state.ts'
import type { BusTiming } from './timing.ts'

/** One step of the master under way, and what every transition can do in it. */
export interface Run {
  readonly timing: BusTiming
  readonly now_ms: number
  state: BusState
  readonly effects: BusEffect[]
}

export function set(run: Run, change: Partial<BusState>): void {
  run.state = { ...run.state, ...change }
}

export function tell(run: Run, effect: BusEffect): void {
  run.effects.push(effect)
}

export function answer(run: Run, job: Job, outcome: Outcome): void {
  run.effects.push({ type: 'answer', ticket: job.ticket, outcome })
}

export function replaceUnit(run: Run, number: number, change: Partial<Unit>): void {
  const units = new Map(run.state.units)
  units.set(number, { ...unitOf(run.state, number), ...change })
  set(run, { units })
}
