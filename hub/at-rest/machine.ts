/**
 * When a thread gives memory back. V8 keeps what the start or a burst of events took for as long as nothing happens, and on a
 * box of 1 GB that others share it is missing. Pure: samples of what the thread does and holds go in, the wish comes out.
 */

export interface RestConfig {
  /** Part of its time, 0 to 1, above which a thread is at work. */
  busy: number
  /** So long it has not been at work. */
  quiet_ms: number
  /** As much more it holds than after the last time. */
  growth_bytes: number
  /** Between two times: collecting everything stops the thread for 50 to 130 ms, longer on a Pi. */
  pause_ms: number
}

export interface RestState {
  quiet_since_ms: number | undefined
  /** Undefined: not yet. */
  last: { at_ms: number; held_bytes: number } | undefined
}

/** `given-back`: done; `held_bytes` is what is left. */
export type RestInput =
  | { type: 'sample'; utilization: number; held_bytes: number }
  | { type: 'given-back'; held_bytes: number }

export type RestEffect = { type: 'give-back' }

/** What a gateway waits for is a boom on its way down: never stop the thread once it is at work. */
export const AFTER_START: RestConfig = {
  busy: 0.1,
  quiet_ms: 10_000,
  growth_bytes: Number.POSITIVE_INFINITY,
  pause_ms: 0,
}

export const REST: RestConfig = { busy: 0.1, quiet_ms: 10_000, growth_bytes: 8 * 1024 * 1024, pause_ms: 60_000 }

export const AT_WORK: RestState = { quiet_since_ms: undefined, last: undefined }

export function stepRest(
  config: RestConfig,
  state: RestState,
  input: RestInput,
  now_ms: number,
): { state: RestState; effects: RestEffect[] } {
  const { last } = state
  if (input.type === 'given-back')
    return { state: { ...state, last: { at_ms: now_ms, held_bytes: input.held_bytes } }, effects: [] }
  if (input.utilization > config.busy) return { state: { ...state, quiet_since_ms: undefined }, effects: [] }
  const quiet_since_ms = state.quiet_since_ms ?? now_ms
  const isQuiet = now_ms - quiet_since_ms >= config.quiet_ms
  const hasGrown =
    !last || (now_ms - last.at_ms >= config.pause_ms && input.held_bytes - last.held_bytes >= config.growth_bytes)
  return { state: { ...state, quiet_since_ms }, effects: isQuiet && hasGrown ? [{ type: 'give-back' }] : [] }
}
