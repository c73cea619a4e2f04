import { decodeJson } from '../../hub/contract/decode.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import type { Moment } from '../moment.ts'

/**
 * A Pi has no battery clock: what happened before the clock was set carries a time of 1970 or of the last shutdown, and the
 * mark `unsynced`. The monotonic clock ran true all the while, so once the wall clock is right the times of the same boot
 * can be worked out. Of an earlier boot nothing is known of how long the box was dark: its events stay as they are.
 */

export interface Boot {
  bootid: string
  /** The moment that `monotonicms` counts from. */
  startedAt: Moment
  /** Both clocks side by side, the wall clock being right. */
  synced: Moment
}

export interface Corrected {
  payload: Uint8Array
  /** When it happened, epoch ms. */
  time_ms: number
}

/** Found without parsing: nearly all that is ever sent needs no correction. */
const MARK = Buffer.from('"timequality":"unsynced"')
/** Below this a SenML time is relative to now (RFC 8428 §4.5.3): 2^28 seconds. A clock of 1970 is. */
const ABSOLUTE_S_MIN = 2 ** 28

/**
 * An event or telemetry of this boot that was dated by a clock not yet set, with its true time, and the old one as `clocktime`; its
 * mark `unsynced` stays. Undefined for everything else. The same payload always gives the same result.
 */
export function correctTime(payload: Uint8Array, boot: Boot): Corrected | undefined {
  if (!Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes(MARK)) return undefined
  const decoded = decodeJson(payload)
  if (!decoded.ok || !isUnsynced(decoded.value) || decoded.value.bootid !== boot.bootid) return undefined
  const event = decoded.value
  const happened_ms = boot.startedAt.monotonic_ms + Number(event.monotonicms)
  const time_ms = Math.round(boot.synced.wall_ms - (boot.synced.monotonic_ms - happened_ms))
  const said_ms = Date.parse(event.time)
  const value = {
    ...event,
    time: new Date(time_ms).toISOString(),
    clocktime: event.time,
    ...(Array.isArray(event.data) ? { data: shiftPack(event.data, said_ms, time_ms) } : {}),
  }
  return { payload: encodeJson(value), time_ms }
}

interface Unsynced {
  bootid: string
  monotonicms: string
  time: string
  data: unknown
}

function isUnsynced(value: unknown): value is Unsynced {
  if (typeof value !== 'object' || value === null || !('specversion' in value)) return false
  const { timequality, monotonicms, time } = value as Record<string, unknown>
  return (
    timequality === 'unsynced' && !('clocktime' in value) && typeof monotonicms === 'string' && typeof time === 'string'
  )
}

/**
 * Base times of a SenML pack moved with the event. A base time that reads as "relative to now", because the clock that gave it said
 * 1970, is moved all the same: our drivers never mean a relative one.
 */
function shiftPack(pack: readonly unknown[], said_ms: number, time_ms: number): unknown[] {
  const shift_ms = time_ms - said_ms
  let hasBase = false
  return pack.map((record) => {
    if (typeof record !== 'object' || record === null) return record
    const { bt, t } = record as { bt?: unknown; t?: unknown }
    if (typeof bt === 'number') {
      hasBase = true
      return { ...record, bt: shifted(bt, shift_ms) }
    }
    if (!hasBase && typeof t === 'number' && t >= ABSOLUTE_S_MIN) return { ...record, t: shifted(t, shift_ms) }
    return record
  })
}

function shifted(seconds: number, shift_ms: number): number {
  return Math.round(seconds * 1000 + shift_ms) / 1000
}
