import type { Severity } from '../../../../hub/contract/event.ts'
import type { Quantity } from '../quantity.ts'

/** What one park sensor measures, and what of it has to be told to somebody. */
export interface BeliefConfig {
  /** Name of the profile, for the public state. */
  profile: string
  /** At most 64, each name once. */
  quantities: readonly Quantity[]
  /** At most 64, each name once per quantity. */
  thresholds: readonly Threshold[]
}

/**
 * A limit that somebody wants to know of. What counts is what is reported: samples, or the summaries of intervals, and of
 * them only good ones: a lone spike or lost reply neither raises nor ends anything. Once the quantity as such is not good,
 * what was pending is forgotten, and what was raised is cleared without a value: nothing is known any more.
 */
export interface Threshold {
  /** `[a-z0-9-]{1,40}` */
  name: string
  quantity: string
  limit: number
  side: 'above' | 'below'
  /** How far back from the limit it has to come before it is over; ≥ 0, in the unit of the quantity. */
  hysteresis: number
  /** How long it has to last before it is raised, ms. */
  for_ms: number
  severity: Severity
}
