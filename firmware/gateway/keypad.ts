import type { Moment } from '../moment.ts'

/**
 * Digits until `#`: the PIN of the card before them, or one that stands alone. `*` begins anew, and what is not ended in
 * time is forgotten. Pure but for what it remembers.
 */
export interface Keypad {
  /** A card was read: its PIN is expected now. */
  expectPin(reference: string, at: Moment): void
  /** @returns what `#` ended in time: the PIN, and the card that it belongs to, if any */
  keys(keys: string, at: Moment): Array<{ reference: string | undefined; pin: string }>
}

/** From the card, or from the first digit, to the end of the PIN. */
export const PIN_TIMEOUT_MS = 15_000
const DIGITS_MAX = 12

export function createKeypad(): Keypad {
  let entry: { reference: string | undefined; digits: string; since_ms: number } | undefined
  return {
    expectPin(reference, at) {
      entry = { reference, digits: '', since_ms: at.monotonic_ms }
    },
    keys(keys, at) {
      const now_ms = at.monotonic_ms
      const ended: Array<{ reference: string | undefined; pin: string }> = []
      if (entry && now_ms - entry.since_ms > PIN_TIMEOUT_MS) entry = undefined
      for (const key of keys) {
        entry ??= { reference: undefined, digits: '', since_ms: now_ms }
        const { reference, digits } = entry
        if (key === '#') {
          entry = undefined
          // The key alone asks for nothing.
          if (reference !== undefined || digits !== '') ended.push({ reference, pin: digits })
        } else if (key === '*') entry = reference === undefined ? undefined : { ...entry, digits: '' }
        else if (digits.length < DIGITS_MAX) entry = { ...entry, digits: digits + key }
      }
      return ended
    },
  }
}
