import type { Moment } from '../moment.ts'

/**
 * A board of pins: a microcontroller on a serial line, a relay module on a bus, the GPIO of the box itself. Watches and
 * outputs are declared before `start` and last as long as the board object: the line may come and go beneath them.
 */

/** `starting`: being initialised. `ready`: works. `hung`: the line is there, the board does not answer. `absent`: no line. */
export type BoardStatus = 'starting' | 'ready' | 'hung' | 'absent'

export interface StatusReport {
  status: BoardStatus
  /** For people, e.g. which path is missing. */
  reason?: string
  at: Moment
}

export interface DigitalReport {
  high: boolean
  /** `found`: the level that was there when the board became ready. `edge`: it changed while we watched. */
  kind: 'found' | 'edge'
  at: Moment
}

export interface AnalogReport {
  /** Voltage as a part of the supply, 0…1. */
  ratio: number
  kind: 'found' | 'change'
  at: Moment
}

export interface DigitalOutput {
  /** @returns false when nothing was written because the board is not ready */
  set(on: boolean): boolean
}

export interface PinBoard {
  readonly id: string
  readonly status: StatusReport
  /** After each `ready`, every watched pin reports once as `found`. */
  watchDigital(pin: number, listener: (report: DigitalReport) => void): void
  watchAnalog(channel: number, listener: (report: AnalogReport) => void): void
  /** Off after every (re)start of the board until it is set. */
  output(pin: number): DigitalOutput
  /**
   * Whoever listens gets the watched pins read again several times a second, and each time is told which of them the
   * hardware has just shown to be as last reported. A pin that is not told again is not known any more.
   */
  onConfirmed(listener: (pins: ReadonlySet<number>, at: Moment) => void): void
  onStatus(listener: (report: StatusReport) => void): void
  start(): void
  close(): Promise<void>
}
