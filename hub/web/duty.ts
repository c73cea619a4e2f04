import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../audit/audit.ts'
import type { CommandDesk, CommandRequest } from '../commands/desk.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { type Address, addressPath, type DeviceClass, isDeviceClass, isSegment, type Site } from '../contract/topic.ts'
import type { Handovers } from '../duty/handover.ts'
import { PLAN_BYTES_MAX, type Plan, PlanPositions } from '../duty/plan.ts'
import type { Live } from '../live/live.ts'
import { CommandBody, NotesBody, PICTURE_TYPES, RemarkBody } from './desk-table.ts'
import { requires, whoAsks } from './guard.ts'

/** What the pages of the duty desk ask and do, beside the live stream and the incidents. */
export interface DutyRoutes {
  site: Site
  desk: Pick<CommandDesk, 'send' | 'finalOf'>
  live: Live
  plan: Plan
  handovers: Handovers
  audit: Pick<Audit, 'read' | 'record'>
  /** Position of the newest line of the audit log. */
  auditLast: () => number
  newId: () => string
}

/** What people may ask of a device from a page; whatever else there is belongs to installers and to the hub itself. */
const FROM_PAGES: Partial<Record<DeviceClass, readonly string[]>> = {
  'access-gate': ['open', 'close', 'hold-open', 'lock', 'unlock', 'set-mode', 'release-all', 'reset'],
  'alarm-button': ['lamp', 'siren', 'reset'],
  'park-sensor': ['output', 'read'],
  hub: ['release-all', 'end-release'],
}
/** A gate that has not answered by then is looked at, not moved. */
const TTL_MS = 15_000
const AUDIT_PAGE = 200
const SHEETS_SHOWN = 60

export function addDutyRoutes(app: FastifyInstance, deps: DutyRoutes): void {
  addCommandRoutes(app, deps)
  addPlanRoutes(app, deps)
  addHandoverRoutes(app, deps)
  addAuditRoutes(app, deps)
}

function addCommandRoutes(app: FastifyInstance, { site, desk, live, newId }: DutyRoutes): void {
  const checkBody = checker(CommandBody)

  app.post(
    '/api/v1/commands',
    { config: requires('operator') },
    answered(async (request) => {
      const { id = newId(), device, name, args = {}, reason } = taken(checkBody(request.body))
      const address = addressOfText(site, device)
      if (!FROM_PAGES[address.class]?.includes(name))
        throw caller('COMMAND_NOT_FROM_PAGES', `${name} of ${address.class} cannot be given from a page`)
      const person = whoAsks(request).name
      const command: CommandRequest = { id, address, name, args, ttl_ms: TTL_MS, actor: { kind: 'person', id: person } }
      live.tell('command', {
        id,
        path: addressPath(address),
        name,
        args,
        actor: `person:${person}`,
        at: new Date().toISOString(),
      })
      return desk.send(reason === undefined ? command : { ...command, reason })
    }),
  )

  // After a lost connection: how it ended.
  app.get(
    '/api/v1/commands/:id',
    { config: requires('operator') },
    answered(async (request) => {
      const { id } = request.params as { id: string }
      const result = desk.finalOf(id)
      if (!result)
        throw caller('COMMAND_NOT_FINISHED', 'no such command has ended: look at the device, it may have acted')
      return result
    }),
  )

  app.get(
    '/api/v1/events',
    { config: requires('viewer') },
    answered(async (request) => {
      const { device } = request.query as { device?: unknown }
      if (typeof device !== 'string')
        throw caller('SCHEMA_VIOLATION', 'give device={gateway}/{class}/{device}', '/device')
      return { events: live.eventsOf(addressPath(addressOfText(site, device))) }
    }),
  )
}

function addPlanRoutes(app: FastifyInstance, { plan, audit, live }: DutyRoutes): void {
  const checkPositions = checker(PlanPositions)
  app.addContentTypeParser(
    PICTURE_TYPES,
    { parseAs: 'buffer', bodyLimit: PLAN_BYTES_MAX + 1 },
    (_request, body, done) => done(null, body),
  )

  function shown() {
    const image = plan.image()
    const { width, height, sha256 } = image ?? {}
    return {
      image: image ? { url: `/api/v1/plan/image?v=${sha256?.slice(0, 12)}`, width, height } : null,
      positions: plan.positions(),
    }
  }
  async function changed(request: FastifyRequest, what: string) {
    const actor = `person:${whoAsks(request).name}`
    await audit.record({ kind: 'configuration', action: what, actor, source: 'web', outcome: 'succeeded' })
    live.tell('plan', shown())
    return shown()
  }

  app.get(
    '/api/v1/plan',
    { config: requires('viewer') },
    answered(async () => shown()),
  )

  app.get(
    '/api/v1/plan/image',
    { config: requires('viewer') },
    answered(async (_request, reply) => {
      const image = plan.image()
      if (!image) throw caller('PLAN_MISSING', 'this site has no plan yet')
      return reply
        .type(image.type)
        .header('cache-control', 'private, max-age=86400')
        .header('x-content-type-options', 'nosniff')
        .send(Buffer.from(image.bytes))
    }),
  )

  app.put(
    '/api/v1/plan/image',
    { config: requires('installer'), bodyLimit: PLAN_BYTES_MAX + 1 },
    answered(async (request) => {
      if (!Buffer.isBuffer(request.body)) throw caller('PLAN_TYPE', `send a picture as ${PICTURE_TYPES.join(', ')}`)
      await plan.putImage(request.body)
      return changed(request, 'plan-image')
    }),
  )

  app.delete(
    '/api/v1/plan/image',
    { config: requires('installer') },
    answered(async (request) => {
      await plan.removeImage()
      return changed(request, 'plan-image-removed')
    }),
  )

  app.put(
    '/api/v1/plan/positions',
    { config: requires('installer'), bodyLimit: 256 * 1024 },
    answered(async (request) => {
      await plan.putPositions(taken(checkPositions(request.body)))
      return changed(request, 'plan-positions')
    }),
  )
}

function addHandoverRoutes(app: FastifyInstance, { handovers, live }: DutyRoutes): void {
  const checkNotes = checker(NotesBody)
  const checkRemark = checker(RemarkBody)

  app.get(
    '/api/v1/handovers',
    { config: requires('viewer') },
    answered(async () => ({
      sheets: handovers.list(SHEETS_SHOWN),
      draft: handovers.draft(),
    })),
  )

  app.post(
    '/api/v1/handovers',
    { config: requires('operator') },
    answered(async (request) => {
      const { notes } = taken(checkNotes(request.body))
      const sheet = await handovers.write(whoAsks(request).name, notes)
      live.tell('handover', sheet)
      return sheet
    }),
  )

  app.post(
    '/api/v1/handovers/:number/sign',
    { config: requires('operator') },
    answered(async (request) => {
      const { number } = request.params as { number: string }
      const { remark } = taken(checkRemark(request.body))
      const sheet = await handovers.sign(Number(number), whoAsks(request).name, remark)
      live.tell('handover', sheet)
      return sheet
    }),
  )
}

function addAuditRoutes(app: FastifyInstance, { audit, auditLast }: DutyRoutes): void {
  app.get(
    '/api/v1/audit',
    { config: requires('admin') },
    answered(async (request) => {
      const { before } = request.query as { before?: string }
      const end = before === undefined ? auditLast() + 1 : Number(before)
      if (!Number.isSafeInteger(end) || end < 0)
        throw caller('SCHEMA_VIOLATION', 'before is a position, as the answer before gave it', '/before')
      const after = Math.max(0, end - 1 - AUDIT_PAGE)
      const { lines, position } = await audit.read(after, end - 1 - after)
      const first = position - lines.length + 1
      return {
        lines: lines.map((line) => JSON.parse(line) as unknown).reverse(),
        before: lines.length > 0 && first > 1 ? first : null,
      }
    }),
  )
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** HTTP status of what is not simply a bad request. */
const STATUS: Readonly<Record<string, number>> = {
  COMMAND_NOT_FROM_PAGES: 403,
  COMMAND_NOT_FINISHED: 404,
  PLAN_MISSING: 404,
  HANDOVER_UNKNOWN: 404,
  HANDOVER_OPEN: 409,
  HANDOVER_SIGNED: 409,
  HANDOVER_SAME_PERSON: 409,
  PLAN_TOO_LARGE: 413,
  PLAN_TYPE: 415,
}

function answered(handler: Handler): Handler {
  return async (request, reply) => {
    try {
      return await handler(request, reply)
    } catch (error) {
      const known = error instanceof LinliError ? error : undefined
      const status = known?.kind === 'caller' ? (STATUS[known.code] ?? 400) : 503
      return reply
        .code(status)
        .send({ code: known?.code ?? 'REQUEST_FAILED', path: known?.path, message: reasonOf(error) })
    }
  }
}

function taken<T>(decoded: { ok: true; value: T } | { ok: false; error: LinliError }): T {
  if (!decoded.ok) throw decoded.error
  return decoded.value
}

function addressOfText(site: Site, text: string): Address {
  const [gateway = '', kind = '', device = '', ...more] = text.split('/')
  if (!isSegment(gateway) || !isDeviceClass(kind) || !isSegment(device) || more.length > 0)
    throw caller(
      'SCHEMA_VIOLATION',
      `${JSON.stringify(text.slice(0, 80))} is no device: give {gateway}/{class}/{device}`,
      '/device',
    )
  return { ...site, gateway, class: kind, device }
}

function caller(code: string, message: string, path?: string): LinliError {
  return new LinliError(code, message, path === undefined ? { kind: 'caller' } : { kind: 'caller', path })
}
