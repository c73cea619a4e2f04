/** The few figures that the bench gives, over samples in any order. */

/** Nearest rank: the smallest sample that at least `percent` of all samples do not exceed; NaN when there are none. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = Float64Array.from(samples).sort()
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 50)
}
