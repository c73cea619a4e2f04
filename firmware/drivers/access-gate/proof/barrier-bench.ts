import type { AccessGateState } from '../../../../hub/contract/access-gate.ts'
import { barrierDefaults } from '../barrier/config.ts'
import { nextDeadline, step } from '../barrier/machine.ts'
import { barrierRules } from '../barrier/rules.ts'
import { type BarrierConfig, type BarrierState, createBarrierState } from '../barrier/state.ts'
import { publicState } from '../barrier/view.ts'
import { GateBench } from './gate-bench.ts'

/** A barrier with a boom that moves: 2 s up, 2 s down, limits at both ends. */

const TRAVEL_MS = 2000
/** From the start of a vehicle on the safety loop to its end. */
const UNDER_BOOM_MS = 1500

export const laneConfig: BarrierConfig = {
  ...barrierDefaults,
  inputs: ['up', 'down', 'safety', 'beam', 'approach', 'exit'],
  hasStop: true,
  hasBeamTest: false,
  lamps: [],
  direction: 'in',
}

export class BarrierBench extends GateBench<BarrierState> {
  readonly config: BarrierConfig
  /** 0 is down, 1 is up. */
  boom = 0
  jammed = false
  lowest = 0

  constructor(config: Partial<BarrierConfig> = {}, restored?: AccessGateState) {
    const whole = { ...laneConfig, ...config }
    const machine = {
      step: (state: BarrierState, input: Parameters<typeof step>[2], now: Parameters<typeof step>[3]) =>
        step(whole, state, input, now),
      nextDeadline: (state: BarrierState) => nextDeadline(whole, state),
    }
    const now = { wall_ms: Date.parse('2026-11-23T08:00:00Z'), monotonic_ms: 0 }
    super(machine, createBarrierState(whole, restored, now))
    this.config = whole
    this.onStep = () => this.#move()
  }

  get shown(): AccessGateState {
    return publicState(this.config, barrierRules, this.state)
  }

  /** Hardware found, boom where it is, nobody there. */
  begin(): this {
    const clear = { safety: false, beam: false, approach: false, exit: false }
    this.ready({ ...clear, ...this.#limits() })
    return this
  }

  #limits() {
    return { up: this.boom >= 1, down: this.boom <= 0 }
  }

  #move(): void {
    if (this.jammed) return
    const was = this.#limits()
    if (this.outputs.raise) this.boom = Math.min(1, this.boom + 50 / TRAVEL_MS)
    if (this.outputs.lower) this.boom = Math.max(0, this.boom - 50 / TRAVEL_MS)
    // Rounding must not keep the boom from its limits.
    this.boom = Math.round(this.boom * 1000) / 1000
    this.lowest = Math.min(this.lowest, this.boom)
    const is = this.#limits()
    if ((was.up !== is.up && 'up' in this.levels) || (was.down !== is.down && 'down' in this.levels)) this.set(is)
  }

  /** A vehicle on the approach loop drives through, if the boom is up; the next may follow on the loop at once. */
  drive(follower = false): boolean {
    if (this.boom < 1) return false
    this.set({ safety: true })
    this.pass(UNDER_BOOM_MS / 2)
    this.set({ approach: false })
    if (follower) this.set({ approach: true })
    this.set({ exit: true })
    this.pass(UNDER_BOOM_MS / 2)
    this.set({ safety: false })
    this.pass(500)
    this.set({ exit: false })
    return true
  }
}

export const plate = (credential: string) => ({ by: 'plate', credential }) as const

/** With a vehicle on the approach loop, whose plate k1 was let in, and the boom up. */
export function openedBarrier(config: Partial<BarrierConfig> = {}): BarrierBench {
  const bench = new BarrierBench(config).begin()
  bench.set({ approach: true })
  bench.decide(plate('k1'))
  bench.pass(2500)
  if (bench.shown.position !== 'open') throw new Error(`the boom is ${bench.shown.position}`)
  return bench
}
