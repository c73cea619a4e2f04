import FakeTimers from '@sinonjs/fake-timers'
import { createRandom, forkRandom, integerBetween } from '../../../hardware-sim/random.ts'
import { createTimeline, type Timeline } from '../../../hardware-sim/time/timeline.ts'
import { createTraffic } from '../../../hardware-sim/traffic/source.ts'
import { createLane, type Lane, type LaneConfig, type Manner } from './lane.ts'
import { createTally, type Figures } from './tally.ts'

/** Some hours at a gate on virtual time: the same vehicles and drivers, whatever the gate does with them. */

export interface Story {
  lanes: LaneConfig[]
  /** Mean arrivals in each hour of the day, for each direction. */
  perHour: Partial<Record<'in' | 'out', number[]>>
  /** Hours of the day, by UTC. */
  from_h: number
  until_h: number
  drivers: Drivers
}

/** Who comes, as shares of all. */
export interface Drivers {
  /** Follow the one ahead through, whatever boom, sign and light say. */
  tailgater_share: number
  /** Distrust the light, and wait for an opening of their own. */
  waits_share: number
  /** Strangers: no credential lets them in. */
  unknown_share: number
}

/** How long a driver who is not let in stays, first in the queue. */
const PATIENCE_MS = 30_000
/** Two of a kind hardly ever meet, and hardly ever is one misread for another. */
const RESIDENTS = 5000
const DAY_MS = Date.UTC(2026, 10, 23)
const HOUR_MS = 3_600_000
const STEP_MS = 1000
/** Characters of a serial number (GA 36-2018: neither I nor O). */
const SERIAL = 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789'

const residents = plates(RESIDENTS)

export function runStory(story: Story, manner: Manner, seed: number): Figures {
  const clock = FakeTimers.install({
    now: DAY_MS + story.from_h * HOUR_MS,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
  const timeline = createTimeline()
  const random = createRandom(seed)
  const known = new Set(residents)
  const lanes = story.lanes.map((config) =>
    createLane({ timeline, random: forkRandom(random), isKnown: (plate) => known.has(plate) }, config, manner),
  )
  try {
    for (const lane of lanes) lane.start()
    clock.tick(STEP_MS)
    const tally = createTally(timeline, lanes, known)
    // Last of all, and each direction with a stream of its own: what comes never depends on the gate.
    for (const [direction, per_hour] of Object.entries(story.perHour) as Array<['in' | 'out', number[]]>)
      startTraffic(timeline, lanes, tally.arrives, { direction, per_hour, drivers: story.drivers, seed })
    clock.tick((story.until_h - story.from_h) * HOUR_MS)
    return tally.figures()
  } finally {
    for (const lane of lanes) lane.close()
    timeline.close()
    clock.uninstall()
  }
}

function startTraffic(
  timeline: Timeline,
  lanes: readonly Lane[],
  arrives: (speed_m_s: number) => void,
  came: { direction: 'in' | 'out'; per_hour: number[]; drivers: Drivers; seed: number },
): void {
  const { direction, per_hour, drivers, seed } = came
  const who = { plates: residents, patience_ms: PATIENCE_MS, ...drivers }
  const config = { id: direction, device: direction, per_hour, utc_offset_min: 0, ...who }
  const traffic = createTraffic(config, 'barrier', {
    timeline,
    random: createRandom(seed * 1000 + (direction === 'in' ? 1 : 2)),
    act(step, at_ms) {
      if (step.do !== 'vehicle') throw new Error(`no ${step.do} was ordered`)
      const lane = shortest(lanes, direction)
      arrives(step.speed_m_s ?? 0)
      lane.arrive(step, direction, at_ms)
    },
    readText: () => '',
  })
  traffic.start(timeline.now())
}

/** Drivers take the shortest queue of the lanes whose sign shows their way. */
function shortest(lanes: readonly Lane[], direction: 'in' | 'out'): Lane {
  const open = lanes.filter((lane) => lane.shown().direction === direction)
  const best = open.reduce<Lane | undefined>(
    (found, lane) => (found && found.standing(direction) <= lane.standing(direction) ? found : lane),
    undefined,
  )
  if (!best) throw new Error(`no lane leads ${direction}`)
  return best
}

function plates(count: number): string[] {
  const random = createRandom(1)
  const draw = (from: string) => from.charAt(integerBetween(random, 0, from.length - 1))
  return Array.from({ length: count }, () => `京${draw('ABCEFGHJKLM')}${[...'12345'].map(() => draw(SERIAL)).join('')}`)
}
