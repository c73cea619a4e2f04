import type { Side } from '../../events.ts'
import type { Cancel, Timeline } from '../../time/timeline.ts'
import { canStopWithin, drive, isOver, type Vehicle } from './vehicle.ts'

/** Metres along the lane; the boom is at 0, vehicles from the approach side come from below. */
export const LOOPS = { approach: [-4, -2], safety: [-0.9, 0.9], exit: [2, 4] } as const
/** Drivers stop here, with their front over the loop on their side. */
const LINE_M = -2.2
const AT_LINE_M = 0.1
/** The last place at which a front is not yet under the boom. */
const EDGE_M = -0.5
/** What lies beneath the boom. */
export const UNDER_M = 0.3
const GONE_M = 8
const RUN_UP_M = 40
const STEP_MS = 40
/** 5 km/h: slower, one stands in a queue. */
const QUEUE_M_S = 1.4
/** Slower than this, it stands. */
const CREEPING_M_S = 0.05
/** From here on a driver with nobody ahead takes the opening for his own. */
const SEES_OPENING_M = 12
const VEHICLES_MAX = 500

export interface LaneView {
  /** As a driver sees the boom. */
  boom(at_ms: number): { angle_deg: number; falling: boolean }
  /** The traffic light for those from a side: green or red; undefined if there is none. */
  light(side: Side): boolean | undefined
  /** A sign says that each opening is for one vehicle. */
  oneByOne: boolean
}

export interface LaneListener {
  vehicle(
    vehicle: Vehicle,
    state: 'arrived' | 'queued' | 'entered' | 'passed' | 'turned-back' | 'turned-away',
    at_ms: number,
  ): void
  queue(side: Side, length: number, at_ms: number): void
  /** Vehicles have moved. */
  moved(vehicles: readonly Vehicle[], at_ms: number): void
}

/** A boom is up, to an honest driver and to the other kind. */
const UP_ENOUGH_DEG = 80
const TAILGATER_DEG = 55

/**
 * The vehicles before, under and behind one boom, from both sides. It runs in steps of 40 ms while there are vehicles,
 * and not at all while there are none.
 */
export class Lane {
  readonly #timeline: Timeline
  readonly #view: LaneView
  readonly #listener: LaneListener
  /** In the order in which they came, so that who is ahead on one side stands before who is behind. */
  #vehicles: Vehicle[] = []
  #tick: Cancel | undefined
  #wasUp = false
  /** This opening has found the vehicle that it is for. */
  #isTaken = false
  readonly #queues: Record<Side, number> = { approach: 0, exit: 0 }

  constructor(timeline: Timeline, view: LaneView, listener: LaneListener) {
    this.#timeline = timeline
    this.#view = view
    this.#listener = listener
  }

  arrive(vehicle: Vehicle, at_ms: number): void {
    if (this.#vehicles.length >= VEHICLES_MAX) {
      this.#listener.vehicle(vehicle, 'turned-away', at_ms)
      return
    }
    const last = this.#vehicles.findLast(({ from }) => from === vehicle.from)
    const tail_m = last ? last.front_m - last.length_m - 2 : 0
    vehicle.front_m = Math.min(-RUN_UP_M, tail_m)
    vehicle.velocity_m_s =
      last && tail_m < -RUN_UP_M ? Math.min(last.velocity_m_s, vehicle.speed_m_s) : vehicle.speed_m_s
    this.#vehicles.push(vehicle)
    this.#listener.vehicle(vehicle, 'arrived', at_ms)
    this.#tick ??= this.#timeline.at(at_ms + STEP_MS, (due_ms) => this.#step(due_ms))
  }

  #step(at_ms: number): void {
    const { angle_deg, falling } = this.#view.boom(at_ms)
    const up = angle_deg >= UP_ENOUGH_DEG && !falling
    if (up && !this.#wasUp) this.#isTaken = false
    this.#wasUp = up
    if (up && !this.#isTaken) this.#grant()
    const ahead: Partial<Record<Side, Vehicle>> = {}
    for (const vehicle of this.#vehicles) {
      this.#move(vehicle, ahead[vehicle.from], { angle_deg, falling, up }, at_ms)
      ahead[vehicle.from] = vehicle
    }
    for (const vehicle of this.#vehicles) this.#report(vehicle, at_ms)
    this.#vehicles = this.#vehicles.filter(
      (vehicle) => vehicle.front_m - vehicle.length_m < GONE_M && !this.#leaves(vehicle, at_ms),
    )
    this.#listener.moved(this.#vehicles, at_ms)
    this.#countQueues(at_ms)
    this.#tick =
      this.#vehicles.length > 0 ? this.#timeline.at(at_ms + STEP_MS, (due_ms) => this.#step(due_ms)) : undefined
  }

  /** The boom is up: for those who stand first, or else for the first who comes. */
  #grant(): void {
    for (const side of ['approach', 'exit'] as const) {
      const first = this.#first(side)
      if (!first || first.front_m < LINE_M - SEES_OPENING_M) continue
      first.granted = true
      this.#isTaken = true
    }
  }

  #first(side: Side): Vehicle | undefined {
    return this.#vehicles.find(({ from, front_m }) => from === side && front_m <= LINE_M + AT_LINE_M)
  }

  #move(
    vehicle: Vehicle,
    ahead: Vehicle | undefined,
    boom: { angle_deg: number; falling: boolean; up: boolean },
    at_ms: number,
  ): void {
    // Whoever stands behind another that is not yet at the line has only that one to look at.
    const follows = ahead !== undefined && ahead.front_m <= LINE_M + AT_LINE_M
    const stop_m = follows ? undefined : this.#stopBefore(vehicle, boom, at_ms)
    const line =
      stop_m === undefined ? undefined : { distance_m: stop_m - vehicle.front_m, velocity_m_s: 0, touch: true }
    const bumper = ahead && {
      distance_m: ahead.front_m - ahead.length_m - vehicle.front_m,
      velocity_m_s: ahead.velocity_m_s,
      touch: false,
    }
    drive(vehicle, bumper && (!line || bumper.distance_m < line.distance_m) ? bumper : line, STEP_MS / 1000)
  }

  /** Where the driver means to stop, if at all. */
  #stopBefore(
    vehicle: Vehicle,
    boom: { angle_deg: number; falling: boolean; up: boolean },
    at_ms: number,
  ): number | undefined {
    if (vehicle.front_m > EDGE_M) return this.#stalled(vehicle, at_ms) ? vehicle.front_m : undefined
    const may = this.#mayGo(vehicle, boom)
    if (may && vehicle.velocity_m_s > CREEPING_M_S) vehicle.goAt_ms = at_ms
    if (may) vehicle.goAt_ms ??= at_ms + vehicle.reaction_ms
    else vehicle.goAt_ms = undefined
    if (vehicle.goAt_ms !== undefined && at_ms >= vehicle.goAt_ms) return undefined
    if (vehicle.front_m <= LINE_M + 0.05)
      return canStopWithin(vehicle, LINE_M - vehicle.front_m + 0.05) ? LINE_M : this.#edge(vehicle)
    return this.#edge(vehicle)
  }

  #edge(vehicle: Vehicle): number | undefined {
    return canStopWithin(vehicle, EDGE_M - vehicle.front_m) ? EDGE_M : undefined
  }

  #stalled(vehicle: Vehicle, at_ms: number): boolean {
    if (vehicle.stalls_ms === 0 || vehicle.front_m < vehicle.length_m / 2) return false
    vehicle.stalledUntil_ms ??= at_ms + vehicle.stalls_ms
    return at_ms < vehicle.stalledUntil_ms
  }

  #mayGo(vehicle: Vehicle, boom: { angle_deg: number; up: boolean }): boolean {
    const oncoming = this.#vehicles.some((other) => other.from !== vehicle.from && this.#hasWay(other, vehicle))
    if (oncoming) return false
    // Past the line the light is out of sight, and only the boom counts.
    if (vehicle.driver === 'tailgates') return boom.angle_deg >= TAILGATER_DEG
    if (!boom.up || vehicle.front_m > LINE_M + AT_LINE_M) return boom.up
    if (vehicle.driver === 'waits') return vehicle.granted
    return this.#view.light(vehicle.from) ?? (!this.#view.oneByOne || vehicle.granted)
  }

  /** Of two that come towards each other, the one that is further on goes first, or else the one that came first. */
  #hasWay(other: Vehicle, vehicle: Vehicle): boolean {
    if (other.front_m <= LINE_M + AT_LINE_M || other.front_m - other.length_m >= -LINE_M) return false
    if (other.front_m !== vehicle.front_m) return other.front_m > vehicle.front_m
    return this.#vehicles.indexOf(other) < this.#vehicles.indexOf(vehicle)
  }

  #report(vehicle: Vehicle, at_ms: number): void {
    if (vehicle.queuedAt_ms === undefined && !vehicle.entered && vehicle.velocity_m_s < QUEUE_M_S) {
      vehicle.queuedAt_ms = at_ms
      this.#listener.vehicle(vehicle, 'queued', at_ms)
    }
    if (!vehicle.entered && vehicle.front_m > 0) {
      vehicle.entered = true
      this.#listener.vehicle(vehicle, 'entered', at_ms)
    }
    if (!vehicle.passed && vehicle.front_m - vehicle.length_m > LOOPS.safety[1]) {
      vehicle.passed = true
      this.#listener.vehicle(vehicle, 'passed', at_ms)
    }
  }

  /** Nobody stands first for ever; those behind are taken to let it out. */
  #leaves(vehicle: Vehicle, at_ms: number): boolean {
    if (vehicle.entered || vehicle.velocity_m_s > CREEPING_M_S || this.#first(vehicle.from) !== vehicle) return false
    vehicle.firstSince_ms ??= at_ms
    if (at_ms - vehicle.firstSince_ms < vehicle.patience_ms) return false
    vehicle.left = true
    this.#listener.vehicle(vehicle, 'turned-back', at_ms)
    return true
  }

  #countQueues(at_ms: number): void {
    for (const side of ['approach', 'exit'] as const) {
      const length = this.#vehicles.filter(
        ({ from, queuedAt_ms, entered }) => from === side && queuedAt_ms !== undefined && !entered,
      ).length
      if (length === this.#queues[side]) continue
      this.#queues[side] = length
      this.#listener.queue(side, length, at_ms)
    }
  }

  /** Whether a vehicle lies over part of the lane. */
  over(from_m: number, to_m: number): boolean {
    return this.#vehicles.some((vehicle) => isOver(vehicle, from_m, to_m))
  }
}
