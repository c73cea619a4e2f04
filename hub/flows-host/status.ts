import type { FallBack } from './hub-port.ts'
import type { ReadyMessage } from './run.ts'
import { backoff_ms, type SupervisorConfig, type SupervisorState } from './supervisor.ts'

/** `gave-up-for-now`: it failed so often in a row that it is only tried once per longest backoff. */
export interface FlowsStatus {
  status: 'stopped' | 'starting' | 'running' | 'restarting' | 'gave-up-for-now' | 'closing'
  pid?: number
  /** Whether the flows themselves run; a flow with an unknown node keeps all of them stopped. */
  flows?: 'started' | 'stopped'
  /** Why they are stopped. */
  reason?: string
  /** A deploy was left for an earlier version, and no later one is good yet. */
  fell_back?: FallBack
  /** ms from the start of the process until flows ran. */
  boot_ms?: number
  /** Why the last child was lost. */
  last_cause?: string
  rss_bytes?: number
}

export interface StatusDetails {
  pid?: number | undefined
  ready?: ReadyMessage | undefined
  last_cause?: string | undefined
  fell_back?: FallBack | undefined
}

export function statusOf(config: SupervisorConfig, state: SupervisorState, details: StatusDetails): FlowsStatus {
  const { pid, ready, last_cause, fell_back } = details
  const last = { ...(last_cause === undefined ? {} : { last_cause }), ...(fell_back ? { fell_back } : {}) }
  const process = pid === undefined ? {} : { pid }
  switch (state.is) {
    case 'idle':
    case 'closed':
      return { status: 'stopped', ...last }
    case 'starting':
      return { status: 'starting', ...process, ...last }
    case 'running':
      return {
        status: 'running',
        ...process,
        ...last,
        ...(ready ? { flows: ready.flows, boot_ms: ready.boot_ms } : {}),
        ...(ready?.reason === undefined ? {} : { reason: ready.reason }),
      }
    case 'ending':
      return { status: 'restarting', ...process, ...last }
    case 'waiting': {
      const longest = backoff_ms(config, state.failures) >= config.backoff_ms_max
      return { status: longest ? 'gave-up-for-now' : 'restarting', ...last }
    }
    case 'closing':
      return { status: 'closing', ...process, ...last }
  }
}
