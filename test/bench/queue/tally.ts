import type { SimEvent } from '../../../hardware-sim/events.ts'
import type { Timeline } from '../../../hardware-sim/time/timeline.ts'
import { percentile } from '../statistics.ts'
import type { Lane } from './lane.ts'

/** What really happened at the gate, counted from the simulator's own events and not from what the gate believes. */

export interface Figures {
  hours: number
  arrived: number
  passed: number
  passed_per_hour: number
  /** Vehicles slower than 5 km/h before the boom, over all lanes, weighted by time. */
  queue_mean: number
  queue_p95: number
  queue_max: number
  /** Longer than the way would have taken without a gate; those that still stand at the end count as long as they have. */
  wait_mean_s: number
  wait_p95_s: number
  /** Vehicles that no credential lets in, and that went in. */
  strangers_in: number
  strangers: number
  /** Residents that turned back unserved. */
  residents_lost: number
  /** Passages on nobody's right, as the gates themselves told of them. */
  told_without_right: number
  /** That found no room to stand: 500 wait already. */
  turned_away: number
  openings: number
  collisions: number
  violations: number
}

/** The simulator lets vehicles come into view so far before the boom. */
const RUN_UP_M = 40

interface Came {
  at_ms: number
  free_ms: number
  plate: string
  entered: boolean
  passed: boolean
  left: boolean
  wait_ms: number
}

export interface Tally {
  /** Called just before a vehicle arrives. */
  arrives(speed_m_s: number): void
  figures(): Figures
}

export function createTally(timeline: Timeline, lanes: readonly Lane[], known: ReadonlySet<string>): Tally {
  const start_ms = timeline.wall_ms(timeline.now())
  const came = new Map<string, Came>()
  const queue = createTimeWeighted(start_ms)
  const lengths = new Map<string, number>()
  const counts = { turned_away: 0, openings: 0, collisions: 0, violations: 0 }
  let speed_m_s = 0

  function vehicle(event: SimEvent & { type: 'vehicle' }): void {
    if (event.state === 'arrived') {
      const free_ms = (RUN_UP_M / speed_m_s) * 1000
      const fresh = { entered: false, passed: false, left: false, wait_ms: 0 }
      came.set(event.vehicle, { at_ms: event.at_ms, free_ms, plate: event.plate, ...fresh })
      return
    }
    if (event.state === 'turned-away') {
      counts.turned_away++
      return
    }
    const one = came.get(event.vehicle)
    if (!one) throw new Error(`${event.vehicle} ${event.state} before it arrived`)
    if (event.state === 'entered') {
      one.entered = true
      one.wait_ms = Math.max(0, event.at_ms - one.at_ms - one.free_ms)
    } else if (event.state === 'passed') one.passed = true
    else if (event.state === 'turned-back') one.left = true
  }

  function listen(event: SimEvent): void {
    if (event.type === 'vehicle') vehicle(event)
    else if (event.type === 'queue') {
      lengths.set(`${event.device} ${event.side}`, event.length)
      queue.set(
        [...lengths.values()].reduce((sum, length) => sum + length, 0),
        event.at_ms,
      )
    } else if (event.type === 'boom' && event.state === 'rising') counts.openings++
    else if (event.type === 'violation') counts.violations++
    else if (event.type === 'collision') counts.collisions++
  }
  for (const lane of lanes) lane.onSim(listen)

  return {
    arrives(speed) {
      speed_m_s = speed
    },
    figures() {
      const end_ms = timeline.wall_ms(timeline.now())
      const hours = (end_ms - start_ms) / 3_600_000
      const all = [...came.values()]
      const strangers = all.filter(({ plate }) => !known.has(plate))
      const residents = all.filter(({ plate }) => known.has(plate))
      const waits_s = residents
        .filter(({ left }) => !left)
        .map((one) => (one.entered ? one.wait_ms : Math.max(0, end_ms - one.at_ms - one.free_ms)) / 1000)
      const passed = all.filter((one) => one.passed).length
      const told = lanes.flatMap(({ told }) => told)
      return {
        hours,
        arrived: all.length,
        passed,
        passed_per_hour: passed / hours,
        ...queue.figures(end_ms),
        wait_mean_s: waits_s.reduce((sum, wait) => sum + wait, 0) / waits_s.length,
        wait_p95_s: percentile(waits_s, 95),
        strangers: strangers.length,
        strangers_in: strangers.filter((one) => one.passed).length,
        residents_lost: residents.filter((one) => one.left).length,
        told_without_right: told.filter(({ type }) => type === 'tailgating').length,
        ...counts,
      }
    },
  }
}

/** Figures of the same hours with other seeds: counts add up, and the rest is their mean. */
export function addUp(all: readonly Figures[]): Figures {
  const sum = (of: keyof Figures) => all.reduce((total, one) => total + one[of], 0)
  const mean = (of: keyof Figures) => sum(of) / all.length
  return {
    hours: sum('hours'),
    arrived: sum('arrived'),
    passed: sum('passed'),
    passed_per_hour: mean('passed_per_hour'),
    queue_mean: mean('queue_mean'),
    queue_p95: mean('queue_p95'),
    queue_max: mean('queue_max'),
    wait_mean_s: mean('wait_mean_s'),
    wait_p95_s: mean('wait_p95_s'),
    strangers_in: sum('strangers_in'),
    strangers: sum('strangers'),
    residents_lost: sum('residents_lost'),
    told_without_right: sum('told_without_right'),
    turned_away: sum('turned_away'),
    openings: sum('openings'),
    collisions: sum('collisions'),
    violations: sum('violations'),
  }
}

/** A whole number that changes with time: how long it was how large. */
function createTimeWeighted(start_ms: number) {
  const held_ms = new Map<number, number>()
  let value = 0
  let since_ms = start_ms
  function set(next: number, at_ms: number): void {
    held_ms.set(value, (held_ms.get(value) ?? 0) + at_ms - since_ms)
    value = next
    since_ms = at_ms
  }
  return {
    set,
    figures(end_ms: number) {
      set(value, end_ms)
      const sorted = [...held_ms].sort(([a], [b]) => a - b)
      const whole_ms = end_ms - start_ms
      let passed_ms = 0
      const p95 = sorted.find(([, for_ms]) => {
        passed_ms += for_ms
        return passed_ms >= 0.95 * whole_ms
      })
      return {
        queue_mean: sorted.reduce((sum, [length, for_ms]) => sum + length * for_ms, 0) / whole_ms,
        queue_p95: p95?.[0] ?? 0,
        queue_max: sorted.at(-1)?.[0] ?? 0,
      }
    },
  }
}
