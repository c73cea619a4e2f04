import { afterEach, expect, it } from 'vitest'
import type { Result } from '../../hub/contract/command.ts'
import type { Address } from '../../hub/contract/topic.ts'
import { HUB, VirtualEntrance } from '../support/virtual-entrance.ts'
import { createVirtualTime, type VirtualTime } from '../support/virtual-time.ts'

/** The modes of a month, over the change to summer time, a clock that is set, a restart and an evacuation. */

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** Of the thousands of timers here nearly all only look at the clock. */
const QUIET_HOPS = 3

let time: VirtualTime | undefined
afterEach(() => time?.restore())

const DOOR_SCHEDULE = {
  timeZone: 'Europe/Berlin',
  holidays: ['2026-04-03'],
  rules: [
    { days: ['holiday'], from: '00:00', to: '24:00', mode: 'locked' },
    // 02:30 is a time that does not exist in the night of the change.
    { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '02:30', to: '04:00', mode: 'locked' },
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '07:00', to: '19:00', mode: 'free' },
  ],
  otherwise: { mode: 'card' },
}
const BARRIER_SCHEDULE = {
  timeZone: 'Europe/Berlin',
  rules: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '06:30', to: '09:30', mode: 'tidal', direction: 'out' }],
  otherwise: { mode: 'normal', direction: 'in' },
}

interface Change {
  gate: string
  mode: string
  at_ms: number
}

/** Central Europe put its clocks forward at this moment: 02:00 became 03:00. */
const FORWARD_MS = Date.UTC(2026, 2, 29, 1)
/** A time of day in Berlin, reckoned by hand: one hour before UTC, then two; what does not exist counts by the old clock. */
function berlin(day_ms: number, time_of_day: string): number {
  const [hours = 0, minutes = 0] = time_of_day.split(':').map(Number)
  const winter_ms = day_ms + (hours - 1) * 60 * MINUTE_MS + minutes * MINUTE_MS
  const summer_ms = winter_ms - 60 * MINUTE_MS
  return summer_ms >= FORWARD_MS ? summer_ms : winter_ms
}

/** What the two schedules above ask of each day, as a caretaker would write it down. */
function changesOf(from_ms: number, days: number): Change[] {
  const door = (mode: string, at_ms: number) => ({ gate: 'd1', mode, at_ms })
  const barrier = (mode: string, at_ms: number) => ({ gate: 'v1', mode, at_ms })
  return Array.from({ length: days }, (_, day) => from_ms + day * DAY_MS)
    .flatMap((day_ms) => {
      const weekday = new Date(day_ms).getUTCDay()
      const works = weekday >= 1 && weekday <= 5
      const date = new Date(day_ms).toISOString().slice(0, 10)
      const vehicles = works
        ? [barrier('tidal', berlin(day_ms, '6:30')), barrier('normal', berlin(day_ms, '9:30'))]
        : []
      if (date === '2026-04-03') return [door('locked', berlin(day_ms, '0:00')), ...vehicles]
      const isAfterHoliday = date === '2026-04-04'
      return [
        ...(isAfterHoliday ? [door('card', berlin(day_ms, '0:00'))] : []),
        door('locked', berlin(day_ms, '2:30')),
        door('card', berlin(day_ms, '4:00')),
        ...(works ? [door('free', berlin(day_ms, '7:00')), door('card', berlin(day_ms, '19:00'))] : []),
        ...vehicles,
      ]
    })
    .sort((a, b) => a.at_ms - b.at_ms)
}

function changesSeen(entrance: VirtualEntrance): Change[] {
  return entrance.events
    .filter(({ type }) => type === 'mode-changed')
    .map(({ gate, event }) => ({ gate, mode: String(event.data.mode), at_ms: Date.parse(event.time) }))
}

/** To just before a moment: hours in which nothing is due are left out, as by a clock that is set. */
function leapTo(virtual: VirtualTime, at_ms: number): void {
  if (at_ms > Date.now()) virtual.clock.setSystemTime(at_ms)
}

it('a month of schedules: each change at its time of day and once, over summer time and a restart', async () => {
  const first_ms = Date.UTC(2026, 2, 12)
  const virtual = createVirtualTime(new Date(first_ms - 30 * MINUTE_MS).toISOString(), QUIET_HOPS)
  time = virtual
  const entrance = new VirtualEntrance(virtual, 1, { door: DOOR_SCHEDULE, barrier: BARRIER_SCHEDULE })
  await entrance.start()
  const expected = changesOf(first_ms, 30)
  expect(expected.length).toBeGreaterThan(140)
  for (const { at_ms } of expected) {
    // A clock that was set is noticed within 30 s.
    leapTo(virtual, at_ms - 31_000)
    await virtual.advance(Math.max(0, at_ms - Date.now()) + 1_000)
    if (at_ms === berlin(Date.UTC(2026, 2, 20), '7:00')) {
      entrance.killGateway()
      await virtual.advance(20_000)
      await entrance.startGateway()
      await virtual.advance(10_000)
    }
  }
  expect(changesSeen(entrance)).toEqual(expected)
  // 02:30 of the night of the change is 03:30 of summer time.
  expect(expected.find(({ at_ms }) => at_ms >= FORWARD_MS)).toMatchObject({
    mode: 'locked',
    at_ms: FORWARD_MS + 30 * MINUTE_MS,
  })
  await entrance.close()
})

/** What somebody orders of the hub, while time passes. */
async function ordered(
  virtual: VirtualTime,
  entrance: VirtualEntrance,
  address: Address,
  name: string,
  args: unknown = {},
): Promise<Result> {
  let result: Result | undefined
  const request = { address, name, args, ttl_ms: 10_000, actor: { kind: 'platform' as const, id: 'desk' } }
  void entrance.hub.desk.send(request).then((given) => {
    result = given
  })
  for (let step = 0; step < 600 && !result; step++) await virtual.advance(100)
  if (!result) throw new Error(`${name} has no result`)
  return result
}

it('an evacuation stands above schedule, clock and restart, and ends by one command; a clock that is set is followed', async () => {
  const virtual = createVirtualTime('2026-03-24T05:58:00Z', QUIET_HOPS)
  time = virtual
  const entrance = new VirtualEntrance(virtual, 2, { door: DOOR_SCHEDULE, barrier: BARRIER_SCHEDULE })
  await entrance.start()
  const modes = () => ['d1', 'v1'].map((gate) => entrance.states.get(gate)?.mode)
  expect(modes()).toEqual(['card', 'tidal'])
  expect(await ordered(virtual, entrance, HUB, 'release-all')).toMatchObject({ status: 'succeeded' })
  const begun = entrance.events.length
  // Over 07:00, when the door would be free, and by a leap of the clock over 09:30, when the lane would be normal.
  await virtual.advance(3 * MINUTE_MS)
  virtual.clock.setSystemTime(Date.now() + 3 * 60 * MINUTE_MS)
  await virtual.advance(MINUTE_MS)
  entrance.killGateway()
  entrance.killHub()
  await entrance.startHub()
  await entrance.startGateway()
  await virtual.advance(MINUTE_MS)
  expect(modes()).toEqual(['evacuate', 'evacuate'])
  expect(entrance.physical.findLast(({ type }) => type === 'lock')).toMatchObject({ locked: false })
  expect(entrance.events.slice(begun).filter(({ type }) => type === 'mode-changed')).toEqual([])
  expect(await ordered(virtual, entrance, HUB, 'end-release')).toMatchObject({ status: 'succeeded' })
  expect(modes()).toEqual(['free', 'normal'])

  const changed = entrance.events.length
  const setTo = async (hour_utc: number) => {
    virtual.clock.setSystemTime(Date.UTC(2026, 2, 24, hour_utc, 58))
    await virtual.advance(31_000)
  }
  await setTo(19)
  expect(modes()).toEqual(['card', 'normal'])
  await setTo(17)
  await virtual.advance(2 * MINUTE_MS)
  const since = entrance.events.slice(changed).filter(({ type }) => type === 'mode-changed')
  expect(since.map(({ event }) => event.data.mode)).toEqual(['card', 'free', 'card'])
  expect(since.at(-1)?.event.time).toBe('2026-03-24T18:00:00.000Z')
  await entrance.close()
})
