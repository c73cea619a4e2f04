/**
 * Decides when the flows process is started, asked for a sign of life, killed and started again. Pure: the shell
 * (`host.ts`) feeds it ticks and what the child did, and performs the effects.
 */

export interface SupervisorConfig {
  /** ms between pings. */
  ping_interval_ms: number
  /** This many pings without an answer, and one more interval, mean that the child hangs. */
  pings_missed_max: number
  /** ms a child may take until it is ready. */
  start_timeout_ms: number
  /** Resident memory above which the child is killed, bytes. */
  rss_bytes_max: number
  /** ms before the first restart; doubles with every failure in a row. */
  backoff_ms_min: number
  backoff_ms_max: number
  /** ms of running after which earlier failures are forgotten. */
  healthy_after_ms: number
  /** ms from the request to end until SIGKILL; SIGTERM comes at half of it. */
  close_timeout_ms: number
}

export const SUPERVISOR_DEFAULTS: SupervisorConfig = {
  ping_interval_ms: 2_000,
  pings_missed_max: 3,
  start_timeout_ms: 60_000,
  rss_bytes_max: 384 * 1024 * 1024,
  backoff_ms_min: 1_000,
  backoff_ms_max: 30_000,
  healthy_after_ms: 60_000,
  close_timeout_ms: 3_000,
}

/** Why a child was lost. `flood`: it sent more messages than a sane flow can. */
export const CAUSES = ['crash', 'hung', 'memory', 'flood', 'start-timeout', 'spawn-failed'] as const
export type Cause = (typeof CAUSES)[number]

/** `failures`: how many children were lost in a row. All times are ms of the monotonic clock. */
export type SupervisorState =
  | { is: 'idle' }
  | { is: 'starting'; since: number; failures: number }
  | { is: 'running'; since: number; failures: number; pinged_at: number; unanswered: number; ping: number }
  /** Killed; its exit is still to come, and no other child may start before it. */
  | { is: 'ending'; cause: Cause; failures: number; killed_at: number }
  | { is: 'waiting'; cause: Cause; failures: number; until: number }
  | { is: 'closing'; since: number; signalled: 'none' | 'SIGTERM' | 'SIGKILL' }
  | { is: 'closed' }

export type SupervisorInput =
  | { type: 'start' }
  | { type: 'ready' }
  | { type: 'pong' }
  | { type: 'rss'; bytes: number }
  | { type: 'flood' }
  | { type: 'exit' }
  | { type: 'spawn-failed' }
  | { type: 'tick' }
  | { type: 'close' }

export type SupervisorEffect =
  | { type: 'spawn' }
  | { type: 'ping'; n: number }
  /** The child is gone or about to go; reported once per child. */
  | { type: 'lost'; cause: Cause; failures: number }
  | { type: 'ask-to-end' }
  | { type: 'signal'; signal: 'SIGTERM' | 'SIGKILL' }
  | { type: 'closed' }

export interface SupervisorStep {
  state: SupervisorState
  effects: SupervisorEffect[]
}

const stay = (state: SupervisorState): SupervisorStep => ({ state, effects: [] })

export const initialSupervisor: SupervisorState = { is: 'idle' }

/** Whether a child process exists in this state. */
export function hasChild(state: SupervisorState): boolean {
  return state.is === 'starting' || state.is === 'running' || state.is === 'ending' || state.is === 'closing'
}

/** ms to wait after this many failures in a row (1 or more). */
export function backoff_ms(config: SupervisorConfig, failures: number): number {
  return Math.min(config.backoff_ms_max, config.backoff_ms_min * 2 ** Math.min(30, Math.max(0, failures - 1)))
}

export function stepSupervisor(
  config: SupervisorConfig,
  state: SupervisorState,
  input: SupervisorInput,
  now: number,
): SupervisorStep {
  switch (input.type) {
    case 'start':
      return state.is === 'idle' ? spawn(0, now) : stay(state)
    case 'ready':
      return state.is === 'starting'
        ? stay({ is: 'running', since: now, failures: state.failures, pinged_at: now, unanswered: 0, ping: 0 })
        : stay(state)
    case 'pong':
      return state.is === 'running' ? stay({ ...state, unanswered: 0 }) : stay(state)
    case 'rss':
      return input.bytes > config.rss_bytes_max ? kill(state, 'memory', now) : stay(state)
    case 'flood':
      return kill(state, 'flood', now)
    case 'spawn-failed':
    case 'exit':
      return gone(config, state, input.type === 'exit' ? 'crash' : 'spawn-failed', now)
    case 'tick':
      return tick(config, state, now)
    case 'close':
      return close(state, now)
  }
}

function spawn(failures: number, now: number): SupervisorStep {
  return { state: { is: 'starting', since: now, failures }, effects: [{ type: 'spawn' }] }
}

function kill(state: SupervisorState, cause: Cause, now: number): SupervisorStep {
  if (state.is !== 'starting' && state.is !== 'running') return stay(state)
  const failures = state.failures + 1
  return {
    state: { is: 'ending', cause, failures, killed_at: now },
    effects: [
      { type: 'lost', cause, failures },
      { type: 'signal', signal: 'SIGKILL' },
    ],
  }
}

function gone(config: SupervisorConfig, state: SupervisorState, cause: Cause, now: number): SupervisorStep {
  switch (state.is) {
    case 'starting':
    case 'running': {
      const failures = state.failures + 1
      const until = now + backoff_ms(config, failures)
      return { state: { is: 'waiting', cause, failures, until }, effects: [{ type: 'lost', cause, failures }] }
    }
    case 'ending':
      return stay({
        is: 'waiting',
        cause: state.cause,
        failures: state.failures,
        until: now + backoff_ms(config, state.failures),
      })
    case 'closing':
      return { state: { is: 'closed' }, effects: [{ type: 'closed' }] }
    default:
      return stay(state)
  }
}

function tick(config: SupervisorConfig, state: SupervisorState, now: number): SupervisorStep {
  switch (state.is) {
    case 'starting':
      return now - state.since >= config.start_timeout_ms ? kill(state, 'start-timeout', now) : stay(state)
    case 'running': {
      const failures = now - state.since >= config.healthy_after_ms ? 0 : state.failures
      if (now - state.pinged_at < config.ping_interval_ms) return stay({ ...state, failures })
      if (state.unanswered >= config.pings_missed_max) return kill({ ...state, failures }, 'hung', now)
      const ping = state.ping + 1
      return {
        state: { ...state, failures, pinged_at: now, unanswered: state.unanswered + 1, ping },
        effects: [{ type: 'ping', n: ping }],
      }
    }
    case 'ending':
      // A process in uninterruptible sleep outlives a SIGKILL for a while; say it again, but never start a second one.
      return now - state.killed_at >= config.close_timeout_ms
        ? { state: { ...state, killed_at: now }, effects: [{ type: 'signal', signal: 'SIGKILL' }] }
        : stay(state)
    case 'waiting':
      return now >= state.until ? spawn(state.failures, now) : stay(state)
    case 'closing':
      return tickClosing(config, state, now)
    default:
      return stay(state)
  }
}

function tickClosing(
  config: SupervisorConfig,
  state: SupervisorState & { is: 'closing' },
  now: number,
): SupervisorStep {
  const waited_ms = now - state.since
  if (waited_ms >= config.close_timeout_ms && state.signalled !== 'SIGKILL')
    return { state: { ...state, signalled: 'SIGKILL' }, effects: [{ type: 'signal', signal: 'SIGKILL' }] }
  if (waited_ms >= config.close_timeout_ms / 2 && state.signalled === 'none')
    return { state: { ...state, signalled: 'SIGTERM' }, effects: [{ type: 'signal', signal: 'SIGTERM' }] }
  return stay(state)
}

function close(state: SupervisorState, now: number): SupervisorStep {
  switch (state.is) {
    case 'starting':
    case 'running':
      return { state: { is: 'closing', since: now, signalled: 'none' }, effects: [{ type: 'ask-to-end' }] }
    case 'ending':
      return stay({ is: 'closing', since: now, signalled: 'SIGKILL' })
    case 'idle':
    case 'waiting':
      return { state: { is: 'closed' }, effects: [{ type: 'closed' }] }
    default:
      return stay(state)
  }
}
