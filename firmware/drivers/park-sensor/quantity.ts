/**
 * What has to be known of a quantity to read it, to judge its readings and to report them. A profile gives it, or takes it
 * from `well-known.ts` and changes what its sensor does otherwise. All values are in `unit`, after calibration, unless said.
 */

/** `direction` is circular, in degrees. `counter` only ever counts up, until it wraps or begins anew. */
export type QuantityKind = 'gauge' | 'counter' | 'direction'

export interface Span {
  min: number
  max: number
}

/**
 * What is reported of the samples. `last`: each sample that moved. Over an interval: `mean`; `mean-max`, with the greatest
 * sample as `<name>.max` (gusts); `energy`, the level of the mean power of levels in dB (Leq, ISO 1996-1); `vector`, the
 * direction of the sum of arrows; `sum`, what a counter counted.
 */
export type Summary = 'last' | 'mean' | 'mean-max' | 'energy' | 'vector' | 'sum'

export interface Quantity {
  /** Unique in its device, as the contract wants it: `[a-z][a-z0-9.-]{0,39}`. */
  name: string
  /** A SenML unit (RFC 8428 §12.1, RFC 8798). */
  unit: string
  kind: QuantityKind
  /** What the sensor can measure; outside it cannot be true. Of a counter: of the raw count. */
  range: Span
  /** The smallest step between two readings. */
  resolution: number
  /** Standard deviation of readings of something that stands still. */
  noise: number
  /** The same as a share of the reading, where that is more. */
  noiseShare?: number
  /** Faster than this per second, sustained from one sample to the next, is impossible. Absent: any speed is possible. */
  rate_max?: number
  /**
   * One sample at least this far from both of its neighbours, to the same side, is a spike. Absent: such samples are natural.
   * Of a counter: more than this from one sample to the next has to be confirmed by another.
   */
  spike_min?: number
  /** Absent: it may stand still for ever. */
  stuck?: Stuck
  /** Absent: its neighbours say nothing about it, because the place decides (noise, shade, soil). */
  drift?: Drift
  /** Only of a `counter`. */
  counter?: { bits: 16 | 32 /** `unit` per count */; step: number }
  /** How often it is read, ms. */
  poll_ms: number
  /** No news for so long: nothing is known any more, ms. Default `STALE_POLLS` polls. */
  stale_ms?: number
  report: Reporting
}

export interface Stuck {
  /** Not moved by more than `band` for so long, ms. */
  after_ms: number
  /** Default half of the resolution: only exactly equal readings stand still. */
  band?: number
  /** Where standing still is natural: darkness, no wind, saturated air, a saturated sensor. */
  natural?: Span[]
  /** What is natural there comes to all sensors of a park at once: not if the median of the neighbours is elsewhere. */
  together?: boolean
  /** Standing still is natural while another quantity of the device is below this, or not good: a vane without wind. */
  unless?: { quantity: string; below: number }
}

export interface Drift {
  /** Further than this from the median of the neighbours in the long run is drift. */
  limit: number
  /** The same as a share of that median, where that is more. */
  limitShare?: number
}

export interface Reporting {
  summary: Summary
  /** Length of the interval of every summary but `last`, ms. */
  interval_ms?: number
  /** Smaller changes are not told before the heartbeat. */
  deadband: number
  /** At least one report in so long, ms. */
  heartbeat_ms: number
  /** Of `vector`: the quantity that gives the arrows their length. */
  weight?: string
}

/** So many polls without news make a quantity stale: two lost polls are a busy bus, three are silence. */
export const STALE_POLLS = 3

export function staleAfter_ms(quantity: Quantity): number {
  return quantity.stale_ms ?? STALE_POLLS * quantity.poll_ms
}

export function noiseAt(quantity: Quantity, value: number): number {
  return Math.max(quantity.noise, (quantity.noiseShare ?? 0) * Math.abs(value))
}

export function intervalOf_ms(quantity: Quantity): number {
  return quantity.report.interval_ms ?? quantity.report.heartbeat_ms
}
