/** One moment on both clocks: the wall clock dates it, the monotonic clock measures from it. */
export interface Moment {
  /** Epoch ms by the wall clock; jumps when the clock is set. */
  wall_ms: number
  /** ms by the monotonic clock of this process; never jumps. */
  monotonic_ms: number
}

export function momentNow(): Moment {
  return { wall_ms: Date.now(), monotonic_ms: performance.now() }
}

/** The moment that lies at `monotonic_ms`, dated by a moment known on both clocks. */
export function momentAt(reference: Moment, monotonic_ms: number): Moment {
  return { wall_ms: reference.wall_ms + (monotonic_ms - reference.monotonic_ms), monotonic_ms }
}
