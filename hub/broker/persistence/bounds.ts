import type { SessionLimits } from './limits.ts'
import type { Grade, Session } from './session.ts'

/**
 * How much may wait for subscribers, each and all together. Over it the oldest of the least urgent grade goes first:
 * telemetry, then states, then alarms. What is in flight stays.
 */
export interface Bounds {
  /** A queue that counts from now on. */
  add(holder: Holder): void
  remove(holder: Holder): void
  /** After a push. */
  check(holder: Holder): void
  /** Messages that went without having been delivered. */
  lost(holder: Holder, grade: Grade, count: number): void
  dropped(): Readonly<Record<Grade, number>>
  /** Of all queues. */
  bytes(): number
}

export interface Holder {
  readonly id: string
  readonly session: Session
  /** It cannot be told that it lost something but by the end of its connection. */
  overflow?: () => void
}

export interface BoundsLog {
  warn(details: object, message: string): void
}

/** After all together had too much, this share of it is left. */
const KEPT_SHARE = 0.9
/** Each session is told in the log at the first loss, then at every thousandth. */
const TOLD_EVERY = 1_000

export function createBounds(log: BoundsLog, limits: SessionLimits): Bounds {
  const holders = new Map<Holder, { bytes: number; lost: number }>()
  const dropped: Record<Grade, number> = { alarm: 0, state: 0, telemetry: 0 }
  let bytes = 0

  function measure(holder: Holder): void {
    const known = holders.get(holder)
    if (!known) return
    bytes += holder.session.bytes - known.bytes
    known.bytes = holder.session.bytes
  }

  function lost(holder: Holder, grade: Grade, count: number): void {
    if (count === 0) return
    dropped[grade] += count
    const known = holders.get(holder)
    if (!known) return
    const before = known.lost
    known.lost += count
    if (before === 0 || Math.floor(before / TOLD_EVERY) < Math.floor(known.lost / TOLD_EVERY))
      log.warn(
        { client: holder.id, grade, dropped: known.lost },
        'a session has too much waiting: its oldest messages are dropped',
      )
  }

  function shorten(holder: Holder, to_bytes: number): void {
    if (holder.overflow) {
      holder.overflow()
      return
    }
    while (holder.session.bytes > to_bytes) {
      const item = holder.session.dropOldest()
      if (!item) break
      lost(holder, item.grade, 1)
    }
    measure(holder)
  }

  function largest(): Holder | undefined {
    let found: Holder | undefined
    for (const holder of holders.keys()) if (!found || holder.session.bytes > found.session.bytes) found = holder
    return found
  }

  return {
    add(holder) {
      holders.set(holder, { bytes: 0, lost: 0 })
      measure(holder)
    },
    remove(holder) {
      bytes -= holders.get(holder)?.bytes ?? 0
      holders.delete(holder)
    },
    check(holder) {
      if (holder.session.bytes > limits.queue_bytes_max) shorten(holder, limits.queue_bytes_max)
      measure(holder)
      if (bytes <= limits.queue_bytes_all_max) return
      for (const one of holders.keys()) measure(one)
      // The largest gives what is over, but for once not more than half of what it has.
      for (let tries = holders.size; bytes > limits.queue_bytes_all_max * KEPT_SHARE && tries > 0; tries -= 1) {
        const most = largest()
        if (!most) break
        const over = bytes - limits.queue_bytes_all_max * KEPT_SHARE
        shorten(most, Math.max(most.session.bytes / 2, most.session.bytes - over))
        measure(most)
      }
    },
    lost,
    dropped: () => dropped,
    bytes() {
      for (const holder of holders.keys()) measure(holder)
      return bytes
    },
  }
}
