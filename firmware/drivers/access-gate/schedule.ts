/// <reference lib="esnext.temporal" />

/**
 * Which mode holds when, by the wall clock of a time zone. Pure: the moment is an argument. Rules are tried in order,
 * the first that covers the moment holds, otherwise `otherwise`.
 *
 * Rules name local times. Where the clock is put forward, a time that does not exist is the same distance after the
 * change; where it is put back, a time that exists twice is the first of the two (RFC 5545 §3.3.5 and Temporal's
 * `compatible`). So a rule begins and ends exactly once each day.
 */

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', 'holiday'] as const
export type Day = (typeof DAYS)[number]

export interface ScheduleRule<M extends string> {
  /** On a holiday only `holiday` counts, whatever day of the week it is. */
  days: readonly Day[]
  /** `HH:MM` */
  from: string
  /** `HH:MM`, up to `24:00`; when not after `from`, it is on the next day. */
  to: string
  mode: M
  /** Of a tidal lane. */
  direction?: 'in' | 'out'
}

export interface Schedule<M extends string> {
  /** IANA name. */
  timeZone: string
  /** `YYYY-MM-DD` */
  holidays?: readonly string[]
  rules: ReadonlyArray<ScheduleRule<M>>
  otherwise: { mode: M; direction?: 'in' | 'out' }
}

/** What holds from `fromWall_ms` until before `untilWall_ms`: nothing needs to be looked up again in between. */
export interface Scheduled<M extends string> {
  mode: M
  direction: 'in' | 'out' | undefined
  fromWall_ms: number
  untilWall_ms: number
}

interface Span<M extends string> {
  from_ms: number
  to_ms: number
  rule: ScheduleRule<M>
}

/**
 * @param wall_ms epoch ms
 * @throws {RangeError} when the time zone or a time is none; the configuration's schema keeps those out
 */
export function scheduleAt<M extends string>(schedule: Schedule<M>, wall_ms: number): Scheduled<M> {
  const today = Temporal.Instant.fromEpochMilliseconds(Math.floor(wall_ms))
    .toZonedDateTimeISO(schedule.timeZone)
    .toPlainDate()
  const tomorrow = today.add({ days: 1 })
  // Yesterday's rules may reach over midnight.
  const spans = [today.subtract({ days: 1 }), today].flatMap((day) => spansOf(schedule, day))
  const edges = [midnight(schedule, today), midnight(schedule, tomorrow), ...spans.flatMap((s) => [s.from_ms, s.to_ms])]
  const holding = schedule.rules.find((rule) =>
    spans.some((span) => span.rule === rule && span.from_ms <= wall_ms && wall_ms < span.to_ms),
  )
  const { mode, direction } = holding ?? schedule.otherwise
  return {
    mode,
    direction,
    fromWall_ms: Math.max(...edges.filter((edge) => edge <= wall_ms)),
    untilWall_ms: Math.min(...edges.filter((edge) => edge > wall_ms)),
  }
}

function spansOf<M extends string>(schedule: Schedule<M>, day: Temporal.PlainDate): Span<M>[] {
  const name = schedule.holidays?.includes(day.toString()) ? 'holiday' : (DAYS[day.dayOfWeek - 1] as Day)
  return schedule.rules
    .filter((rule) => rule.days.includes(name))
    .map((rule) => ({
      rule,
      from_ms: instantOf(schedule, day, rule.from),
      to_ms: instantOf(schedule, rule.to > rule.from ? day : day.add({ days: 1 }), rule.to),
    }))
}

function instantOf(schedule: { timeZone: string }, day: Temporal.PlainDate, time: string): number {
  if (time === '24:00') return midnight(schedule, day.add({ days: 1 }))
  return day.toZonedDateTime({ timeZone: schedule.timeZone, plainTime: Temporal.PlainTime.from(time) })
    .epochMilliseconds
}

/** The first moment of a day, which is not 00:00 where the clock is put forward at midnight. */
function midnight(schedule: { timeZone: string }, day: Temporal.PlainDate): number {
  return day.toZonedDateTime({ timeZone: schedule.timeZone }).epochMilliseconds
}

export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    return true
  } catch {
    return false
  }
}
