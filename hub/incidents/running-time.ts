import type { TimeQuality } from '../contract/event.ts'

/**
 * The time that deadlines are in. While the hub runs it goes with the machine's monotonic clock, so that a step of the wall
 * clock neither fires every deadline nor puts one off. Over a restart it is told what is known of the time in between:
 *
 * 1. The machine ran on (same boot): its monotonic clock says exactly how long the hub was away.
 * 2. The machine was off: the wall clock says it, from the last moment in which it was trusted to the next one, be that now or
 *    only when a time source is reached. Until then time goes on from where it stood: a deadline is late, at most by the time
 *    that the machine was off, and none is lost.
 *
 * It never goes back.
 */

export interface ClockSample {
  /** One run of the machine. */
  boot: string
  /** ms since that boot, monotonic. */
  monotonic_ms: number
  wall_ms: number
  quality: TimeQuality
}

/** What is on disk of it. */
export interface Checkpoint extends ClockSample {
  run_ms: number
  /** The last moment in which the wall clock was trusted. */
  known?: { wall_ms: number; run_ms: number }
  /** The machine was off since then, and nobody knows yet for how long. */
  isBehind?: boolean
}

export interface RunningTime {
  anchor: Checkpoint
}

/** A longer absence is a mistake of a clock, not a time in which incidents waited. */
export const ABSENCE_MS_MAX = 30 * 24 * 3_600_000

export function beginTime(sample: ClockSample): RunningTime {
  return settle(sample, 0, undefined, false)
}

export function resumeTime(
  { boot, monotonic_ms, run_ms, known, isBehind }: Checkpoint,
  sample: ClockSample,
): RunningTime {
  if (boot !== sample.boot) return settle(sample, run_ms, known, true)
  return settle(sample, run_ms + Math.max(0, sample.monotonic_ms - monotonic_ms), known, isBehind === true)
}

/** The same time, as of now. */
export function advanceTime({ anchor }: RunningTime, sample: ClockSample): RunningTime {
  const passed_ms = Math.max(0, sample.monotonic_ms - anchor.monotonic_ms)
  return settle(sample, anchor.run_ms + passed_ms, anchor.known, anchor.isBehind === true)
}

function settle(sample: ClockSample, run_ms: number, known: Checkpoint['known'], isBehind: boolean): RunningTime {
  if (sample.quality === 'unsynced')
    return { anchor: { ...sample, run_ms, ...(known ? { known } : {}), ...(isBehind ? { isBehind } : {}) } }
  const { wall_ms } = sample
  const should_ms = isBehind && known ? known.run_ms + (wall_ms - known.wall_ms) : run_ms
  const isPlausible = should_ms - run_ms <= ABSENCE_MS_MAX
  const true_ms = isPlausible ? Math.max(run_ms, should_ms) : run_ms
  return { anchor: { ...sample, run_ms: true_ms, known: { wall_ms, run_ms: true_ms } } }
}
