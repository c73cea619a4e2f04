import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { guardedApp, guardedPeople, SECRET } from '../../test/support/guarded-web.ts'
import { openAudit } from '../audit/audit.ts'
import type { CommandRequest } from '../commands/desk.ts'
import type { Result } from '../contract/command.ts'
import { checker } from '../contract/schema.ts'
import { createDevices } from '../devices/devices.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import type { Log } from '../journal/types.ts'
import { JOURNAL_LANES } from '../journal-lanes.ts'
import { openDesk } from './desk.ts'
import { DESK_ROUTES } from './desk-table.ts'
import type { DutyRoutes } from './duty.ts'

/** What the pages ask, over real sockets, with real logins; only the gate at the end of a command is made up. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const DOOR = { ...SITE, gateway: 'gw-1', class: 'access-gate', device: 'd1' } as const
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000004b0000002f80806000000', 'hex')

let log: Log
let people: Awaited<ReturnType<typeof guardedPeople>>
let app: FastifyInstance
let rooms: DutyRoutes
let close: () => void
let url: string
const devices = createDevices()
/** Far more than it takes: the machine may be busy. */
const WAIT = { timeout: 20_000, interval: 20 }
const sent: CommandRequest[] = []
const cookies = new Map<string, string>()

beforeAll(async () => {
  log = await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES })
  people = await guardedPeople()
  const audit = await openAudit({
    log,
    now_ms: Date.now,
    timeQuality: () => 'synced',
    onFault: (fault) => expect.fail(fault.message),
  })
  const send = async (request: CommandRequest): Promise<Result> => {
    sent.push(request)
    return { id: request.id ?? '', name: request.name, status: 'succeeded', at: new Date().toISOString() }
  }
  const hub = {
    devices,
    audit,
    desk: { send, finalOf: () => undefined },
    incidents: { live: () => [] },
    onAccepted: () => () => undefined,
  }
  const desk = await openDesk({ hub: hub as never, log, now_ms: Date.now }, { site: SITE })
  rooms = desk.rooms
  close = desk.close
  app = guardedApp(people.desk, false, undefined, undefined, rooms).app
  await app.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  for (const name of ['viewer', 'operator', 'installer', 'admin']) cookies.set(name, await logIn(name))
}, 60_000)
afterAll(async () => {
  close()
  await app.close()
  await people.close()
  await log.close()
})

async function logIn(name: string): Promise<string> {
  const answer = await ask(undefined, 'POST', '/api/v1/session', { name, secret: SECRET })
  return String(answer.headers.get('set-cookie')).split(';')[0] as string
}

function ask(role: string | undefined, method: string, path: string, body?: unknown, type = 'application/json') {
  const headers: Record<string, string> = { origin: url, ...(role ? { cookie: cookies.get(role) ?? '' } : {}) }
  if (body !== undefined) headers['content-type'] = type
  const payload = body === undefined ? null : Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body)
  return fetch(`${url}${path}`, { method, headers, body: payload })
}

const told = async (answer: Response) => ({ status: answer.status, ...((await answer.json()) as object) })

describe('a command from a page', () => {
  it('is given in the name of whoever is logged in, and every page hears of it', async () => {
    const heard: unknown[] = []
    rooms.live.onTold(({ name, data }) => heard.push({ name, data }))
    const answer = await told(
      await ask('operator', 'POST', '/api/v1/commands', {
        id: 'one',
        device: 'gw-1/access-gate/d1',
        name: 'hold-open',
        args: { for_ms: 600_000 },
      }),
    )
    expect(answer).toMatchObject({ status: 'succeeded', id: 'one' })
    expect(sent.at(-1)).toMatchObject({ address: DOOR, name: 'hold-open', actor: { kind: 'person', id: 'operator' } })
    expect(heard).toMatchObject([{ name: 'command', data: { id: 'one', actor: 'person:operator', name: 'hold-open' } }])
  })

  it.each([
    ['a viewer', 'viewer', { device: 'gw-1/access-gate/d1', name: 'open' }, 403, 'ROLE_TOO_LOW'],
    [
      'what belongs to the hub itself',
      'admin',
      { device: 'gw-1/gateway/gw-1', name: 'configure' },
      403,
      'COMMAND_NOT_FROM_PAGES',
    ],
    ['what is no device', 'operator', { device: '../../x', name: 'open' }, 400, 'SCHEMA_VIOLATION'],
    [
      'a field that nobody knows',
      'operator',
      { device: 'gw-1/access-gate/d1', name: 'open', actor: 'x' },
      400,
      'SCHEMA_VIOLATION',
    ],
  ])('is refused for %s', async (_what, role, body, status, code) => {
    const before = sent.length
    expect(await told(await ask(role, 'POST', '/api/v1/commands', body))).toMatchObject({ status, code })
    expect(sent).toHaveLength(before)
  })

  it('that nobody remembers is said to be unknown', async () => {
    expect(await told(await ask('operator', 'GET', '/api/v1/commands/gone'))).toMatchObject({
      status: 404,
      code: 'COMMAND_NOT_FINISHED',
    })
  })
})

describe('the plan', () => {
  it('is put up by an installer, is seen by everybody, and stands in the audit log', async () => {
    expect((await ask('installer', 'PUT', '/api/v1/plan/image', PNG, 'image/png')).status).toBe(200)
    const spots = { 'gw-1/access-gate/d1': { x: 0.1, y: 0.9 } }
    expect((await ask('installer', 'PUT', '/api/v1/plan/positions', spots)).status).toBe(200)
    const plan = (await (await ask('viewer', 'GET', '/api/v1/plan')).json()) as { image: { url: string } }
    expect(plan).toMatchObject({ image: { width: 1200, height: 760 }, positions: spots })
    const image = await ask('viewer', 'GET', plan.image.url)
    expect([image.headers.get('content-type'), Buffer.from(await image.arrayBuffer())]).toEqual(['image/png', PNG])
    const audit = (await (await ask('admin', 'GET', '/api/v1/audit')).json()) as { lines: Array<{ action: string }> }
    expect(audit.lines.map(({ action }) => action)).toEqual(expect.arrayContaining(['plan-image', 'plan-positions']))
  })

  it.each([
    ['operator', PNG, 'image/png', 403],
    ['installer', Buffer.from('<svg/>'), 'image/png', 415],
    ['installer', Buffer.concat([PNG, Buffer.alloc(999_990)]), 'image/png', 413],
    ['installer', Buffer.alloc(1_100_000), 'image/png', 413],
    ['installer', Buffer.from('<svg/>'), 'image/svg+xml', 415],
  ])('of %s is refused when it may not be (%#)', async (role, body, type, status) => {
    expect((await ask(role, 'PUT', '/api/v1/plan/image', body, type)).status).toBe(status)
  })

  it('takes no place outside of itself', async () => {
    const answer = await ask('installer', 'PUT', '/api/v1/plan/positions', { 'gw-1/access-gate/d1': { x: 1.5, y: 0 } })
    expect(await told(answer)).toMatchObject({ status: 400, path: '/gw-1~1access-gate~1d1/x' })
  })
})

it('a handover needs two people, and a viewer signs nothing', async () => {
  expect((await ask('viewer', 'POST', '/api/v1/handovers', { notes: '' })).status).toBe(403)
  expect(await told(await ask('operator', 'POST', '/api/v1/handovers', { notes: '钥匙' }))).toMatchObject({ number: 1 })
  expect(await told(await ask('operator', 'POST', '/api/v1/handovers/1/sign', { remark: '' }))).toMatchObject({
    status: 409,
    code: 'HANDOVER_SAME_PERSON',
  })
  expect(await told(await ask('admin', 'POST', '/api/v1/handovers/1/sign', { remark: '' }))).toMatchObject({
    incoming: { name: 'admin' },
  })
  expect(await (await ask('viewer', 'GET', '/api/v1/handovers')).json()).toMatchObject({ sheets: [{ notes: '钥匙' }] })
})

it.each([
  ['/api/v1/me', 'admin'],
  ['/api/v1/plan', 'viewer'],
  ['/api/v1/handovers', 'viewer'],
  ['/api/v1/audit', 'admin'],
  ['/api/v1/events', 'viewer', '?device=gw-1/access-gate/d1'],
])('%s answers as the document of the API says', async (path, role, query = '') => {
  const schema = DESK_ROUTES.find((route) => route.method === 'GET' && route.path === path)?.answers[200]?.schema
  const body = await (await ask(role, 'GET', path + query)).json()
  expect(schema && checker(schema)(body)).toEqual({ ok: true, value: body })
})

it('the audit log is read backwards in pages, by admins alone', async () => {
  for (let n = 0; n < 250; n++)
    await rooms.audit.record({
      kind: 'configuration',
      action: `n-${n}`,
      actor: 'x',
      source: 'test',
      outcome: 'succeeded',
    })
  expect((await ask('installer', 'GET', '/api/v1/audit')).status).toBe(403)
  const seen: string[] = []
  let before: number | null | undefined
  do {
    const page = (await (await ask('admin', 'GET', `/api/v1/audit${before ? `?before=${before}` : ''}`)).json()) as {
      lines: Array<{ action: string }>
      before: number | null
    }
    seen.push(...page.lines.map(({ action }) => action))
    before = page.before
  } while (before)
  const ours = seen.filter((action) => action.startsWith('n-'))
  expect(ours).toEqual(Array.from({ length: 250 }, (_, n) => `n-${249 - n}`))
})

describe('the live stream', () => {
  async function listen(role: string, path = '/api/v1/live') {
    const stop = new AbortController()
    const answer = await fetch(`${url}${path}`, { headers: { cookie: cookies.get(role) ?? '' }, signal: stop.signal })
    const state = { status: answer.status, text: '', isOver: false }
    const read = async () => {
      for await (const chunk of answer.body ?? []) state.text += Buffer.from(chunk as Uint8Array).toString()
    }
    read()
      .catch(() => undefined)
      .finally(() => {
        state.isOver = true
      })
    return { state, stop }
  }

  it('begins with the picture, and goes on where a page was', async () => {
    devices.apply({ kind: 'state', topic: { ...DOOR, channel: 'state' }, state: { position: 'closed' } })
    const first = await listen('viewer')
    await vi.waitFor(() => expect(first.state.text).toMatch(/event: picture\n[\s\S]*event: beat/), WAIT)
    expect(first.state.text).toContain('"position":"closed"')
    const id = /^id: (.+)$/m.exec(first.state.text)?.[1] ?? ''
    first.stop.abort()
    rooms.live.tell('plan', { missed: 1 })
    const again = await listen('viewer', `/api/v1/live?after=${id}`)
    await vi.waitFor(() => expect(again.state.text).toContain('event: beat'), WAIT)
    expect(again.state.text).toMatch(/event: plan\ndata: {"missed":1}/)
    expect(again.state.text).not.toContain('event: picture')
    again.stop.abort()
  })

  it('is for nobody without a login, and ends with it', async () => {
    expect((await fetch(`${url}/api/v1/live`)).status).toBe(401)
    cookies.set('leaving', await logIn('viewer'))
    const { state } = await listen('leaving')
    await vi.waitFor(() => expect(state.text).toContain('event: beat'), WAIT)
    await ask('leaving', 'DELETE', '/api/v1/session')
    await vi.waitFor(() => expect(state.isOver).toBe(true), WAIT)
  })

  it('sends a page away that does not read, and keeps nothing for it', async () => {
    const stop = new AbortController()
    const answer = await fetch(`${url}/api/v1/live`, {
      headers: { cookie: cookies.get('viewer') ?? '' },
      signal: stop.signal,
    })
    const connections = () => new Promise<number>((done) => app.server.getConnections((_error, count) => done(count)))
    const other = await listen('admin')
    const before = await connections()
    const large = 'x'.repeat(200_000)
    await vi.waitFor(async () => {
      rooms.live.tell('plan', { large })
      expect(await connections()).toBeLessThan(before)
    }, WAIT)
    rooms.live.tell('plan', { after: true })
    await vi.waitFor(() => expect(other.state.text).toContain('"after":true'), WAIT)
    expect(answer.status).toBe(200)
    stop.abort()
    other.stop.abort()
  })
})
