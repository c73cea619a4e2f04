import type { Availability, AvailabilityStatus } from '../contract/availability.ts'

/**
 * What is shown of one device's availability, from what is said of it and from how long nothing was heard. Pure; time comes in.
 *
 * Flapping is treated as Nagios does ("Detection and Handling of State Flapping"): a state of its own, told once when it begins
 * and once when it ends, with more changes needed to begin than to go on, and the single changes held back meanwhile. Expiry
 * follows `expire_after` of Home Assistant's MQTT sensors.
 */

export interface FlappingConfig {
  /** So many changes of status within the window are flapping; 0: none ever. An outage is two. */
  changes: number
  window_ms: number
  /** No change for so long ends it: also the longest that an outage can be hidden behind `flapping`. */
  steady_ms: number
}

/** Five outages in ten minutes; a gateway that is restarted a few times while it is installed stays below. */
export const FLAPPING: FlappingConfig = { changes: 10, window_ms: 600_000, steady_ms: 300_000 }

export interface Clock {
  monotonic_ms: number
  wall_ms: number
}

/** Something with an instant since when. */
interface Since {
  since: string
}

export interface WatchState {
  /** The last that its gateway, its will or the hub said of it. */
  said: Availability | undefined
  /** Nothing was heard of it for too long, although nothing was said against it. */
  silent: Since | undefined
  /** Monotonic ms of the last that was heard of it. */
  heard_ms: number
  /** Nothing for longer than this is too long; undefined: it has no interval. */
  expireafter_ms: number | undefined
  /** Monotonic ms of the latest changes of status, oldest first; as many as flapping needs. */
  changes_ms: readonly number[]
  /** The status as of the last change. */
  status: AvailabilityStatus | undefined
  flapping: (Since & { changed_ms: number }) | undefined
  /** What was last shown. */
  shown: Availability | undefined
}

export type WatchInput =
  | { type: 'said'; availability: Availability }
  /** A reading, an event or a state of the device came. */
  | { type: 'heard' }
  | { type: 'interval'; expireafter_ms: number | undefined }
  | { type: 'tick' }

/** The reason that gateway-life gives for every device behind a gateway that is gone. */
export const GATEWAY_AWAY = 'gateway-offline'
const FLAPS = { status: 'fault', reason: 'flapping' } as const
const SILENT = { status: 'stale', reason: 'silent' } as const

/** @param shown what was retained before a restart of the hub; what stood behind `flapping` is said again by its gateway */
export function createWatch(shown: Availability | undefined, now: Clock): WatchState {
  const since = shown?.since ?? instant(now)
  const flapping = isSame(shown, FLAPS) ? { since, changed_ms: now.monotonic_ms } : undefined
  const silent = isSame(shown, SILENT) ? { since } : undefined
  const said: Availability | undefined = flapping ? undefined : silent ? { status: 'online', since } : shown
  return {
    said,
    silent,
    heard_ms: now.monotonic_ms,
    expireafter_ms: undefined,
    changes_ms: [],
    status: silent ? 'stale' : said?.status,
    flapping,
    shown,
  }
}

/** What holds, flapping left aside; undefined while nothing is known. */
export function effective({ said, silent }: WatchState): Availability | undefined {
  return said?.status === 'online' && silent ? { ...SILENT, ...silent } : said
}

/** @returns what is to be shown now, if anything */
export function step(
  config: FlappingConfig,
  before: WatchState,
  input: WatchInput,
  now: Clock,
): { state: WatchState; show: Availability | undefined } {
  const state = watchFlapping(config, take(before, input, now), now)
  const next = state.flapping ? { ...FLAPS, since: state.flapping.since } : effective(state)
  // What is said again is shown again: its `since` may be better known now.
  const isRepeated = input.type === 'said' && next === state.said
  if (next === undefined || (isSame(next, state.shown) && !isRepeated)) return { state, show: undefined }
  return { state: { ...state, shown: next }, show: next }
}

/** When `step` has to be called with a tick, monotonic ms; undefined: not by itself. */
export function nextDeadline(config: FlappingConfig, state: WatchState): number | undefined {
  const dues = [silentAt(state), steadyAt(config, state)].filter((due) => due !== undefined)
  return dues.length === 0 ? undefined : Math.min(...dues)
}

function silentAt({ said, silent, heard_ms, expireafter_ms }: WatchState): number | undefined {
  if (said?.status !== 'online' || silent || expireafter_ms === undefined) return undefined
  return heard_ms + expireafter_ms
}

function steadyAt(config: FlappingConfig, { said, flapping }: WatchState): number | undefined {
  return flapping && said ? flapping.changed_ms + config.steady_ms : undefined
}

function take(state: WatchState, input: WatchInput, now: Clock): WatchState {
  switch (input.type) {
    case 'said': {
      const { availability } = input
      // A gateway repeats what holds at each connection: that is no sign of the device. Coming back is.
      if (availability.status === 'online' && state.said?.status === 'online') return { ...state, said: availability }
      // That the gateway was away and is back says nothing of the device either; a silence before goes on.
      if (isAway(availability)) return { ...state, said: availability }
      if (availability.status === 'online' && isAway(state.said) && state.silent)
        return { ...state, said: availability }
      return { ...state, said: availability, silent: undefined, heard_ms: now.monotonic_ms }
    }
    case 'heard':
      return { ...state, heard_ms: now.monotonic_ms, silent: undefined }
    case 'interval':
      return { ...state, expireafter_ms: input.expireafter_ms }
    case 'tick': {
      const due_ms = silentAt(state)
      if (due_ms === undefined || due_ms > now.monotonic_ms) return state
      return { ...state, silent: { since: instant(now) } }
    }
  }
}

function watchFlapping(config: FlappingConfig, state: WatchState, now: Clock): WatchState {
  const status = effective(state)?.status
  const now_ms = now.monotonic_ms
  if (status !== undefined && status !== state.status) {
    if (state.status === undefined) return { ...state, status }
    if (state.flapping) return { ...state, status, flapping: { ...state.flapping, changed_ms: now_ms } }
    const within = state.changes_ms.filter((changed_ms) => now_ms - changed_ms < config.window_ms)
    const changes_ms = config.changes === 0 ? [] : [...within, now_ms].slice(-config.changes)
    if (config.changes === 0 || changes_ms.length < config.changes) return { ...state, status, changes_ms }
    return { ...state, status, changes_ms: [], flapping: { since: instant(now), changed_ms: now_ms } }
  }
  const steady_ms = steadyAt(config, state)
  return steady_ms !== undefined && steady_ms <= now_ms ? { ...state, flapping: undefined } : state
}

/** Concluded by the hub from the gateway's absence. */
function isAway(said: Availability | undefined): boolean {
  return said?.status === 'offline' && said.reason === GATEWAY_AWAY
}

function isSame(a: Availability | undefined, b: Availability | undefined): boolean {
  return a?.status === b?.status && a?.reason === b?.reason
}

function instant({ wall_ms }: Clock): string {
  return new Date(wall_ms).toISOString()
}
