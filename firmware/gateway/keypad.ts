import type { Moment } from '../moment.ts'

/** The PIN that follows a card: digits until `#`, `*` begins anew, and only for a while. Pure but for what it remembers. */
export interface Keypad {
  /** A card was read: its PIN is expected now. */
  expectPin(reference: string, at: Moment): void
  /** @returns the card and its PIN when `#` ended the entry in time */
  keys(keys: string, at: Moment): { reference: string; pin: string } | undefined
}

/** From the card to the end of its PIN. */
export const PIN_TIMEOUT_MS = 15_000
const DIGITS_MAX = 12

export function createKeypad(): Keypad {
  let waiting: { reference: string; digits: string; since_ms: number } | undefined
  return {
    expectPin(reference, at) {
      waiting = { reference, digits: '', since_ms: at.monotonic_ms }
    },
    keys(keys, at) {
      for (const key of keys) {
        if (!waiting || at.monotonic_ms - waiting.since_ms > PIN_TIMEOUT_MS) {
          waiting = undefined
          return undefined
        }
        if (key === '#') {
          const { reference, digits } = waiting
          waiting = undefined
          return { reference, pin: digits }
        }
        if (key === '*') waiting.digits = ''
        else if (waiting.digits.length < DIGITS_MAX) waiting.digits += key
      }
      return undefined
    },
  }
}
