import type { Emit } from '../events.ts'
import type { Random } from '../random.ts'
import type { Timeline } from '../time/timeline.ts'

/** Something on an RS-485 line. */
export interface BusDevice {
  readonly id: string
  /** Power comes on. */
  start(at_ms: number): void
  /** What passes on the line, from the controller or from others; `first_ms` is when the first byte ended. */
  receive(bytes: Uint8Array, first_ms: number, byte_ms: number): void
}

export interface BusDeviceDeps {
  timeline: Timeline
  random: Random
  emit: Emit
  /** Starts to send at a time. */
  send(bytes: Uint8Array, at_ms: number): void
}
