import { ask } from './api.ts'

/** Readings of the past, as `/history` gives them. */

export interface Series {
  id: number
  path: string
  quantity: string
  unit: string
  kind: string
}
interface Point {
  t: string
  value?: number | null
  mean?: number | null
  min?: number | null
  max?: number | null
  sum?: number | null
}
export interface Answer {
  resolution: 'raw' | 'minute' | 'hour'
  points: Point[]
  series: Series
}

export interface Drawn {
  resolution: Answer['resolution']
  /** s since 1970. */
  times: number[]
  values: Array<number | null>
  low: Array<number | null>
  high: Array<number | null>
}

export async function history(series: Series, hours: number, points: number): Promise<Drawn> {
  const to_ms = Date.now()
  const query = new URLSearchParams({
    series: String(series.id),
    from: new Date(to_ms - hours * 3_600_000).toISOString(),
    to: new Date(to_ms).toISOString(),
    points: String(points),
  })
  return drawn(await ask<Answer>('GET', `/history?${query}`))
}

/** A stretch of which nothing is known stays empty: a line across it would be an invention. */
export function drawn({ resolution, points, series }: Answer): Drawn {
  const values = points.map((one) => (series.kind === 'counter' ? one.sum : undefined) ?? one.mean ?? one.value ?? null)
  return {
    resolution,
    times: points.map(({ t }) => Date.parse(t) / 1000),
    values,
    low: points.map(({ min }, index) => min ?? values[index] ?? null),
    high: points.map(({ max }, index) => max ?? values[index] ?? null),
  }
}
