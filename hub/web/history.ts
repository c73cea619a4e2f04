import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Place } from '../contract/meta.ts'
import { parseTopic } from '../contract/topic.ts'
import { type ExportQuestion, exportCsv } from '../history/export.ts'
import type { History } from '../history/history.ts'
import { answer, isOf, type Question } from '../history/query.ts'
import { kindOf } from '../history/rollup.ts'
import { siteTime } from '../history/site-time.ts'
import type { Series } from '../history/types.ts'
import { requires } from './guard.ts'

/** The history over HTTP. What has come to the journal by then is in the answer. */
export interface HistoryRoutes {
  history: History
  /** Where a device hangs, by its path. */
  placeOf: (device: string) => Place | undefined
  now_ms: () => number
}

/** Rows of a CSV file: told before its first byte, so that whoever saves it can show how far it is. */
export const ROWS_HEADER = 'linli-rows'

interface SeriesQuestion {
  place?: string
  device?: string
  quantity?: string
}

export function addHistoryRoutes(app: FastifyInstance, { history, placeOf, now_ms }: HistoryRoutes): void {
  const { backend } = history
  const options = { config: requires('viewer', { orOnThisBox: true }) }

  app.get(
    '/history/series',
    options,
    answered(async (request) => {
      await history.flush()
      const { place, device, quantity } = fieldsOf(request, ['place', 'device', 'quantity']) as SeriesQuestion
      const series = (await backend.series())
        .filter((one) => (device === undefined || isOf(one, device)) && (quantity ?? one.quantity) === one.quantity)
        .map((one) => ({ ...shown(one), place: placeOf(one.device) }))
        .filter((one) => place === undefined || Object.values(one.place ?? {}).includes(place))
      return { series }
    }),
  )

  app.get(
    '/history',
    options,
    answered(async (request) => {
      const fields = ['series', 'device', 'quantity', 'unit', 'from', 'to', 'points', 'gap']
      const question = fieldsOf(request, fields) as Question
      await history.flush()
      const found = await answer(backend, question, now_ms())
      return {
        series: shown(found.series),
        resolution: found.resolution,
        step_ms: found.step_ms,
        from: siteTime(found.from_ms),
        to: siteTime(found.to_ms),
        points: found.points.map(({ t_ms, ...rest }) => ({ t: siteTime(t_ms), ...rest })),
      }
    }),
  )

  app.get(
    '/history.csv',
    options,
    answered(async (request, reply) => {
      const question = fieldsOf(request, ['from', 'to', 'device', 'quantity']) as ExportQuestion
      await history.flush()
      const { rows, lines } = await exportCsv(backend, question, now_ms())
      return reply
        .type('text/csv; charset=utf-8')
        .header(ROWS_HEADER, String(rows))
        .header('content-disposition', 'attachment; filename="history.csv"')
        .send(Readable.from(lines))
    }),
  )
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** An error becomes its code, the path of the field and what to do. */
function answered(handler: Handler): Handler {
  return async (request, reply) => {
    try {
      return await handler(request, reply)
    } catch (error) {
      const known = error instanceof LinliError ? error : undefined
      return reply
        .code(statusOf(known))
        .send({ code: known?.code ?? 'HISTORY_IO', path: known?.path, message: reasonOf(error) })
    }
  }
}

function statusOf(error: LinliError | undefined): number {
  if (error?.kind !== 'caller') return 503
  if (error.code === 'HISTORY_TOO_LARGE') return 413
  return error.code === 'HISTORY_SERIES_UNKNOWN' ? 404 : 400
}

function shown(series: Series) {
  const parsed = parseTopic(`${series.device}/tele`)
  const address = parsed.ok
    ? { gateway: parsed.value.gateway, class: parsed.value.class, device: parsed.value.device }
    : {}
  const { id, quantity, unit, device: path } = series
  return { id, ...address, path, quantity, unit, kind: kindOf(series) }
}

/** Each field at most once, and none that is not known: a misspelt one would be a wrong answer. */
function fieldsOf(request: FastifyRequest, names: string[]): Record<string, string> {
  const query = request.query as Record<string, unknown>
  for (const [name, value] of Object.entries(query)) {
    const isGood = names.includes(name) && typeof value === 'string' && value.length <= 200
    if (isGood) continue
    const message = names.includes(name) ? `give ${name} once` : `${name} is unknown; allowed: ${names.join(', ')}`
    throw new LinliError('HISTORY_QUERY', message, { kind: 'caller', path: `/${name.slice(0, 40)}` })
  }
  return query as Record<string, string>
}
