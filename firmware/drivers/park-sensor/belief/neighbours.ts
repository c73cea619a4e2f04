/** What the sensors of one park say of the same quantity: the yardstick for drift. Pure; one table per park. */

export interface Digest {
  quantity: string
  median: number
  /** 1.4826 times the median absolute deviation: σ of the neighbours, without the liars among them. */
  spread: number
  count: number
}

/** What a device holds for true but for drift. */
export interface Voice {
  value: number
  /** Monotonic. */
  at_ms: number
}

/** By quantity, then by device. */
export interface Neighbours {
  voices: Readonly<Record<string, Readonly<Record<string, Voice>>>>
}

export const noNeighbours: Neighbours = { voices: {} }

/** More devices than this in one park are not listened to: a bound for memory, far above any park. */
export const VOICES_MAX = 256
const SIGMA_PER_MAD = 1.4826

/**
 * Takes in what a device holds for true. A drifting one keeps its voice: the median bears it, and without it nobody could
 * find out that it has come back. What it holds for bad it does not say, and its old voice ages.
 */
export function hear(before: Neighbours, device: string, quantity: string, voice: Voice): Neighbours {
  const others = before.voices[quantity] ?? {}
  if (!(device in others) && Object.keys(others).length >= VOICES_MAX) return before
  return { voices: { ...before.voices, [quantity]: { ...others, [device]: voice } } }
}

/** Of each quantity what is not older than `age_max_ms`; at the time of `now_ms` on the clock of the readings. */
export function digestsOf(neighbours: Neighbours, now_ms: number, age_max_ms: number): Digest[] {
  return Object.entries(neighbours.voices).flatMap(([quantity, voices]) => {
    const values = Object.values(voices)
      .filter(({ at_ms }) => now_ms - at_ms <= age_max_ms)
      .map(({ value }) => value)
    if (values.length === 0) return []
    const median = medianOf(values)
    const spread = SIGMA_PER_MAD * medianOf(values.map((value) => Math.abs(value - median)))
    return [{ quantity, median, spread, count: values.length }]
  })
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}
