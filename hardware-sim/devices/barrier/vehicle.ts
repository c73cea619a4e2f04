import type { Side } from '../../events.ts'

/** How a vehicle follows another: the Intelligent Driver Model (Treiber, Hennecke, Helbing 2000, Phys. Rev. E 62). */

export type Driver = 'obeys' | 'waits' | 'tailgates'

export interface Vehicle {
  id: string
  plate: string
  from: Side
  length_m: number
  height_m: number
  speed_m_s: number
  driver: Driver
  stalls_ms: number
  patience_ms: number
  /** From the sight that it may go to moving off, at a standstill. */
  reaction_ms: number
  /** Of its front along its own way; the boom is at 0. */
  front_m: number
  velocity_m_s: number
  /** When its driver has seen that it may go, and moves off. */
  goAt_ms: number | undefined
  /** It stood first when the boom came up, or came first while it was: this opening is its own. */
  granted: boolean
  firstSince_ms: number | undefined
  queuedAt_ms: number | undefined
  stalledUntil_ms: number | undefined
  entered: boolean
  passed: boolean
  /** It has turned back. */
  left: boolean
}

/** Typical of cars at walking to town speed. */
const ACCELERATION_M_S2 = 1.5
const BRAKING_M_S2 = 2
const HEADWAY_S = 1.2
const GAP_M = 1.8
/** Who wants to slip through keeps less. */
const TAILGATER_HEADWAY_S = 0.6
const TAILGATER_GAP_M = 0.8
/** Nobody brakes harder. */
const BRAKING_M_S2_MAX = 8
const CREEP_M_S = 0.05

/**
 * Moves a vehicle by one step of time.
 * @param obstacle the nearest thing before it: how far away it is, its speed, and how close one drives up to it (a line on the
 * road is driven up to, a bumper is not)
 */
export function drive(
  vehicle: Vehicle,
  obstacle: { distance_m: number; velocity_m_s: number; touch: boolean } | undefined,
  step_s: number,
): void {
  const { velocity_m_s: velocity, speed_m_s } = vehicle
  const tailgater = vehicle.driver === 'tailgates'
  let acceleration = ACCELERATION_M_S2 * (1 - (velocity / speed_m_s) ** 4)
  let room_m = Number.POSITIVE_INFINITY
  if (obstacle) {
    const standing_m = obstacle.touch ? 0.1 : tailgater ? TAILGATER_GAP_M : GAP_M
    const headway_s = obstacle.touch ? 0.3 : tailgater ? TAILGATER_HEADWAY_S : HEADWAY_S
    const closing = velocity - obstacle.velocity_m_s
    const wanted_m =
      standing_m +
      Math.max(0, velocity * headway_s + (velocity * closing) / (2 * Math.sqrt(ACCELERATION_M_S2 * BRAKING_M_S2)))
    const distance_m = Math.max(0.01, obstacle.distance_m)
    acceleration -= ACCELERATION_M_S2 * (wanted_m / distance_m) ** 2
    room_m = Math.max(0, obstacle.distance_m - 0.05)
    // The model only ever nears its place; a driver stops there.
    if (velocity < CREEP_M_S && distance_m < standing_m * 1.3 + 0.2 && obstacle.velocity_m_s < CREEP_M_S) {
      vehicle.velocity_m_s = 0
      return
    }
  }
  const next = Math.max(0, velocity + Math.max(-BRAKING_M_S2_MAX, acceleration) * step_s)
  const moved_m = Math.min(room_m, ((velocity + next) / 2) * step_s)
  vehicle.velocity_m_s = moved_m < room_m ? next : Math.min(next, obstacle?.velocity_m_s ?? next)
  vehicle.front_m += moved_m
}

/** Braking from here, does it stop within the distance? Emergency braking, 6 m/s². */
export function canStopWithin(vehicle: Vehicle, distance_m: number): boolean {
  return vehicle.velocity_m_s ** 2 / 12 <= distance_m
}

/** What lies from `from_m` to `to_m` along the lane, seen from the approach side, does it stand there? */
export function isOver(vehicle: Vehicle, from_m: number, to_m: number): boolean {
  const rear_m = vehicle.front_m - vehicle.length_m
  const [low_m, high_m] = vehicle.from === 'approach' ? [rear_m, vehicle.front_m] : [-vehicle.front_m, -rear_m]
  return low_m < to_m && high_m > from_m
}
