/**
 * When watchdogs may be fed. A proof is an entry that has gone the way of alarms. As long as there was none since the start
 * they get the benefit of the doubt, all but the hardware's: what a restart does not mend must not restart the box for ever.
 */

export interface LifelineConfig {
  /** Without a proof for this long one is asked for. */
  test_ms: number
  /** Without a proof for this long the way counts as lost. */
  lost_ms: number
}

export type LifelineStatus = 'unproven' | 'proven' | 'lost'

export interface LifelineState {
  status: LifelineStatus
  /** Of the last proof, or of the start. */
  proof_ms: number
  /** When a proof was last asked for. */
  asked_ms: number
  looked_ms: number
}

export type LifelineInput = { type: 'proof' } | { type: 'tick' }

export type LifelineEffect =
  /** The hardware's watchdog too only when the way has been proven. */
  { type: 'feed'; hardware: boolean } | { type: 'test' } | { type: 'status'; status: LifelineStatus }

interface Step {
  state: LifelineState
  effects: LifelineEffect[]
}

export function createLifelineState(now_ms: number): LifelineState {
  return { status: 'unproven', proof_ms: now_ms, asked_ms: now_ms, looked_ms: now_ms }
}

export function step(config: LifelineConfig, state: LifelineState, input: LifelineInput, now_ms: number): Step {
  if (input.type === 'proof') {
    const next = { ...state, status: 'proven', proof_ms: now_ms } as const
    return { state: next, effects: state.status === 'proven' ? [] : [{ type: 'status', status: 'proven' }] }
  }
  // In the time in which this process did not run nothing could be proven.
  const slept_ms = Math.max(0, now_ms - state.looked_ms - config.test_ms)
  const proof_ms = state.proof_ms + slept_ms
  const isLost = state.status !== 'unproven' && now_ms - proof_ms >= config.lost_ms
  const status = isLost ? 'lost' : state.status
  const isDue = now_ms - Math.max(proof_ms, state.asked_ms) >= config.test_ms
  const effects: LifelineEffect[] = []
  if (status !== state.status) effects.push({ type: 'status', status })
  if (isDue) effects.push({ type: 'test' })
  if (!isLost) effects.push({ type: 'feed', hardware: status === 'proven' })
  return { state: { status, proof_ms, asked_ms: isDue ? now_ms : state.asked_ms, looked_ms: now_ms }, effects }
}
