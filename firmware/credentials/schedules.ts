import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { type Schedule, type Scheduled, scheduleAt } from '../drivers/access-gate/schedule.ts'

/** When credentials of a schedule may come in: `open`, at other times `shut`. */
export type AccessSchedule = Schedule<'open' | 'shut'>

/**
 * Looks schedules up by name, and again only when the answer can have changed.
 * @returns undefined for a schedule that the gateway does not know
 * @throws {LinliError} CREDENTIALS_CONFIG for a time or time zone that is none
 */
export function createSchedules(
  schedules: Readonly<Record<string, AccessSchedule>>,
): (name: string, wall_ms: number) => boolean | undefined {
  const known = new Map(Object.entries(schedules))
  const last = new Map<string, Scheduled<'open' | 'shut'>>()
  for (const [name, schedule] of known) {
    try {
      scheduleAt(schedule, 0)
    } catch (error) {
      throw new LinliError('CREDENTIALS_CONFIG', `schedule ${name}: ${reasonOf(error)}`, {
        kind: 'caller',
        path: `/schedules/${name}`,
      })
    }
  }
  return (name, wall_ms) => {
    const schedule = known.get(name)
    if (!schedule) return undefined
    const before = last.get(name)
    const holds = before && before.fromWall_ms <= wall_ms && wall_ms < before.untilWall_ms
    const now = holds ? before : scheduleAt(schedule, wall_ms)
    last.set(name, now)
    return now.mode === 'open'
  }
}
