import type { ReadingQuality, ReadingReason } from '../../../../hub/contract/park-sensor.ts'
import type { Moment } from '../../../moment.ts'
import type { Quantity } from '../quantity.ts'
import { difference } from './circle.ts'

/** Which readings are told, and which are no news. */

export interface Reading {
  name: string
  unit: string
  at: Moment
  /** Absent when there is no number. */
  value?: number
  /** Uncalibrated, of single samples: what the points of a calibration are made of. */
  raw?: number
  quality: ReadingQuality
  reason?: ReadingReason
  /** Of summaries: share of the samples due that were good. */
  share?: number
}

/** What was told last. */
export interface Told {
  value: number | null
  quality: ReadingQuality
  reason: ReadingReason | null
  at_ms: number
}

/** A reading that may be told. */
export interface Candidate {
  value: number | null
  quality: ReadingQuality
  reason: ReadingReason | null
  at_ms: number
}

/** 0.2 is a move of 0.2, whatever is left of it in binary. */
const ALMOST = 1 - 1e-9

/** A change of quality, a move by the deadband, or the heartbeat. */
export function isNews({ kind, report }: Quantity, told: Told | null, one: Candidate): boolean {
  if (told === null || told.quality !== one.quality || told.reason !== one.reason) return true
  if (one.at_ms - told.at_ms >= report.heartbeat_ms) return true
  if (one.value === null || told.value === null) return one.value !== told.value
  // An amount is news by itself, whatever the one before was.
  if (report.summary === 'sum') return one.value > report.deadband
  return one.value !== told.value && Math.abs(difference(kind, told.value, one.value)) >= report.deadband * ALMOST
}

/** Worth going along when the device tells something anyway, so that its heartbeats fall together. */
export function mayGoAlong({ report }: Quantity, told: Told | null, one: Candidate): boolean {
  return told === null || one.at_ms - told.at_ms >= report.heartbeat_ms / 2
}
