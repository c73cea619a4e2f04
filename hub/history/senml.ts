import type { LinliEvent } from '../contract/event.ts'
import type { SenmlPack } from '../contract/senml.ts'
import { DAY_MS, type Reading } from './types.ts'

/** SenML packs resolved to readings (RFC 8428 §4.6). */

/** Below this a resolved time is relative to now (RFC 8428 §4.5.3): 2^28 seconds. */
const ABSOLUTE_S_MIN = 2 ** 28
/** A clock that is further ahead than this is wrong; time zones mistaken for UTC stay below. */
const AHEAD_MS_MAX = DAY_MS

interface Base {
  bn: string
  bt: number
  bu: string | undefined
  bv: number
}

/**
 * The readings of one pack, and how many have no place in the history. Of a clock that was never set (`unsynced`) the
 * hub's own time of arrival is taken in place of the pack's, which holds for a pack that came at once; one that was kept
 * back (`replayed`) cannot be placed. Records of text without a quality are no readings.
 * @param raw_ms readings older than this at their arrival are refused: what is no longer held raw cannot be recognised
 *   when it comes twice
 */
export function readingsOf(
  event: LinliEvent<SenmlPack>,
  device: string,
  arrived_ms: number,
  raw_ms: number,
): { readings: Reading[]; unplaced: number } {
  const said_ms = Date.parse(event.time)
  // With a `clocktime` its times were corrected before they were sent.
  const isUnset = event.timequality === 'unsynced' && event.clocktime === undefined
  const shift_ms = isUnset ? arrived_ms - said_ms : 0
  const readings: Reading[] = []
  let unplaced = 0
  let base: Base = { bn: '', bt: 0, bu: undefined, bv: 0 }
  for (const record of event.data) {
    base = nextBase(base, record)
    const value = readValue(record, base)
    if (value === undefined) continue
    const seconds = base.bt + (record.t ?? 0)
    const t_ms = Math.round((seconds < ABSOLUTE_S_MIN ? said_ms + seconds * 1000 : seconds * 1000) + shift_ms)
    const isPlaced = t_ms <= arrived_ms + AHEAD_MS_MAX && t_ms >= arrived_ms - raw_ms
    if (!isPlaced || (isUnset && event.replayed === true)) {
      unplaced += 1
      continue
    }
    const quantity = quantityOf(base.bn + (record.n ?? ''))
    const quality = record.q ?? 'good'
    // A reading that claims to be good and has no number is not.
    readings.push({
      device,
      quantity,
      unit: record.u ?? base.bu ?? '',
      t_ms,
      value,
      quality: value === null && quality === 'good' ? 'bad' : quality,
      reason: record.qr ?? null,
    })
  }
  return { readings, unplaced }
}

/** Base fields hold until the next of their kind (RFC 8428 §4.1); `bv` is no field of our schema, but one of the RFC's. */
function nextBase(base: Base, record: SenmlPack[number]): Base {
  const bv = (record as { bv?: unknown }).bv
  return {
    bn: record.bn ?? base.bn,
    bt: record.bt ?? base.bt,
    bu: record.bu ?? base.bu,
    bv: typeof bv === 'number' ? bv : base.bv,
  }
}

/** Undefined: not a reading. */
function readValue(record: SenmlPack[number], base: Base): number | null | undefined {
  if (record.v !== undefined) return Number.isFinite(record.v + base.bv) ? record.v + base.bv : null
  if (record.vb !== undefined) return record.vb ? 1 : 0
  return record.q === undefined ? undefined : null
}

/** What the name says beyond the device: the last part of a URN or a path. */
function quantityOf(name: string): string {
  return /[^/:]*$/.exec(name)?.[0] || 'value'
}
