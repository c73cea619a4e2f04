import type { Moment } from '../moment.ts'

/**
 * The inputs and outputs of a gate by what they mean, not by where they are wired: the same machine runs on the pins of
 * a microcontroller, on Modbus relay and input modules and on GPIO lines. Polarity, pairs of contacts and addresses
 * are the adapter's affair.
 */

export interface GateLevels {
  /** Undefined: could not be read, or its two contacts contradict each other. */
  levels: Readonly<Partial<Record<string, boolean | undefined>>>
  at: Moment
}

export interface GateIoStatus {
  ready: boolean
  /** Why not, in kebab-case: `board-absent`, `bus-silent` … */
  reason?: string
  at: Moment
}

export interface GateIo {
  /**
   * Every change at once, and every level again while it is known to hold, several times within the age limit of the
   * gate (1 s unless configured). An adapter must never repeat what it has no fresh reason to believe: a level that is
   * not confirmed becomes unknown at the gate, and unknown stops it from closing.
   */
  onLevels(listener: (report: GateLevels) => void): void
  onStatus(listener: (status: GateIoStatus) => void): void
  /**
   * Outputs are off at start and whenever `ready` is told again, until they are set.
   * @returns false when nothing was written: the hardware cannot be reached. It is not written later either.
   */
  set(output: string, on: boolean): boolean
  start(): void
  close(): void
}
