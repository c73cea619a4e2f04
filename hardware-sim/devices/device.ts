import type { Emit } from '../events.ts'
import type { Random } from '../random.ts'
import type { DeviceStep } from '../scenario/steps.ts'
import type { Timeline } from '../time/timeline.ts'

/** A physical thing wired to the pins of one board. */
export interface Device {
  readonly id: string
  /** The wiring is in place: every pin gets its first voltage. */
  start(at_ms: number): void
  /** What people and accidents do to it. @throws SimError for a step that this kind does not know */
  apply(step: DeviceStep, at_ms: number): void
  /** The board changed the level of a pin, 0 to 1; pins of other devices come too. */
  pinChanged(pin: number, level: number, at_ms: number): void
}

/** What a device acts upon. */
export interface DeviceDeps {
  timeline: Timeline
  random: Random
  emit: Emit
  /** Puts a voltage on a header pin of the board. */
  drive(pin: number, volts: number, at_ms: number): void
}
