/** From an event, as the hub accepted it, to the command a flow sends because of it. */
export interface LatencyCounts {
  count: number
  sum_ms: number
  max_ms: number
}

export interface Latency {
  /** @param now ms of the monotonic clock */
  event(id: string, now: number): void
  command(event_id: string, now: number): void
  readonly counts: Readonly<LatencyCounts>
}

/** Events remembered; a flow that answers later than that is not measured. */
const EVENTS_MAX = 500

export function createLatency(onLatency: ((latency_ms: number) => void) | undefined): Latency {
  const accepted = new Map<string, number>()
  const counts = { count: 0, sum_ms: 0, max_ms: 0 }
  return {
    counts,
    event(id, now) {
      accepted.set(id, now)
      if (accepted.size > EVENTS_MAX) accepted.delete(accepted.keys().next().value as string)
    },
    command(event_id, now) {
      const since = accepted.get(event_id)
      if (since === undefined) return
      const latency_ms = now - since
      counts.count += 1
      counts.sum_ms += latency_ms
      counts.max_ms = Math.max(counts.max_ms, latency_ms)
      onLatency?.(latency_ms)
    },
  }
}
