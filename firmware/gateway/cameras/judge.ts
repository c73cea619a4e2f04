import type { TimeQuality } from '../../../hub/contract/event.ts'
import type { PlateReading } from '../../../hub/contract/plate.ts'

/** Whether a reading is about the vehicle that stands there now, and whether it says anything new. Pure. */

/** A reading is on its way for some 300 ms; a camera that was cut off sends what it has saved up, minutes late. */
export const AGE_MAX_MS = 5_000
/** Two clocks that follow a time source agree within this. */
export const AHEAD_MAX_MS = 2_000

export type Timeliness = 'fresh' | 'stale'

/** A reading without a time is taken for fresh, and so is any while our own clock follows nothing. */
export function timelinessOf({ at }: PlateReading, now_ms: number, quality: TimeQuality): Timeliness {
  if (at === undefined || quality === 'unsynced') return 'fresh'
  const age_ms = now_ms - Date.parse(at)
  return age_ms <= AGE_MAX_MS && age_ms >= -AHEAD_MAX_MS ? 'fresh' : 'stale'
}

/** A camera reads a standing car several times a second: within this only a surer reading of it is new. */
export const REPEAT_MS = 2_000
/** New readings in that time: more than any camera sees, and no more work than that for whoever sends them. */
const NEW_MAX = 16

export interface Seen {
  text: string
  confidence: number
  at_ms: number
}

export function inView(seen: readonly Seen[], now_ms: number): readonly Seen[] {
  return seen.filter(({ at_ms }) => now_ms - at_ms < REPEAT_MS)
}

/** @returns what is remembered then, or undefined: the same plate again and no surer, or too many at once */
export function noteReading(
  seen: readonly Seen[],
  { plate, confidence }: PlateReading,
  now_ms: number,
): readonly Seen[] | undefined {
  const recent = inView(seen, now_ms)
  const isKnown = recent.some((one) => one.text === plate && one.confidence >= confidence)
  if (isKnown || recent.length >= NEW_MAX) return undefined
  return [...recent, { text: plate, confidence, at_ms: now_ms }]
}

/** Who passed last, by keyed hash. */
export interface Passed {
  credential: string
  at_ms: number
}

/**
 * A camera behind the boom reads a plate while the vehicle passes, and tells of it afterwards: nobody waits there who
 * could use a right, but for the vehicle behind.
 */
export const PASSED_MS = 5_000

export function hasJustPassed(passed: Passed | undefined, credential: string, now_ms: number): boolean {
  return passed?.credential === credential && now_ms - passed.at_ms < PASSED_MS
}
