/**
 * Means of concentrations by the rules of GB 3095-2012, table 4: an hour needs 45 minutes of readings, 8 hours need 6 hourly
 * means, a day needs 20; and of HJ 663-2013: the greatest 8 h mean of a day needs 14 of those that end at 8:00 … 24:00.
 * The rules are of fixed stations; here they are applied to sliding windows too. Pure.
 */

export interface Sample {
  t_ms: number
  /** Undefined: not good. */
  value: number | undefined
}

const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
const COVERED_MS_MIN = 45 * MINUTE_MS
const HOURS_OF_8_MIN = 6
const HOURS_OF_DAY_MIN = 20
const EIGHTS_OF_DAY_MIN = 14

/**
 * A sensor that reports changes says nothing while nothing changes, so that a good reading holds until the next one of any
 * quality. Particle sensors report every 15 minutes at least (firmware/drivers/park-sensor/well-known.ts); five more are for
 * the way.
 */
export const HOLD_MS = 20 * MINUTE_MS

/** The mean over an hour, each reading for as long as it held; undefined when less than 45 minutes were covered. */
export function hourMean(samples: readonly Sample[], from_ms: number): number | undefined {
  const to_ms = from_ms + HOUR_MS
  let covered_ms = 0
  let area = 0
  samples.forEach(({ t_ms, value }, index) => {
    if (value === undefined) return
    const begin_ms = Math.max(t_ms, from_ms)
    const end_ms = Math.min(t_ms + HOLD_MS, samples[index + 1]?.t_ms ?? Number.POSITIVE_INFINITY, to_ms)
    if (end_ms <= begin_ms) return
    covered_ms += end_ms - begin_ms
    area += value * (end_ms - begin_ms)
  })
  return covered_ms >= COVERED_MS_MIN ? area / covered_ms : undefined
}

/** @param samples sorted by time; @param to_ms end of the last of `count` hours; the oldest comes first */
export function hourMeans(samples: readonly Sample[], to_ms: number, count: number): (number | undefined)[] {
  return Array.from({ length: count }, (_, index) => {
    const from_ms = to_ms - (count - index) * HOUR_MS
    const first = samples.findIndex(({ t_ms }) => t_ms + HOLD_MS > from_ms)
    if (first === -1) return undefined
    const after = samples.findIndex(({ t_ms }) => t_ms >= from_ms + HOUR_MS)
    return hourMean(samples.slice(first, after === -1 ? undefined : after), from_ms)
  })
}

export function mean8h(hours: readonly (number | undefined)[]): number | undefined {
  return meanOf(hours, HOURS_OF_8_MIN)
}

export function mean24h(hours: readonly (number | undefined)[]): number | undefined {
  return meanOf(hours, HOURS_OF_DAY_MIN)
}

/** The greatest of the 8 h means that end at 8:00 … 24:00. @param hours the 24 of a calendar day, from 0:00 */
export function greatest8h(hours: readonly (number | undefined)[]): number | undefined {
  const eights: number[] = []
  for (let end = 8; end <= 24; end++) {
    const mean = mean8h(hours.slice(end - 8, end))
    if (mean !== undefined) eights.push(mean)
  }
  return eights.length >= EIGHTS_OF_DAY_MIN ? Math.max(...eights) : undefined
}

function meanOf(hours: readonly (number | undefined)[], least: number): number | undefined {
  const good = hours.filter((value) => value !== undefined)
  return good.length >= least ? good.reduce((sum, value) => sum + value, 0) / good.length : undefined
}

/** The middle one of several sensors in one place; of two their mean. */
export function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2
}
