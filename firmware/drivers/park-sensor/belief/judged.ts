import type { ReadingQuality, ReadingReason } from '../../../../hub/contract/park-sensor.ts'
import type { Moment } from '../../../moment.ts'

/** What became of one sample, or of the lack of one. Plain JSON: `null` where there is nothing. */
export interface Judged {
  at: Moment
  /** What the sensor said, uncalibrated. */
  raw: number | null
  /** Calibrated; of a counter the amount since the sample before. Never other than finite. */
  value: number | null
  quality: ReadingQuality
  reason: ReadingReason | null
  /** The fault code of the sensor, or the Modbus exception. */
  code: number | null
}

/** A check that rests on what is likely makes a reading suspect; one that rests on what is certain makes it bad. */
const QUALITY_OF: Record<ReadingReason, ReadingQuality> = {
  'out-of-range': 'bad',
  'impossible-rate': 'suspect',
  stuck: 'suspect',
  spike: 'suspect',
  drift: 'suspect',
  stale: 'bad',
  'sensor-fault': 'bad',
  'bus-error': 'bad',
  'missing-data': 'suspect',
}

export function qualityOf(reason: ReadingReason | null): ReadingQuality {
  return reason === null ? 'good' : QUALITY_OF[reason]
}

export function judge(
  at: Moment,
  what: { raw?: number | null; value?: number | null; code?: number | null },
  reason: ReadingReason | null,
): Judged {
  const { raw = null, value = null, code = null } = what
  return { at, raw, value, quality: qualityOf(reason), reason, code }
}
