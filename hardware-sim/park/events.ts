import { type Stream, uniform } from './noise.ts'

/** Things that happen now and then, so that any moment can find those around it: at most one in each slot of time. */
export interface Happening {
  at_ms: number
  index: number
}

/**
 * What has happened in the last `back_ms` before a moment, and in `ahead_ms` after it.
 * @param chance that a slot has one, by the moment when it would happen
 */
export function happenings(
  stream: Stream,
  slot_ms: number,
  [from_ms, until_ms]: readonly [number, number],
  chance: (at_ms: number) => number,
): Happening[] {
  const found: Happening[] = []
  for (let index = Math.floor(from_ms / slot_ms); index * slot_ms <= until_ms; index++) {
    const at_ms = (index + uniform(stream, 4 * index)) * slot_ms
    if (at_ms < from_ms || at_ms > until_ms) continue
    if (uniform(stream, 4 * index + 1) < chance(at_ms)) found.push({ at_ms, index })
  }
  return found
}

/** Two more numbers of a happening, for its size and its length. */
export function sizes(stream: Stream, { index }: Happening): [number, number] {
  return [uniform(stream, 4 * index + 2), uniform(stream, 4 * index + 3)]
}

/** 0 before 0, 1 after 1, smooth between. */
export function ramp(part: number): number {
  const at = Math.min(1, Math.max(0, part))
  return at * at * (3 - 2 * at)
}
