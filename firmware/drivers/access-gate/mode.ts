import type { Moment } from '../../moment.ts'
import { type Schedule, type Scheduled, scheduleAt } from './schedule.ts'

/**
 * Which mode holds, and by whose word: the evacuation above the command above the schedule. The evacuation stays until
 * it is ended by name; a command's mode may end by itself.
 */

export interface ModeState<M extends string> {
  evacuating: boolean
  override: { mode: M; until: Until | undefined } | undefined
  scheduled: Scheduled<M>
  /** When the schedule has to be looked at again; undefined without one. */
  checkAt_ms: number | undefined
}

/** A moment to come on both clocks: measured by the one, told and restored by the other. */
export interface Until {
  at_ms: number
  wall_ms: number
}

/** A wall clock that is set is noticed within this, in ms. */
const CLOCK_STEP_NOTICED_MS = 30_000

export interface ModeConfig<M extends string> {
  /** Without a schedule: the mode of always. */
  mode: M
  schedule?: Schedule<M>
}

export function untilAfter(now: Moment, for_ms: number): Until {
  return { at_ms: now.monotonic_ms + for_ms, wall_ms: now.wall_ms + for_ms }
}

export function createMode<M extends string>(
  config: ModeConfig<M>,
  restored: { evacuating: boolean; override: { mode: M; untilWall_ms: number | undefined } | undefined } | undefined,
  now: Moment,
): ModeState<M> {
  const override = restored?.override
  const left_ms = override?.untilWall_ms === undefined ? undefined : override.untilWall_ms - now.wall_ms
  const over = override === undefined || (left_ms !== undefined && left_ms <= 0)
  return {
    evacuating: restored?.evacuating ?? false,
    override: over
      ? undefined
      : { mode: override.mode, until: left_ms === undefined ? undefined : untilAfter(now, left_ms) },
    ...lookUp(config, undefined, now),
  }
}

export function modeOf<M extends string>(state: ModeState<M>): M | 'evacuate' {
  return state.evacuating ? 'evacuate' : (state.override?.mode ?? state.scheduled.mode)
}

export function sourceOfMode(state: ModeState<string>): 'schedule' | 'command' | 'evacuation' {
  if (state.evacuating) return 'evacuation'
  return state.override ? 'command' : 'schedule'
}

/** What the schedule says at `now`, and when to ask it again. */
export function lookUp<M extends string>(
  config: ModeConfig<M>,
  before: Scheduled<M> | undefined,
  now: Moment,
): { scheduled: Scheduled<M>; checkAt_ms: number | undefined } {
  const { schedule, mode } = config
  if (!schedule)
    return {
      scheduled: { mode, direction: undefined, fromWall_ms: -Infinity, untilWall_ms: Infinity },
      checkAt_ms: undefined,
    }
  const holds = before && before.fromWall_ms <= now.wall_ms && now.wall_ms < before.untilWall_ms
  const scheduled = holds ? before : scheduleAt(schedule, now.wall_ms)
  const next_ms = Math.min(CLOCK_STEP_NOTICED_MS, scheduled.untilWall_ms - now.wall_ms)
  return { scheduled, checkAt_ms: now.monotonic_ms + next_ms }
}
