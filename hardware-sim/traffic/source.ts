import { integerBetween, type Random } from '../random.ts'
import type { Step } from '../scenario/steps.ts'
import type { Timeline } from '../time/timeline.ts'
import { groupSize, nextArrival_ms } from './arrivals.ts'
import type { TrafficConfig } from './config.ts'
import { type Interval, parseCounts } from './counts.ts'

const UTC_OFFSET_MIN = 480
const PATIENCE_MS = 30_000
/** People of a group come through a door one behind the other, cars a little apart. */
const GROUP_GAP_MS = 2000
/** The time between presenting a card and reaching for the door. */
const REACH_MS = 300

export interface TrafficDeps {
  timeline: Timeline
  random: Random
  /** Lets something happen at a time. */
  act: (step: Step, at_ms: number) => void
  readText: (path: string) => string
}

export interface Traffic {
  start(at_ms: number): void
}

/** Arrivals at one door or barrier. @throws SimError SIM_CONFIG_INVALID when the counts cannot be read */
export function createTraffic(config: TrafficConfig, kind: 'door' | 'barrier', deps: TrafficDeps): Traffic {
  const { timeline, random } = deps
  const { counts } = config
  const intervals = counts && parseCounts(deps.readText(counts.csv), counts.csv, counts.flow, counts.from)
  const arrive = kind === 'barrier' ? vehicle : person

  function vehicle(at_ms: number): void {
    deps.act(
      {
        do: 'vehicle',
        device: config.device,
        plate: plateOf(config, random),
        from: config.side ?? 'approach',
        length_m: 3.8 + random() * 1.4,
        speed_m_s: 3 + random() * 1.2,
        driver: driverOf(config, random),
        patience_ms: config.patience_ms ?? PATIENCE_MS,
      },
      at_ms,
    )
  }

  function person(at_ms: number): void {
    const { device, reader, cards } = config
    const card = cards?.[integerBetween(random, 0, cards.length - 1)]
    if (reader !== undefined && card) deps.act({ do: 'card', reader, ...card }, at_ms)
    else deps.act({ do: 'rex', device }, at_ms)
    const direction = config.direction ?? 'in'
    timeline.at(at_ms + REACH_MS, (due_ms) => deps.act({ do: 'walk-through', device, direction }, due_ms))
  }

  function byProfile(perHour: readonly number[], at_ms: number): void {
    const mean = config.group_mean ?? 1
    const offset_ms = (config.utc_offset_min ?? UTC_OFFSET_MIN) * 60_000
    const wait_ms = nextArrival_ms(perHour, mean, timeline.wall_ms(at_ms) + offset_ms, random)
    if (!Number.isFinite(wait_ms)) return
    timeline.at(at_ms + wait_ms, (due_ms) => {
      const size = groupSize(mean, random)
      for (let member = 0; member < size; member++) timeline.at(due_ms + member * GROUP_GAP_MS, arrive)
      byProfile(perHour, due_ms)
    })
  }

  /** One interval is drawn when it begins, so a year of counts weighs nothing. */
  function byCounts(all: readonly Interval[], index: number, start_ms: number): void {
    const interval = all[index]
    if (!interval) return
    timeline.at(start_ms + interval.start_ms, (due_ms) => {
      for (let each = 0; each < interval.count; each++) timeline.at(due_ms + random() * interval.length_ms, arrive)
      byCounts(all, index + 1, start_ms)
    })
  }

  return {
    start(at_ms) {
      if (intervals) byCounts(intervals, 0, at_ms)
      else if (config.per_hour) byProfile(config.per_hour, at_ms)
    },
  }
}

function driverOf({ tailgater_share = 0, waits_share = 0, driver = 'obeys' }: TrafficConfig, random: Random) {
  const share = random()
  if (share < tailgater_share) return 'tailgates'
  return share < tailgater_share + waits_share ? 'waits' : driver
}

/** A plate from the list, or a stranger's. */
function plateOf({ plates, unknown_share }: TrafficConfig, random: Random): string {
  const stranger = `X${String(integerBetween(random, 0, 99_999)).padStart(5, '0')}`
  if (!plates || random() < (unknown_share ?? 0)) return stranger
  return plates[integerBetween(random, 0, plates.length - 1)] ?? stranger
}
