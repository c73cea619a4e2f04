/**
 * Where a journal's commits are to run, by how long they take: in the thread that reads the sockets while the disk is
 * quick, which saves two hops between threads for every commit, and in a thread of their own while it is slow, where an
 * fsync of 20 ms must not hold up the event loop. Pure; the times come from whoever commits.
 */

export type Place = 'here' | 'thread'

export interface DiskPace {
  place: Place
  /** Moving mean of what a commit takes, ms. */
  mean_ms: number
  /** Commits since the place was taken. */
  commits: number
  /** performance.now() when it was taken, and how long it is kept at least before going back to `here`. */
  since_ms: number
  stay_ms: number
}

/** Commits whose share in the mean is down to a third, and what one counts at most: a checkpoint decides nothing, two slow ones do. */
const MEAN_OVER = 8
const COUNTED_MS_MAX = 10
/**
 * A Raspberry Pi's SD card takes 5–20 ms for an fsync, an SSD or eMMC 0.2–1 ms. Large commits of a hub at its limit take more
 * than 2 ms too: they are better off beside the thread that decodes the next ones.
 */
const QUICK_MS = 1
const SLOW_MS = 2
/** As many are looked at before a thread is given up. */
const COMMITS_MIN = 64
/** A disk that keeps changing its mind is left to the thread for longer and longer. */
const STAY_MS_MIN = 10_000
const STAY_MS_MAX = 600_000

/** @param probes_ms what a few commits took right after the open */
export function firstPlace(probes_ms: readonly number[], now_ms: number): DiskPace {
  const sorted = [...probes_ms].sort((a, b) => a - b)
  const median_ms = sorted[Math.floor(sorted.length / 2)] ?? Number.POSITIVE_INFINITY
  const place = median_ms < QUICK_MS ? 'here' : 'thread'
  return { place, mean_ms: median_ms, commits: 0, since_ms: now_ms, stay_ms: STAY_MS_MIN }
}

/** After a commit that took `took_ms` where it ran; `place` of the result is where the next one belongs. */
export function afterCommit(pace: DiskPace, took_ms: number, now_ms: number): DiskPace {
  const mean_ms = pace.mean_ms + (Math.min(took_ms, COUNTED_MS_MAX) - pace.mean_ms) / MEAN_OVER
  const next = { ...pace, mean_ms, commits: pace.commits + 1 }
  if (pace.place === 'here') {
    if (mean_ms <= SLOW_MS) return next
    // Soon after it came back it is slow again: next time it has to prove itself for longer.
    const wasShort = now_ms - pace.since_ms < pace.stay_ms
    const stay_ms = wasShort ? Math.min(STAY_MS_MAX, pace.stay_ms * 2) : STAY_MS_MIN
    return { place: 'thread', mean_ms, commits: 0, since_ms: now_ms, stay_ms }
  }
  const isProven = next.commits >= COMMITS_MIN && now_ms - pace.since_ms >= pace.stay_ms
  return isProven && mean_ms < QUICK_MS ? { ...next, place: 'here', commits: 0, since_ms: now_ms } : next
}
