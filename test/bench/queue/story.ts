import FakeTimers from '@sinonjs/fake-timers'
import { createRandom, forkRandom, integerBetween } from '../../../hardware-sim/random.ts'
import { createTimeline, type Timeline } from '../../../hardware-sim/time/timeline.ts'
import { createTraffic } from '../../../hardware-sim/traffic/source.ts'
import { createLane, type Lane, type LaneConfig, type Manner } from './lane.ts'
import { createTally, type Figures } from './tally.ts'

/** Some hours at a gate on virtual time: the same vehicles and drivers, whatever the gate does with them. */

export interface Story {
  name: string
  lanes: LaneConfig[]
  /** Mean arrivals in each hour of the day, for each direction. */
  perHour: Partial<Record<'in' | 'out', number[]>>
  /** Hours of the day, by UTC. */
  from_h: number
  until_h: number
}

/**
 * Who comes. Nobody has counted these at our gates, so they are assumptions, the same for every policy: one driver in
 * fifty follows the one ahead through, whatever the gate says; one in a hundred distrusts the light and waits for an
 * opening of its own; three vehicles in a hundred are strangers, who turn back after half a minute.
 */
const DRIVERS = { tailgater_share: 0.02, waits_share: 0.01, unknown_share: 0.03, patience_ms: 30_000 }
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
      startTraffic(timeline, lanes, tally.arrives, { direction, per_hour, seed })
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
  arrives: (lane: Lane, speed_m_s: number) => void,
  { direction, per_hour, seed }: { direction: 'in' | 'out'; per_hour: number[]; seed: number },
): void {
  const config = { id: direction, device: direction, per_hour, utc_offset_min: 0, plates: residents, ...DRIVERS }
  const traffic = createTraffic(config, 'barrier', {
    timeline,
    random: createRandom(seed * 1000 + (direction === 'in' ? 1 : 2)),
    act(step, at_ms) {
      if (step.do !== 'vehicle') throw new Error(`no ${step.do} was ordered`)
      const lane = shortest(lanes, direction)
      arrives(lane, step.speed_m_s ?? 0)
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
