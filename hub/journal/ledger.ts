import type { Retention } from './types.ts'

/** How many bytes a lane holds and since when, coarsely: enough to know from which position on it is within its bounds. */
export interface Ledger {
  /** `at_ms`: on the journal's own clock. */
  add(position: number, bytes: number, at_ms: number): void
  /** The least position from which everything up to `to` is within the bounds. */
  firstWithin(bounds: Retention, to: number, now_ms: number): number
  /** Nothing before this position is asked for any more. */
  forget(before: number): void
  /** Bytes from this position on, a part of a step counted whole. */
  bytesFrom(position: number): number
}

/** Some entries in a row. */
export interface Stretch {
  /** Position of the last one. */
  to: number
  bytes: number
  /** When the first and the last of them came. */
  from_ms: number
  at_ms: number
}

/** Entries go in steps of this part of the bound, or one by one where an entry is larger. */
const STEPS = 256
/** Beyond that (a reader far behind, small bounds) neighbours are counted together. */
const STRETCHES_MAX = 4_096

export function createLedger(bounds: readonly Retention[], known: readonly Stretch[]): Ledger {
  const step_bytes = Math.min(...bounds.map(({ bytes_max = Number.POSITIVE_INFINITY }) => bytes_max)) / STEPS
  const step_ms = Math.min(...bounds.map(({ age_ms_max = Number.POSITIVE_INFINITY }) => age_ms_max)) / STEPS
  let stretches: Stretch[] = []
  for (const stretch of known) push({ ...stretch })

  function push(next: Stretch): void {
    const newest = stretches.at(-1)
    if (newest && newest.bytes + next.bytes <= step_bytes && next.at_ms - newest.from_ms <= step_ms) {
      newest.to = next.to
      newest.bytes += next.bytes
      newest.at_ms = next.at_ms
      return
    }
    stretches.push(next)
    if (stretches.length > STRETCHES_MAX) stretches = inPairs(stretches)
  }

  function withinBytes(bytes_max: number, to: number): number {
    let bytes = 0
    for (let index = stretches.length - 1; index >= 0; index -= 1) {
      const before = stretches[index - 1]?.to ?? 0
      if (before >= to) continue
      bytes += stretches[index]?.bytes ?? 0
      // The newest stretch stays whatever its size: a bound must not make a lane useless.
      const isNewest = (stretches[index]?.to ?? 0) >= to
      if (bytes > bytes_max && !isNewest) return (stretches[index]?.to ?? 0) + 1
    }
    return 0
  }

  function withinAge(age_ms_max: number, to: number, now_ms: number): number {
    let first = 0
    for (const stretch of stretches) {
      if (now_ms - stretch.at_ms <= age_ms_max) break
      first = Math.min(stretch.to, to) + 1
    }
    return first
  }

  return {
    add: (position, bytes, at_ms) => push({ to: position, bytes, from_ms: at_ms, at_ms }),
    firstWithin({ entries_max, bytes_max, age_ms_max }, to, now_ms) {
      return Math.max(
        entries_max === undefined ? 0 : to - entries_max + 1,
        bytes_max === undefined ? 0 : withinBytes(bytes_max, to),
        age_ms_max === undefined ? 0 : withinAge(age_ms_max, to, now_ms),
      )
    },
    forget(before) {
      // In bulk: a shift for every commit would cost more than it saves.
      const gone = stretches.findIndex(({ to }) => to >= before)
      if (gone > 64 || gone > stretches.length / 2) stretches = stretches.slice(gone)
    },
    bytesFrom: (position) => stretches.reduce((sum, { to, bytes }) => sum + (to >= position ? bytes : 0), 0),
  }
}

/** Neighbours counted together: half as many. */
export function inPairs(stretches: readonly Stretch[]): Stretch[] {
  const pairs: Stretch[] = []
  stretches.forEach((stretch, index) => {
    const before = pairs.at(-1)
    if (index % 2 === 1 && before)
      Object.assign(before, { to: stretch.to, bytes: before.bytes + stretch.bytes, at_ms: stretch.at_ms })
    else pairs.push({ ...stretch })
  })
  return pairs
}
