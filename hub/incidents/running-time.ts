import type { TimeQuality } from '../contract/event.ts'

/**
 * The time that deadlines are in. While the hub runs it goes with the machine's monotonic clock, so that a step of the wall
 * clock neither fires every deadline nor puts one off. Over a restart it is told what is known of the time in between:
 *
 * 1. The machine ran on (same boot): its monotonic clock says exactly how long the hub was away.
 * 2. The machine was off, and the wall clock was trusted before and is now: their difference.
 * 3. Otherwise nobody knows yet: time goes on from where it stood, and what was missed since the wall clock was last trusted is
 *    added once, as soon as it is trusted again. Until then a deadline is late, at most by the time that the machine was
 *    off; none is lost.
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
  /** Trusted wall time that still has to be made up for: wall − run at that moment. Undefined: nothing is missing. */
  owed_from?: { wall_ms: number; run_ms: number }
}

export interface RunningTime {
  anchor: Checkpoint
}

/** A longer absence is a mistake of a clock, not a time in which incidents waited. */
export const ABSENCE_MS_MAX = 30 * 24 * 3_600_000

export function beginTime(sample: ClockSample): RunningTime {
  return { anchor: { ...sample, run_ms: 0 } }
}

export function resumeTime(saved: Checkpoint, sample: ClockSample): RunningTime {
  if (saved.boot === sample.boot) {
    const away_ms = Math.max(0, sample.monotonic_ms - saved.monotonic_ms)
    return { anchor: { ...sample, run_ms: saved.run_ms + away_ms, ...owed(saved.owed_from) } }
  }
  const trusted = isTrusted(saved)
  const from = trusted ? { wall_ms: saved.wall_ms, run_ms: saved.run_ms } : saved.owed_from
  return settle({ anchor: { ...sample, run_ms: saved.run_ms, ...owed(from) } }, sample)
}

/** The same time, as of now: what is missing is made up for as soon as it is known. */
export function advanceTime(time: RunningTime, sample: ClockSample): RunningTime {
  const { anchor } = time
  const run_ms = anchor.run_ms + Math.max(0, sample.monotonic_ms - anchor.monotonic_ms)
  return settle({ anchor: { ...sample, run_ms, ...owed(anchor.owed_from) } }, sample)
}

function settle({ anchor }: RunningTime, sample: ClockSample): RunningTime {
  const { owed_from, ...rest } = anchor
  if (!owed_from || !isTrusted(sample)) return { anchor }
  const due_ms = owed_from.run_ms + (sample.wall_ms - owed_from.wall_ms)
  const isPlausible = due_ms - anchor.run_ms <= ABSENCE_MS_MAX
  return { anchor: { ...rest, run_ms: isPlausible ? Math.max(anchor.run_ms, due_ms) : anchor.run_ms } }
}

function owed(from: Checkpoint['owed_from']): { owed_from?: { wall_ms: number; run_ms: number } } {
  return from ? { owed_from: from } : {}
}

function isTrusted({ quality }: { quality: TimeQuality }): boolean {
  return quality !== 'unsynced'
}
