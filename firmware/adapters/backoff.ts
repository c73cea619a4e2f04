/**
 * Waits between attempts to reach a device: exponential, with jitter, so that the boards of a gateway that lost its USB
 * hub do not all knock at once.
 */
export interface Backoff {
  /** The next wait: between half and the whole of a step that doubles from `first_ms` to `max_ms`. */
  next_ms(): number
  /** Begin small again: the device was reached. */
  reset(): void
}

export function createBackoff(config: { first_ms: number; max_ms: number }, random: () => number): Backoff {
  let step_ms = config.first_ms
  return {
    next_ms() {
      const wait_ms = step_ms * (0.5 + random() / 2)
      step_ms = Math.min(config.max_ms, step_ms * 2)
      return wait_ms
    },
    reset() {
      step_ms = config.first_ms
    },
  }
}
