/** What a caller did wrong: a bad configuration, a bad scenario, an unknown device. */
export type SimErrorCode = 'SIM_CONFIG_INVALID' | 'SIM_STEP_INVALID' | 'SIM_TARGET_UNKNOWN' | 'SIM_PORT_UNAVAILABLE'

/** Every error the simulator raises on purpose. The message is one line a person can act on. */
export class SimError extends Error {
  readonly code: SimErrorCode

  constructor(code: SimErrorCode, message: string) {
    super(message)
    this.name = 'SimError'
    this.code = code
  }
}
