import { normal, type Stream, streamOf, uniform } from '../park/noise.ts'
import type { Park, ParkQuantity } from '../park/park.ts'

/** What a cheap sensor makes of the truth: late, a little wrong, noisy, and at times broken. */

export interface ProbeSpec {
  /** Deviation of single samples, in the unit of the quantity, and as a share of the value. */
  noise: number
  noise_share?: number
  /** Deviation of the constant error from unit to unit, and as a share of the value. */
  error: number
  error_share?: number
  /** Time constant of its response. */
  lag_s: number
  /** What it can tell; it stays at the ends. */
  min: number
  max: number
  /** Counts of so much each, from the unit's own zero on, instead of an amount. */
  counts?: number
}

/** Datasheet figures of the usual parts: Sensirion SHT20, Plantower PMS, Winsen NDIR, cup and vane, capacitive soil probes. */
export const PROBES: Record<ParkQuantity, ProbeSpec> = {
  temperature: { noise: 0.04, error: 0.2, lag_s: 90, min: -40, max: 80 },
  humidity: { noise: 0.15, error: 1.5, lag_s: 30, min: 0, max: 100 },
  pressure: { noise: 0.1, error: 0.8, lag_s: 1, min: 300, max: 1100 },
  'pm2.5': { noise: 1, noise_share: 0.03, error: 1, error_share: 0.07, lag_s: 20, min: 0, max: 1000 },
  pm10: { noise: 1.5, noise_share: 0.04, error: 1.5, error_share: 0.08, lag_s: 20, min: 0, max: 1000 },
  co2: { noise: 3, error: 15, lag_s: 60, min: 0, max: 5000 },
  noise: { noise: 0.3, error: 0.7, lag_s: 0.5, min: 30, max: 130 },
  illuminance: { noise: 1, noise_share: 0.005, error: 2, error_share: 0.05, lag_s: 0.5, min: 0, max: 200_000 },
  uv: { noise: 0.03, error: 0.1, error_share: 0.05, lag_s: 0.5, min: 0, max: 15 },
  'wind-speed': { noise: 0.05, error: 0.1, lag_s: 1, min: 0, max: 60 },
  'wind-direction': { noise: 1, error: 3, lag_s: 0, min: 0, max: 360 },
  rain: { noise: 0, error: 0, lag_s: 0, min: 0, max: 65_535, counts: 0.2 },
  'soil-moisture': { noise: 0.08, error: 1.2, lag_s: 30, min: 0, max: 100 },
  'soil-temperature': { noise: 0.03, error: 0.2, lag_s: 300, min: -40, max: 80 },
  'soil-ec': { noise: 1, error: 8, error_share: 0.03, lag_s: 30, min: 0, max: 20_000 },
  'water-level': { noise: 0.0008, error: 0.004, lag_s: 2, min: 0, max: 5 },
  people: { noise: 0, error: 0, lag_s: 0, min: 0, max: 4_294_967_295, counts: 1 },
}

export const FAULTS = ['stuck', 'drift', 'offset', 'spike', 'noisy', 'code', 'garbage'] as const
export type FaultKind = (typeof FAULTS)[number]

export interface Fault {
  how: FaultKind
  /** Drift: per hour; offset and spike: what is added; noisy: deviation; code: what is told instead, as a register. */
  size: number
  from_ms: number
  /** Spikes: how many samples are left. */
  samples: number
}

/** A number in the quantity's unit (counts, if it counts), or registers that say nothing about the world. */
export type Told = { value: number } | { raw: number }

const SAMPLE_MS = 1000
/** A vane does not turn in less wind. */
const VANE_M_S = 0.5

export interface ProbeOptions {
  id: string
  quantity: ParkQuantity
  spec: ProbeSpec
  park: Park
  seed: number
  /** Where its count stands at first. */
  first_count: number
}

export class Probe {
  readonly quantity: ParkQuantity
  readonly #options: ProbeOptions
  readonly #stream: Stream
  readonly #error: number
  #fault: Fault | undefined
  #felt: { at_ms: number; value: number } | undefined
  #sample: { index: number; told: Told } | undefined
  #zero: number | undefined
  #first_count: number

  constructor(options: ProbeOptions) {
    const { id, quantity, seed } = options
    this.quantity = quantity
    this.#options = options
    this.#first_count = options.first_count
    this.#stream = streamOf(seed, `${id} ${quantity}`)
    this.#error = normal(this.#stream, -1)
  }

  get fault(): FaultKind | undefined {
    return this.#fault?.how
  }

  /** A fault takes the place of another. @returns the one that it had */
  break(fault: Fault | undefined): FaultKind | undefined {
    const before = this.#fault?.how
    this.#fault = fault
    this.#sample = undefined
    return before
  }

  /** Its count begins anew. */
  restart(time_ms: number): void {
    this.#zero = this.truth(time_ms)
    this.#first_count = 0
    this.#sample = undefined
  }

  truth(time_ms: number): number {
    return this.#options.park.read(this.quantity, time_ms)
  }

  /** What it tells at a moment: one sample a second, however often it is asked. */
  read(time_ms: number): Told {
    const index = Math.floor(time_ms / SAMPLE_MS)
    if (this.#sample?.index === index) return this.#sample.told
    const healthy = this.#healthy(time_ms, index)
    const told = this.#broken(healthy, time_ms, index)
    if ('value' in told && this.#options.spec.counts === undefined) told.value = this.#within(told.value)
    this.#sample = { index, told }
    return told
  }

  #within(value: number): number {
    const { min, max } = this.#options.spec
    return Math.min(max, Math.max(min, value))
  }

  #healthy(time_ms: number, index: number): number {
    const { spec } = this.#options
    const truth = this.truth(time_ms)
    this.#zero ??= truth
    if (spec.counts !== undefined) return this.#first_count + Math.floor((truth - this.#zero) / spec.counts + 1e-9)
    if (this.quantity === 'wind-direction') return this.#vane(truth, time_ms, index)
    const felt = this.#follow(truth, time_ms)
    const error = this.#error * (spec.error + (spec.error_share ?? 0) * felt)
    const noise = normal(this.#stream, index) * (spec.noise + (spec.noise_share ?? 0) * felt)
    return felt + error + noise + this.#sunshine(time_ms)
  }

  /** A radiation shield of plastic errs by up to a degree or so in still sun; some hang better than others. */
  #sunshine(time_ms: number): number {
    if (this.quantity !== 'temperature') return 0
    const { park } = this.#options
    const shield_c = 0.2 + 1.2 * uniform(this.#stream, -4)
    return (shield_c * park.read('illuminance', time_ms)) / 100_000 / (1 + 0.3 * park.read('wind-speed', time_ms))
  }

  #follow(truth: number, time_ms: number): number {
    const { lag_s } = this.#options.spec
    const before = this.#felt
    const keep = before && lag_s > 0 ? Math.exp(-Math.max(0, time_ms - before.at_ms) / 1000 / lag_s) : 0
    const value = truth + ((before?.value ?? truth) - truth) * keep
    this.#felt = { at_ms: time_ms, value }
    return value
  }

  #vane(truth: number, time_ms: number, index: number): number {
    const blows = this.#options.park.read('wind-speed', time_ms) >= VANE_M_S
    if (blows || !this.#felt) this.#felt = { at_ms: time_ms, value: truth }
    const { noise, error } = this.#options.spec
    const value = this.#felt.value + this.#error * error + (blows ? normal(this.#stream, index) * noise : 0)
    return ((value % 360) + 360) % 360
  }

  #broken(healthy: number, time_ms: number, index: number): Told {
    const fault = this.#fault
    if (!fault || time_ms < fault.from_ms) return { value: healthy }
    switch (fault.how) {
      case 'stuck':
        return { value: fault.size }
      case 'drift':
        return { value: healthy + (fault.size * (time_ms - fault.from_ms)) / 3_600_000 }
      case 'offset':
        return { value: healthy + fault.size }
      case 'spike':
        fault.samples--
        return { value: fault.samples >= 0 ? healthy + fault.size : healthy }
      case 'noisy':
        return { value: healthy + fault.size * normal(this.#stream, -2 - index) }
      case 'code':
        return { raw: fault.size & 0xffff }
      case 'garbage':
        return { raw: Math.floor(uniform(this.#stream, -3 - index) * 0x1_0000) }
    }
  }
}
