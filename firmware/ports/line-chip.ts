import type { PinBoard } from './pin-board.ts'

/**
 * The GPIO lines of the box itself: a board whose pins are lines, so that drivers cannot tell it from a microcontroller.
 * What a board's firmware fixes is said here for each line.
 */

/** What the box itself connects to a line that nothing drives. */
export const BIASES = ['pull-up', 'pull-down', 'disabled'] as const
export type Bias = (typeof BIASES)[number]

export interface LineInput {
  bias: Bias
  /** A change counts when it has held this long; 0: at once. */
  settle_ms: number
}

export interface LineChip extends PinBoard {
  /** How a watched line is read; before `start`. A line that is not named here has a pull-up and does not settle. */
  setInput(line: number, input: LineInput): void
}
