import { INCIDENT_TIERS, type IncidentClock, type IncidentTier } from '../contract/incident.ts'
import type { Clock } from './types.ts'

/**
 * One clock of one incident. Overdue, it tells the tiers one after the other, each exactly once, also when it was not looked at
 * for long; afterwards it reminds the last one, ever more rarely. Reminders that were missed are not made up for.
 */

export const REMINDER_MS_MAX = 24 * 3_600_000

export type ClockEffect =
  | { type: 'escalate'; tier: IncidentTier; late_ms: number }
  | { type: 'remind'; tier: IncidentTier; late_ms: number }

export interface Limit {
  limit_ms: number
  gap_ms: number
}

export function beginClock({ limit_ms, gap_ms }: Limit, run_ms: number): Clock {
  const due_ms = run_ms + limit_ms
  return { begun_ms: run_ms, due_ms, gap_ms, told: 0, reminders: 0, next_ms: due_ms }
}

/** Other limits for the same work: who was told stays told. */
export function retimed(clock: Clock, { limit_ms, gap_ms }: Limit): Clock {
  const moved = { ...clock, due_ms: clock.begun_ms + limit_ms, gap_ms }
  return { ...moved, next_ms: nextOf(moved) }
}

export function stepClock(clock: Clock, run_ms: number): { clock: Clock; effects: ClockEffect[] } {
  const effects: ClockEffect[] = []
  const late_ms = run_ms - clock.due_ms
  let { told, reminders, next_ms } = clock
  for (; told < INCIDENT_TIERS.length && run_ms >= next_ms; next_ms = nextOf({ ...clock, told, reminders }))
    effects.push({ type: 'escalate', tier: tierAt(told++), late_ms })
  if (told === INCIDENT_TIERS.length && run_ms >= next_ms) {
    if (effects.length === 0) effects.push({ type: 'remind', tier: tierAt(told - 1), late_ms })
    for (; run_ms >= next_ms; next_ms = nextOf({ ...clock, told, reminders })) reminders += 1
  }
  return effects.length === 0 ? { clock, effects } : { clock: { ...clock, told, reminders, next_ms }, effects }
}

/** The tier that was told last; undefined while it is in time. */
export function toldTier({ told }: Clock): IncidentTier | undefined {
  return told === 0 ? undefined : tierAt(told - 1)
}

function tierAt(index: number): IncidentTier {
  return INCIDENT_TIERS[index] as IncidentTier
}

function nextOf({ due_ms, gap_ms, told, reminders }: Omit<Clock, 'next_ms'>): number {
  if (told < INCIDENT_TIERS.length) return due_ms + told * gap_ms
  const last_ms = due_ms + (INCIDENT_TIERS.length - 1) * gap_ms
  // gap, 2 gaps, 4 gaps … behind each other, then daily.
  let next_ms = last_ms
  for (let n = 0; n <= Math.min(reminders, DOUBLINGS_MAX); n++) next_ms += Math.min(gap_ms * 2 ** n, REMINDER_MS_MAX)
  return next_ms + Math.max(0, reminders - DOUBLINGS_MAX) * REMINDER_MS_MAX
}

/** From a gap of 1 s this is beyond a day. */
const DOUBLINGS_MAX = 17

/** When the first of them wants to be looked at. */
export function nextLook(clocks: Partial<Record<IncidentClock, Clock>>): number {
  return Math.min(...Object.values(clocks).map(({ next_ms }) => next_ms))
}
