/** What sessions and subscribers may take. Bytes are payload, topic and `ITEM_BYTES` for each message that waits. */
export interface SessionLimits {
  /** Persistent sessions, connected or not. */
  sessions_max: number
  /** Messages that wait for one session, in flight or not. */
  queue_bytes_max: number
  /** The same for all sessions together. */
  queue_bytes_all_max: number
  /** QoS 1 and 2 messages sent to one client and not acknowledged. */
  inflight_max: number
  /** A subscriber whose socket takes nothing for this long is disconnected. */
  stall_ms_max: number
  /** A session whose client stays away for this long is deleted. */
  expiry_ms: number
  /** An acknowledgement is on disk after this long at the latest: what a crash may send again. */
  progress_ms: number
  /** Entries of a lane that a session may hold back: older ones are dropped. */
  span_entries_max: number
}

/**
 * Memory of one waiting message beside its bytes. Measured on Node 26 with 100,000 of them: 120 B where several sessions wait for
 * the same message, 355 B where it is one's own (its Buffer and its topic included). Between the two.
 */
export const ITEM_BYTES = 200
/** Telemetry that sessions can hold back on disk: the lane's own bound, because it is evicted there. */
export const TELEMETRY_ENTRIES_MAX = 200_000

export const SESSION_LIMITS: SessionLimits = {
  sessions_max: 200,
  queue_bytes_max: 16 * 1024 * 1024,
  queue_bytes_all_max: 64 * 1024 * 1024,
  // As many as the upstream forwarder has under way: hides 100 ms of latency at 2,000 messages a second.
  inflight_max: 200,
  stall_ms_max: 10_000,
  expiry_ms: 7 * 24 * 60 * 60_000,
  progress_ms: 200,
  span_entries_max: 200_000,
}
