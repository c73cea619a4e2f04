import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CommandRequest } from '../../commands/desk.ts'
import type { Result } from '../../contract/command.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { incidentCommands, NEW_INCIDENT } from '../../contract/incident.ts'
import { type Checker, checker } from '../../contract/schema.ts'
import type { Site } from '../../contract/topic.ts'
import type { TSchema } from '../../contract/type.ts'
import type { IncidentConfig } from '../../incidents/config.ts'
import { teamDuty } from '../../incidents/duty.ts'
import { incidentAddress } from '../../incidents/messages.ts'
import { pageOf } from '../../incidents/query.ts'
import type { Incidents } from '../../incidents/room.ts'
import { shown, shownEntry } from '../../incidents/shown.ts'
import type { ChangeStream } from '../../incidents/stream.ts'
import { incidentCsv } from '../../incidents/table.ts'
import { GOALS, monthOf, yardsticks } from '../../incidents/yardsticks.ts'
import { requires, whoAsks } from '../guard.ts'
import { filterOf, limitOf } from './filter.ts'
import { createLive } from './live.ts'
import {
  CommandId,
  FilterQuery,
  IDEMPOTENCY_KEY,
  ListQuery,
  MonthsQuery,
  NoQuery,
  ROWS_HEADER,
  STEPS,
} from './table.ts'

/** The incidents over HTTP: what the duty pages and flows use. A step is a command like any other, with one result. */

export interface IncidentRoutes {
  incidents: Incidents
  stream: ChangeStream
  send: (request: CommandRequest) => Promise<Result>
  site: Site
  newId: () => string
}

const BASE = '/api/v1/incidents'
/** A page waits no longer than this for the result. */
const TTL_MS = 15_000
const checkId = checker(CommandId)

export function addIncidentRoutes(app: FastifyInstance, deps: IncidentRoutes): void {
  const { incidents, stream } = deps
  const { config } = incidents
  const read = { config: requires('viewer') }
  const act = { config: requires('operator') }
  const show = (incident: Parameters<typeof shown>[0]) => shown(incident, incidents.now(), config().keepClosed_ms)
  const live = createLive(app, {
    stream,
    render: ({ change }) => ({ incident: show(change.incident), story: change.story.map(shownEntry) }),
  })

  app.get(
    BASE,
    read,
    answered(async (request) => {
      const query = asked(checkList, request.query)
      // Before the list is read, so that nothing falls between it and the stream.
      const from = stream.last()
      const { cursor } = query
      const before = cursor === undefined ? null : Number(cursor)
      const page = await pageOf(incidents, filterOf(query), before, limitOf(query))
      const { next, missing } = page
      return {
        incidents: page.incidents.map(show),
        ...(next === undefined ? {} : { next: String(next) }),
        ...(missing === undefined ? {} : { missing }),
        stream: from,
      }
    }),
  )
  app.get(
    `${BASE}.csv`,
    read,
    answered(async (request, reply) => {
      const { rows, lines } = await incidentCsv(incidents, filterOf(asked(checkFilter, request.query)))
      return reply
        .type('text/csv; charset=utf-8')
        .header(ROWS_HEADER, String(rows))
        .header('content-disposition', 'attachment; filename="incidents.csv"')
        .send(Readable.from(lines))
    }),
  )
  app.get(
    `${BASE}/stream`,
    read,
    answered(async (request, reply) => {
      asked(checkNothing, request.query)
      live.serve(request, reply)
      return reply
    }),
  )
  app.get(
    `${BASE}/yardsticks`,
    read,
    answered(async (request) => {
      const { timeZone } = config()
      const present = monthOf({ raised: incidents.now() }, timeZone)
      const { from = present, to = present } = asked(checkMonths, request.query)
      return { goals: GOALS, months: await yardsticks(incidents.archive, incidents.live(), { from, to, timeZone }) }
    }),
  )
  app.get(
    `${BASE}/teams`,
    read,
    answered(async (request) => {
      asked(checkNothing, request.query)
      return teamsOf(config(), incidents.now())
    }),
  )
  app.get(
    `${BASE}/:id`,
    read,
    answered(async (request) => {
      asked(checkNothing, request.query)
      const { id } = request.params as { id: string }
      const found = await incidents.get(id)
      if (found) return { incident: show(found.incident), story: found.story.map(shownEntry) }
      throw new LinliError('INCIDENT_UNKNOWN', `there is no incident ${id.slice(0, 40)}`, {
        kind: 'caller',
        path: '/id',
      })
    }),
  )

  const order = createOrder(deps)
  app.post(
    BASE,
    act,
    answered((request, reply) => order(request, reply, NEW_INCIDENT, 'raise')),
  )
  for (const step of STEPS)
    app.post(
      `${BASE}/:id/${step}`,
      act,
      answered((request, reply) => {
        const { id } = request.params as { id: string }
        return order(request, reply, id, step)
      }),
    )
}

const checkList = checker(ListQuery)
const checkFilter = checker(FilterQuery)
const checkMonths = checker(MonthsQuery)
const checkNothing = checker(NoQuery)
const checkArgs = new Map<string, Checker<unknown>>(
  Object.entries(incidentCommands).map(([name, schema]) => [name, checker(schema as TSchema)]),
)

function asked<T>(check: Checker<T>, value: unknown): T {
  const checked = check(value)
  if (!checked.ok) throw checked.error
  return checked.value
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** A request with an id that is under way waits for the same result. */
function createOrder({ send, site, newId }: IncidentRoutes) {
  const underWay = new Map<string, Promise<Result>>()
  return async (request: FastifyRequest, reply: FastifyReply, incident: string, name: string): Promise<unknown> => {
    if (incident !== NEW_INCIDENT && !/^\d{1,15}$/.test(incident))
      throw new LinliError('INCIDENT_UNKNOWN', 'an incident has a number', { kind: 'caller', path: '/id' })
    const args = asked(checkArgs.get(name) as Checker<unknown>, request.body ?? {})
    const id = asked(checkId, request.headers[IDEMPOTENCY_KEY] ?? newId())
    const actor = { kind: 'person', id: whoAsks(request).name } as const
    const address = incidentAddress(site, incident)
    const going = underWay.get(id) ?? send({ id, address, name, args, ttl_ms: TTL_MS, actor })
    underWay.set(id, going)
    const result = await going.finally(() => underWay.delete(id))
    return reply.code(statusOf(result)).send(result)
  }
}

function statusOf({ status, code }: Result): number {
  if (status === 'succeeded') return 200
  if (code === 'INCIDENT_UNKNOWN') return 404
  return status === 'refused' ? 409 : 503
}

function answered(handler: Handler): Handler {
  return async (request, reply) => {
    try {
      return await handler(request, reply)
    } catch (error) {
      const known = error instanceof LinliError ? error : undefined
      const status = known?.kind !== 'caller' ? 503 : known.code === 'INCIDENT_UNKNOWN' ? 404 : 400
      const { code = 'INCIDENT_FAILED', path } = known ?? {}
      return reply.code(status).send({ code, path, message: reasonOf(error) })
    }
  }
}

/** Who can be sent; contacts stay in the hub. */
function teamsOf(config: IncidentConfig, now: ReturnType<Incidents['now']>) {
  const teams = Object.entries(config.teams).map(([id, { name, sort, tier }]) => {
    return { id, name, sort, tier, onShift: teamDuty(config, id, now) }
  })
  const people = Object.entries(config.people).map(([id, { name, role }]) => ({ id, name, ...(role ? { role } : {}) }))
  return { teams, people }
}
