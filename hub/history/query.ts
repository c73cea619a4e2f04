import { LinliError } from '../contract/errors.ts'
import { addressPath, parseTopic } from '../contract/topic.ts'
import { kindOf } from './rollup.ts'
import { parseInstant } from './site-time.ts'
import {
  BASE_MS,
  type Bucket,
  DAY_MS,
  type HistoryBackend,
  HOUR_MS,
  MINUTE_MS,
  type RawReading,
  type RollupBase,
  type Series,
  type SeriesKind,
} from './types.ts'

/** Questions about one series over a span: which resolution, how many points, and where there is nothing. */

export interface Question {
  series?: string
  device?: string
  quantity?: string
  unit?: string
  from?: string
  to?: string
  points?: string
  gap?: string
}

export type Point = Omit<Bucket, 't_ms'> & { t_ms: number; quality?: string; reason?: string | null }

export interface Answer {
  series: Series & { kind: SeriesKind }
  resolution: 'raw' | RollupBase
  /** Length of a bucket; 0 of raw readings. */
  step_ms: number
  from_ms: number
  to_ms: number
  /** A point without numbers begins a stretch of which nothing is known. */
  points: Point[]
}

/** Up to this span the readings themselves, up to the next one minutes, beyond it hours. */
const RAW_SPAN_MS = 2 * HOUR_MS
const MINUTE_SPAN_MS = 2 * DAY_MS
const SPAN_MS_MAX = 20 * 366 * DAY_MS
const POINTS = { usual: 1_000, most: 10_000 }
/** Quiet sensors report once an hour at least (firmware/drivers/park-sensor/well-known.ts): silence beyond that is a gap. */
const GAP_MS = HOUR_MS + 5 * MINUTE_MS

/** Rejects with HISTORY_QUERY (with the path of the field), HISTORY_SERIES_UNKNOWN or HISTORY_TOO_LARGE. */
export async function answer(backend: HistoryBackend, question: Question, now_ms: number): Promise<Answer> {
  const to_ms = question.to === undefined ? now_ms : parseInstant(question.to, '/to')
  const from_ms = question.from === undefined ? to_ms - DAY_MS : parseInstant(question.from, '/from')
  checkSpan(from_ms, to_ms)
  const points_max = wholeOf(question.points, '/points', POINTS.usual, 1, POINTS.most)
  const gap_ms = wholeOf(question.gap, '/gap', GAP_MS, 1, 366 * DAY_MS)
  const found = oneSeries(await backend.series(), question)
  const series = { ...found, kind: kindOf(found) }
  const span_ms = to_ms - from_ms
  const slice = { from_ms, to_ms, series: [found.id] }
  if (span_ms <= RAW_SPAN_MS) {
    const readings = await backend.raw(slice, null, points_max + 1)
    if (readings.length <= points_max) {
      const points = withGaps(readings.map(pointOf), from_ms, Math.min(to_ms, now_ms), gap_ms)
      return { series, resolution: 'raw', step_ms: 0, from_ms, to_ms, points }
    }
  }
  const base: RollupBase = span_ms <= MINUTE_SPAN_MS ? 'minute' : 'hour'
  const base_ms = BASE_MS[base]
  const step_ms = Math.max(1, Math.ceil(span_ms / points_max / base_ms)) * base_ms
  const first_ms = Math.floor(from_ms / base_ms) * base_ms
  const buckets = await backend.buckets(found.id, base, first_ms, to_ms, step_ms)
  const points = withGaps(buckets, first_ms, Math.min(to_ms, now_ms), Math.max(gap_ms, 2 * step_ms))
  return { series, resolution: base, step_ms, from_ms: first_ms, to_ms, points }
}

export function checkSpan(from_ms: number, to_ms: number): void {
  if (from_ms >= to_ms) throw queryError('/from', 'from is not before to')
  if (to_ms - from_ms > SPAN_MS_MAX) throw queryError('/from', 'the span is longer than 20 years')
}

/** Points that say nothing, where nothing was said for longer than `gap_ms`. */
function withGaps(points: Point[], from_ms: number, until_ms: number, gap_ms: number): Point[] {
  const all: Point[] = []
  let last_ms = from_ms
  for (const point of points) {
    if (point.t_ms - last_ms > gap_ms) all.push(nothing(all.length === 0 ? from_ms : last_ms + gap_ms))
    all.push(point)
    last_ms = point.t_ms
  }
  if (until_ms - last_ms > gap_ms) all.push(nothing(all.length === 0 ? from_ms : last_ms + gap_ms))
  return all
}

function nothing(t_ms: number): Point {
  return { t_ms, min: null, mean: null, max: null, count: 0, good: null }
}

/** What is not good shows as no number, with the reason. */
function pointOf({ t_ms, value, quality, reason }: RawReading): Point {
  const shown = quality === 'good' ? value : null
  const isGood = shown !== null
  return { t_ms, min: shown, mean: shown, max: shown, count: isGood ? 1 : 0, good: isGood ? 1 : 0, quality, reason }
}

/** The series of a question: by number, or by device and quantity. */
function oneSeries(all: Series[], { series, device, quantity, unit }: Question): Series {
  if (series !== undefined) {
    const found = all.find(({ id }) => String(id) === series)
    if (found) return found
    throw unknownSeries('/series', `there is no series ${series}; GET /history/series lists them`)
  }
  if (device === undefined) throw queryError('/device', 'give series, or device and quantity')
  if (quantity === undefined) throw queryError('/quantity', 'give series, or device and quantity')
  const among = all.filter((one) => isOf(one, device) && one.quantity === quantity && (unit ?? one.unit) === one.unit)
  const [first, second] = among
  if (!first)
    throw unknownSeries(
      '/device',
      `there are no readings of ${quantity} of ${device}; GET /history/series lists what there is`,
    )
  if (second)
    throw queryError(
      second.device === first.device ? '/unit' : '/device',
      `${device} ${quantity} may be ${second.device} ${second.unit} or ${first.device} ${first.unit}: say which`,
    )
  return first
}

/** `device` may be the whole path, its end (`gw-1/park-sensor/air-1`), gateway and device, or the device alone. */
export function isOf({ device: path }: Pick<Series, 'device'>, device: string): boolean {
  const parsed = parseTopic(`${path}/tele`)
  if (!parsed.ok) return path === device
  const { gateway, device: id } = parsed.value
  const whole = addressPath(parsed.value)
  return device === whole || whole.endsWith(`/${device}`) || device === `${gateway}/${id}`
}

function wholeOf(text: string | undefined, path: string, usual: number, least: number, most: number): number {
  if (text === undefined) return usual
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw queryError(path, `${path.slice(1)} is ${text}; give a whole number from ${least} to ${most}`)
  return value
}

export function queryError(path: string, message: string): LinliError {
  return new LinliError('HISTORY_QUERY', message, { kind: 'caller', path })
}

function unknownSeries(path: string, message: string): LinliError {
  return new LinliError('HISTORY_SERIES_UNKNOWN', message, { kind: 'caller', path })
}
