import type { AccessGateState } from '../../../../hub/contract/access-gate.ts'
import { doorDefaults } from '../door/config.ts'
import { nextDeadline, step } from '../door/machine.ts'
import { createDoorState, type DoorConfig, type DoorState, publicState } from '../door/state.ts'
import { type Bench, GateBench } from './gate-bench.ts'

export const doorConfig: DoorConfig = {
  ...doorDefaults,
  inputs: ['contact', 'rex', 'release', 'enclosure'],
  strike: 'fail-secure',
}

export const START_WALL_MS = Date.parse('2026-11-23T08:00:00Z')

/** A door on a bench, closed and quiet. */
export class DoorBench extends GateBench<DoorState> {
  constructor(config: Partial<DoorConfig> = {}, restored?: AccessGateState, wallStart_ms = START_WALL_MS) {
    const whole = { ...doorConfig, ...config }
    const machine: Bench<DoorState> = {
      step: (state, input, now) => step(whole, state, input, now),
      nextDeadline: (state) => nextDeadline(whole, state),
    }
    super(machine, createDoorState(whole, restored, { wall_ms: wallStart_ms, monotonic_ms: 0 }), wallStart_ms)
  }

  get shown(): AccessGateState {
    return publicState(this.state)
  }

  begin(contact = true): this {
    this.ready({ contact, rex: false, release: false, enclosure: false })
    return this
  }

  /** The door swings open and falls shut. */
  walk(for_ms = 2000): void {
    this.set({ contact: false })
    this.pass(for_ms)
    this.set({ contact: true })
  }
}
