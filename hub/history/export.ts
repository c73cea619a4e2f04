import { LinliError } from '../contract/errors.ts'
import { parseTopic } from '../contract/topic.ts'
import { checkSpan, isOf, queryError } from './query.ts'
import { parseInstant, siteTime } from './site-time.ts'
import type { HistoryBackend, RawReading, Series, Slice } from './types.ts'

/** Raw readings as CSV (RFC 4180), page by page, so that a month needs no more memory than an hour. */

export interface ExportQuestion {
  from?: string
  to?: string
  device?: string
  quantity?: string
}

export interface Export {
  /** Lines behind the heading. */
  rows: number
  lines: AsyncGenerator<string>
}

const ROWS_MAX = 20_000_000
const ROWS_AT_ONCE = 2_000
const HEADING = 'time,gateway,class,device,quantity,unit,value,quality,reason'

/** Rejects with HISTORY_QUERY, HISTORY_SERIES_UNKNOWN or HISTORY_TOO_LARGE. */
export async function exportCsv(backend: HistoryBackend, question: ExportQuestion, now_ms: number): Promise<Export> {
  if (question.from === undefined)
    throw queryError('/from', 'from is missing; give a time like 2026-11-23T08:00:00+08:00, or a day')
  const from_ms = parseInstant(question.from, '/from')
  // What is still to come would make the count untrue.
  const to_ms = question.to === undefined ? now_ms : parseInstant(question.to, '/to')
  checkSpan(from_ms, to_ms)
  const { device, quantity } = question
  const all = await backend.series()
  const chosen = all.filter(
    (one) => (device === undefined || isOf(one, device)) && (quantity ?? one.quantity) === one.quantity,
  )
  if (chosen.length === 0 && (device ?? quantity) !== undefined) {
    const path = device === undefined ? '/quantity' : '/device'
    const message = `there are no readings of ${[device, quantity].filter(Boolean).join(' ')}; GET /history/series lists what there is`
    throw new LinliError('HISTORY_SERIES_UNKNOWN', message, { kind: 'caller', path })
  }
  const slice: Slice = {
    from_ms,
    to_ms,
    ...(chosen.length === all.length ? {} : { series: chosen.map(({ id }) => id) }),
  }
  const rows = await backend.count(slice)
  if (rows > ROWS_MAX) {
    const message = `${rows} rows are more than the ${ROWS_MAX} of one file; ask for a shorter span or one device`
    throw new LinliError('HISTORY_TOO_LARGE', message, { kind: 'caller', path: '/from' })
  }
  return { rows, lines: csv(backend, slice, rows) }
}

/** Never more rows than were counted: late readings that come meanwhile are in the next file. */
async function* csv(backend: HistoryBackend, slice: Slice, rows: number): AsyncGenerator<string> {
  const prefixes = new Map((await backend.series()).map((one) => [one.id, prefixOf(one)]))
  yield `${HEADING}\r\n`
  let left = rows
  let after: { t_ms: number; series: number } | null = null
  while (left > 0) {
    const page: RawReading[] = await backend.raw(slice, after, Math.min(left, ROWS_AT_ONCE))
    const last = page.at(-1)
    if (!last) return
    after = { t_ms: last.t_ms, series: last.series }
    left -= page.length
    yield page
      .map(
        ({ t_ms, series, value, quality, reason }) =>
          `${siteTime(t_ms)},${prefixes.get(series) ?? ',,,,'},${value ?? ''},${quality},${reason ?? ''}\r\n`,
      )
      .join('')
  }
}

function prefixOf({ device, quantity, unit }: Series): string {
  const parsed = parseTopic(`${device}/tele`)
  const { gateway, class: kind, device: id } = parsed.ok ? parsed.value : { gateway: '', class: '', device: device }
  return [gateway, kind, id, quantity, unit].map(csvField).join(',')
}

/** Quoted where RFC 4180 wants it; a leading sign that a spreadsheet would take for a formula gets an apostrophe. */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
