/** An output of a park: a lamp, an irrigation valve, a fountain. */
export interface OutputConfig {
  /** `[a-z0-9-]{1,40}` */
  name: string
  /** It goes off by itself after so long, whatever was asked, ms. */
  on_max_ms: number
  /** It rests at least so long between two times on, ms; a pump cools down, soil drinks. */
  pause_min_ms: number
  /** Rain, or not knowing whether it rains, keeps it off: irrigation, not lamps. */
  rainLock: boolean
  /**
   * Without us the hardware itself goes off: a board, whose pins are inputs after a reset, or a relay module with its
   * communication watchdog set. Otherwise it may stay on until contact is back, and is shown so.
   */
  fallsOff: boolean
}

export interface OutputsConfig {
  /** At most 32, each name once. */
  outputs: readonly OutputConfig[]
}

/** Limits for installers who name none; a valve left open floods a park, a lamp does not. */
export const outputDefaults = {
  lamp: { on_max_ms: 14 * 3_600_000, pause_min_ms: 0, rainLock: false },
  valve: { on_max_ms: 30 * 60_000, pause_min_ms: 10 * 60_000, rainLock: true },
  fountain: { on_max_ms: 4 * 3_600_000, pause_min_ms: 5 * 60_000, rainLock: false },
} as const satisfies Record<string, Omit<OutputConfig, 'name' | 'fallsOff'>>
