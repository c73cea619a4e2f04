import type { ReadingQuality } from '../../hub/contract/park-sensor.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'

/** A pack as people speak of it: what was measured, how much, and how far to believe it. */
export interface Reading {
  quantity: string
  /** Absent when there is no number. */
  value?: number
  unit: string
  quality: ReadingQuality
  reason?: string
  /** RFC 3339. */
  time: string
}

/** Below this a time is relative (RFC 8428 §4.5.3). */
const ABSOLUTE_S_MIN = 2 ** 28

/** The newest of each quantity; base fields hold until the next of their kind (RFC 8428 §4.1). */
export function readingsIn(pack: SenmlPack, said: string): Reading[] {
  const newest = new Map<string, Reading>()
  let base = { bn: '', bt: 0, bu: '' }
  for (const record of pack) {
    base = { bn: record.bn ?? base.bn, bt: record.bt ?? base.bt, bu: record.bu ?? base.bu }
    const value = record.v ?? (record.vb === undefined ? undefined : Number(record.vb))
    // A text without a quality is no reading.
    if (value === undefined && record.q === undefined) continue
    const quantity = /[^/:]*$/.exec(base.bn + (record.n ?? ''))?.[0] || 'value'
    const seconds = base.bt + (record.t ?? 0)
    const time = new Date(seconds < ABSOLUTE_S_MIN ? Date.parse(said) + seconds * 1000 : seconds * 1000).toISOString()
    const quality = value === undefined && (record.q ?? 'good') === 'good' ? 'bad' : (record.q ?? 'good')
    const known = newest.get(quantity)
    if (known && known.time > time) continue
    const more = { ...(value === undefined ? {} : { value }), ...(record.qr ? { reason: record.qr } : {}) }
    newest.set(quantity, { quantity, unit: record.u ?? base.bu, quality, time, ...more })
  }
  return [...newest.values()]
}
