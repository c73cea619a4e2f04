import type { BoardState } from '../events.ts'
import type { Random } from '../random.ts'
import type { Timeline } from '../time/timeline.ts'

/** Supply of the boards, in volts. */
export const VCC_V = 5

/**
 * What every microcontroller board is, seen from outside: header pins, a UART and a plug.
 * Pins carry the numbers printed on an Arduino Uno: 0–13 digital, 14–19 are the analog channels 0–5.
 */
export interface Board {
  readonly id: string
  /** Power comes on: the board boots. */
  powerOn(at_ms: number): void
  /** Power goes: outputs drop. */
  powerOff(at_ms: number): void
  /** The processor stops dead; outputs keep their level, bytes are ignored. Only a reset helps. */
  hang(at_ms: number): void
  /** Brown-out or reset button: outputs drop, the board boots again. Nothing happens without power. */
  reset(at_ms: number): void
  /** Bytes at the UART; the first one ended at `first_ms`, the others follow at `byte_ms`. */
  receive(bytes: Uint8Array, first_ms: number, byte_ms: number): void
  /** The circuit outside puts a voltage on a pin. */
  drive(pin: number, volts: number, at_ms: number): void
}

/** What a board acts upon. */
export interface BoardDeps {
  timeline: Timeline
  random: Random
  /** Bytes that the UART starts to send at a time. */
  send(bytes: Uint8Array, at_ms: number): void
  /** The level of a pin as output, 0 to 1 (a fraction is a PWM duty); an input counts as 0. Changes only. */
  pinChanged(pin: number, level: number, at_ms: number): void
  stateChanged(state: BoardState, at_ms: number): void
}
