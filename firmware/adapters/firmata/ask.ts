import type { Firmata } from 'firmata-io'
import { LinliError } from '../../../hub/contract/errors.ts'

export interface Query {
  /** The event of firmata-io that brings the answer. */
  event: string
  /** For people: what was asked. */
  what: string
  send: (done: () => void) => void
}

/**
 * Sends a query and waits for its answer; with `retry_ms` it asks again that often. Whatever happens, no listener stays
 * behind: the Firmata object lives as long as the process.
 * @throws {LinliError} BOARD_SILENT after `timeout_ms`, or the reason of `signal`
 */
export function ask(
  io: Firmata,
  query: Query,
  limits: { timeout_ms: number; retry_ms?: number; signal: AbortSignal },
): Promise<void> {
  const { signal, timeout_ms, retry_ms } = limits
  return new Promise<void>((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timeout)
      clearInterval(retry)
      io.removeListener(query.event, answered)
      signal.removeEventListener('abort', aborted)
      finish()
    }
    const answered = () => settle(resolve)
    const aborted = () => settle(() => reject(signal.reason))
    const silent = () =>
      settle(() =>
        reject(
          new LinliError('BOARD_SILENT', `no answer to the ${query.what} query within ${timeout_ms} ms`, {
            kind: 'fault',
          }),
        ),
      )
    const timeout = setTimeout(silent, timeout_ms)
    const retry = retry_ms === undefined ? undefined : setInterval(() => tell(io, query), retry_ms)
    if (signal.aborted) return aborted()
    signal.addEventListener('abort', aborted)
    io.once(query.event, answered)
    tell(io, query)
  })
}

/** Sends a query without waiting: whoever listens for its event gets the answer. */
export function tell(io: Firmata, query: Query): void {
  const ignore = () => {}
  query.send(ignore)
  // The library adds a listener per query, which would stay for ever if no answer came.
  io.removeListener(query.event, ignore)
}
