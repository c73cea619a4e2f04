import type { Availability } from '../../../hub/contract/availability.ts'

/**
 * Whether a camera can be relied on. Nobody can tell a camera that sees nothing from one that is dead, but for two signs:
 * vehicles pass its gate unseen, or it has been silent for longer than it should.
 */

export interface WatchConfig {
  silentAfter_ms: number
}

export interface WatchState {
  shown: Pick<Availability, 'status' | 'reason'>
  /** Monotonic; undefined until it is heard for the first time in this run. */
  heardAt_ms: number | undefined
  /** Vehicles that passed its gate since it was heard. */
  unseen: number
}

export type WatchInput =
  /** It said anything that is of now. */
  | { type: 'heard' }
  /** It sent a reading of another time. */
  | { type: 'untimely' }
  /** A vehicle passed the gate the way that the camera sees. */
  | { type: 'passage' }
  | { type: 'tick' }

/** One or two can be bicycles, trailers or dirt. */
export const UNSEEN_MAX = 5

export const WATCH_START: WatchState = {
  shown: { status: 'stale', reason: 'not-heard' },
  heardAt_ms: undefined,
  unseen: 0,
}

export function watchStep(config: WatchConfig, state: WatchState, input: WatchInput, now_ms: number): WatchState {
  switch (input.type) {
    case 'heard':
      return { shown: { status: 'online' }, heardAt_ms: now_ms, unseen: 0 }
    case 'untimely':
      return { shown: { status: 'fault', reason: 'clock-differs' }, heardAt_ms: now_ms, unseen: 0 }
    case 'passage': {
      const unseen = Math.min(UNSEEN_MAX, state.unseen + 1)
      const isBlind = unseen === UNSEEN_MAX && state.shown.status === 'online'
      return { ...state, unseen, shown: isBlind ? { status: 'stale', reason: 'vehicles-unseen' } : state.shown }
    }
    case 'tick': {
      const isSilent = state.heardAt_ms !== undefined && now_ms - state.heardAt_ms >= config.silentAfter_ms
      return isSilent ? { ...state, shown: { status: 'stale', reason: 'silent' } } : state
    }
  }
}
