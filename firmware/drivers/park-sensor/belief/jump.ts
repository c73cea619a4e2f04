import type { Moment } from '../../../moment.ts'
import { noiseAt, type Quantity, staleAfter_ms } from '../quantity.ts'
import { difference } from './circle.ts'

/**
 * Spikes and impossible rates. A sample that jumps is held back until the next one confirms it or not: so each has its
 * final verdict when it is told, and a spike is never taken for a change.
 *
 * Spike: the three-point test of real-time quality control (IOC Manuals and Guides 22 §2.1; US IOOS QARTOD, spike test): off
 * both neighbours, to the same side, by more than a limit. The limit is the quantity's, or a Hampel identifier's (F. R.
 * Hampel, JASA 69 (1974) 383) of the latest steps where the weather is livelier than that.
 * Rate: the time consistency check of WMO-No. 8: from the last trusted value the quantity cannot be there yet. A sensor that
 * has jumped to another level is doubted until it jumps back, or until hours have passed and the quantity itself could have
 * got there: a jump that stays may be the truth after all, as when somebody cleaned the sensor.
 */

export interface Sample {
  raw: number
  value: number
  at: Moment
}

export interface Jumps {
  /** The last sample that was no spike. */
  last: Sample | null
  /** The last good sample. */
  trusted: Sample | null
  held: Sample | null
  /** The level changed faster than it can: by how much, and until when that is doubted (monotonic). */
  race: { size: number; until_ms: number } | null
  /** Sizes of the latest steps between samples, newest last. */
  steps: number[]
}

export interface Weighed {
  sample: Sample
  reason: 'spike' | 'impossible-rate' | null
}

/** Steps that are remembered; odd, so that the median is one of them. */
const STEPS_MAX = 11
/** Normal deviates: σ is 1.4826 times the median of absolute deviations. */
const SIGMA_PER_MAD = 1.4826
/** Hampel's usual 3, twice: the steps are those of two samples, and a false spike costs a good reading. */
const HAMPEL_SIGMAS = 6
/** A jump that was not taken back for so long is believed. */
const RACE_MS = 6 * 3_600_000
/** A jump is gross from this many times what is possible on; a lesser one is believed as soon as it could have been made. */
const GROSS = 1.5
/** A jump back has at least this share of the jump. */
const BACK_SHARE = 0.5
/** Noise that a rate is allowed on top: both samples may be off by two σ and more. */
const RATE_SIGMAS = 4

export const noJumps: Jumps = { last: null, trusted: null, held: null, race: null, steps: [] }

/** @returns the verdicts in order of time: of the sample that was held, if any, and of this one unless it is held now */
export function weigh(quantity: Quantity, before: Jumps, sample: Sample): { jumps: Jumps; weighed: Weighed[] } {
  const weighed: Weighed[] = []
  let jumps = before
  const settle = (one: Sample, reason: Weighed['reason']) => {
    weighed.push({ sample: one, reason })
    jumps = settled(quantity, jumps, one, reason)
  }
  if (jumps.held !== null) settle(jumps.held, verdictOnHeld(quantity, jumps, jumps.held, sample))
  // Over a gap nothing is a neighbour; how fast it went still counts.
  if (jumps.last !== null && elapsed_ms(jumps.last, sample) > staleAfter_ms(quantity))
    jumps = { ...jumps, last: null, steps: [] }
  const tooFast = isTooFast(quantity, jumps.trusted, sample)
  if (jumps.race !== null) {
    const over =
      !tooFast && (isBack(quantity, jumps, jumps.race, sample) || sample.at.monotonic_ms >= jumps.race.until_ms)
    settle(sample, over ? null : 'impossible-rate')
    return { jumps, weighed }
  }
  const jumped = tooFast || isFar(quantity, jumps, jumps.last, sample)
  if (jumped) return { jumps: { ...jumps, held: sample }, weighed }
  settle(sample, null)
  return { jumps, weighed }
}

/** Nothing came to confirm the held sample: it stays a single value far from those before it. */
export function giveUpHeld(before: Jumps): { jumps: Jumps; weighed: Weighed[] } {
  if (before.held === null) return { jumps: before, weighed: [] }
  return { jumps: { ...before, held: null }, weighed: [{ sample: before.held, reason: 'spike' }] }
}

function settled(quantity: Quantity, jumps: Jumps, sample: Sample, reason: Weighed['reason']): Jumps {
  if (reason === 'spike') return { ...jumps, held: null }
  const step = jumps.last === null ? [] : [distance(quantity, jumps.last, sample)]
  const next = { ...jumps, last: sample, held: null, steps: [...jumps.steps, ...step].slice(-STEPS_MAX) }
  if (reason === null) return { ...next, trusted: sample, race: null }
  return { ...next, race: jumps.race ?? raceOf(quantity, jumps.trusted, sample) }
}

function raceOf(quantity: Quantity, trusted: Sample | null, sample: Sample): Jumps['race'] {
  const size = trusted === null ? 0 : difference(quantity.kind, trusted.value, sample.value)
  const gross = trusted !== null && Math.abs(size) > GROSS * possible(quantity, trusted, sample)
  return { size, until_ms: sample.at.monotonic_ms + (gross ? RACE_MS : 0) }
}

/** The level jumped once more, the other way; unseen, in a gap, when it is nearer to where it came from. */
function isBack(quantity: Quantity, { last, trusted }: Jumps, race: { size: number }, sample: Sample): boolean {
  if (last === null) return trusted !== null && distance(quantity, trusted, sample) < BACK_SHARE * Math.abs(race.size)
  const step = difference(quantity.kind, last.value, sample.value)
  return step * race.size < 0 && Math.abs(step) >= BACK_SHARE * Math.abs(race.size)
}

function verdictOnHeld(quantity: Quantity, jumps: Jumps, held: Sample, next: Sample): Weighed['reason'] {
  const before = jumps.last ?? jumps.trusted
  if (before !== null) {
    const up = difference(quantity.kind, before.value, held.value)
    const down = difference(quantity.kind, next.value, held.value)
    const limit = quantity.spike_min === undefined ? possible(quantity, before, held) : spikeLimit(quantity, jumps)
    if (up * down > 0 && Math.min(Math.abs(up), Math.abs(down)) > limit) return 'spike'
  }
  return isTooFast(quantity, jumps.trusted, held) ? 'impossible-rate' : null
}

function isFar(quantity: Quantity, jumps: Jumps, last: Sample | null, sample: Sample): boolean {
  if (quantity.spike_min === undefined || last === null) return false
  return distance(quantity, last, sample) > spikeLimit(quantity, jumps)
}

/** The limit of the quantity, more where its noise grows with the level or its latest steps were livelier. */
function spikeLimit(quantity: Quantity, { steps, last }: Jumps): number {
  const least = Math.max(
    quantity.spike_min ?? Number.POSITIVE_INFINITY,
    HAMPEL_SIGMAS * noiseAt(quantity, last?.value ?? 0),
  )
  if (steps.length < STEPS_MAX) return least
  const middle = steps.toSorted((a, b) => a - b)[(STEPS_MAX - 1) / 2] ?? 0
  return Math.max(least, HAMPEL_SIGMAS * SIGMA_PER_MAD * middle)
}

function isTooFast(quantity: Quantity, trusted: Sample | null, sample: Sample): boolean {
  if (quantity.rate_max === undefined || trusted === null) return false
  return distance(quantity, trusted, sample) > possible(quantity, trusted, sample)
}

/** How far the quantity can have moved between two samples, noise included. */
function possible(quantity: Quantity, from: Sample, to: Sample): number {
  const noise = RATE_SIGMAS * Math.max(noiseAt(quantity, from.value), noiseAt(quantity, to.value))
  return ((quantity.rate_max ?? 0) * elapsed_ms(from, to)) / 1000 + noise + quantity.resolution
}

function distance(quantity: Quantity, from: Sample, to: Sample): number {
  return Math.abs(difference(quantity.kind, from.value, to.value))
}

function elapsed_ms(from: Sample, to: Sample): number {
  return Math.max(0, to.at.monotonic_ms - from.at.monotonic_ms)
}
