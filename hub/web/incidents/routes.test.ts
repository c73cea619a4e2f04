import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { guardedPeople, routesFor, SECRET } from '../../../test/support/guarded-web.ts'
import { devAuthenticator } from '../../auth/authenticator.ts'
import { createHub } from '../../compose.ts'
import { encodeJson } from '../../contract/encode.ts'
import { makeEvent } from '../../contract/event.ts'
import { type Address, formatTopic } from '../../contract/topic.ts'
import type { Hub } from '../../hub.ts'
import { createChangeStream } from '../../incidents/stream.ts'
import { createMemoryDisk } from '../../journal/memory-backend.ts'
import { openMemoryLog } from '../../journal/open.ts'
import { JOURNAL_LANES } from '../../journal-lanes.ts'
import { createRegistry } from '../../registry/registry.ts'
import { apiDocument } from '../api/routes.ts'
import { addRoutes } from '../server.ts'

/** The API of the incidents on a whole hub in memory, behind the real login. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const nothing = () => undefined
const WAIT = { timeout: 20_000, interval: 10 }

let hub: Hub
let app: FastifyInstance
let people: Awaited<ReturnType<typeof guardedPeople>>
let origin: string
const routes: string[] = []
const cookies: Record<string, string> = {}

beforeAll(async () => {
  let ids = 0
  const counters = { accepted: nothing, rejected: nothing, duplicate: nothing, telemetryLost: nothing }
  hub = await createHub(
    {
      log: await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES }),
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} }),
      authenticate: devAuthenticator,
      logger: { info: nothing, warn: nothing, error: nothing },
      counters: { ...counters, shed: nothing, clientRefused: nothing, clientThrottled: nothing },
      random: () => 0.5,
      now_ms: Date.now,
      newId: () => `made-${++ids}`,
    },
    { site: SITE, name: 'hub-1', dev: true },
  )
  await hub.start()
  people = await guardedPeople()
  app = Fastify()
  app.addHook('onRoute', ({ method, url }) => {
    if (method !== 'HEAD') routes.push(`${method} ${url}`)
  })
  const { incidents, desk } = hub
  const stream = createChangeStream(incidents.onChange, 'run')
  const ofIncidents = { incidents, stream, send: desk.send, site: SITE, newId: () => `http-${++ids}` }
  addRoutes(app, { ...routesFor(people.desk), incidents: ofIncidents }, { isSecure: false })
  await app.listen({ host: '127.0.0.1', port: 0 })
  origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  for (const name of ['viewer', 'operator']) {
    const payload = { name, secret: SECRET }
    const answer = await app.inject({ method: 'POST', url: '/api/v1/session', payload, headers: own() })
    cookies[name] = String(answer.headers['set-cookie']).split(';')[0] as string
  }
})
afterAll(async () => {
  await app.close()
  await people.close()
  await hub.close()
})

const own = (name?: string) => ({ host: origin.slice(7), origin, ...(name ? { cookie: cookies[name] } : {}) })
const ask = (path: string, name = 'viewer') =>
  app.inject({ method: 'GET', url: `/api/v1/incidents${path}`, headers: own(name) })
const act = (path: string, payload: object = {}, key?: string, name = 'operator') => {
  const headers = { ...own(name), ...(key ? { 'idempotency-key': key } : {}) }
  return app.inject({ method: 'POST', url: `/api/v1/incidents${path}`, payload, headers })
}

let sequence = 0
async function press(device: string): Promise<string> {
  const address: Address = { ...SITE, gateway: 'gw-1', class: 'alarm-button', device }
  const stamp = { wall_ms: Date.now(), monotonic_ms: 1, quality: 'synced' } as const
  const event = makeEvent({ address, bootid: 'b', sequence: ++sequence }, 'pressed', 'alarm', stamp, {
    press: 1,
    atstart: false,
  })
  const before = await ask('?limit=1')
  await hub.own.keep(formatTopic({ ...address, channel: 'evt', type: 'pressed' }), encodeJson(event), false)
  return vi.waitFor(async () => {
    const [newest] = (await ask('?limit=1')).json().incidents
    if (newest === undefined || newest.id === before.json().incidents[0]?.id) throw new Error('not yet')
    return newest.id as string
  }, WAIT)
}

describe('the API of the incidents', () => {
  it('works one from press to answer: each step with the name of who is logged in', async () => {
    const id = await press('b1')
    expect((await ask(`/${id}`)).json().incident).toMatchObject({
      status: 'raised',
      kind: 'major',
      device: 'gw-1/alarm-button/b1',
      possible: ['acknowledge', 'false-alarm', 'comment', 'correct-kind', 'assign'],
    })
    for (const step of ['acknowledge', 'dispatch', 'arrive', 'resolve', 'answer']) {
      const answer = await act(`/${id}/${step}`, { comment: `step ${step}` })
      expect([answer.statusCode, answer.json().status], step).toEqual([200, 'succeeded'])
    }
    const { incident, story } = (await ask(`/${id}`)).json()
    expect(incident).toMatchObject({ status: 'answered', deadlines: [], steps: [{}, {}, {}, {}, {}, {}] })
    expect(story.filter(({ actor }: { actor: string }) => actor === 'person:operator')).toHaveLength(5)
    expect(story[0]).toMatchObject({ what: 'raised', event: expect.stringContaining('gw-1:b:') })
  })

  it('carries a key out once, answers it again the same, and tells the second who comes that it is done', async () => {
    const id = await press('b2')
    const both = await Promise.all([act(`/${id}/acknowledge`, {}, 'key-1'), act(`/${id}/acknowledge`, {}, 'key-1')])
    const third = await act(`/${id}/acknowledge`, {}, 'key-1')
    for (const answer of [...both, third]) expect(answer.json()).toEqual(third.json())
    expect(third.statusCode).toBe(200)
    const other = await act(`/${id}/acknowledge`, {}, 'key-2')
    expect(other.statusCode).toBe(409)
    expect(other.json()).toMatchObject({
      code: 'INCIDENT_STEP',
      message: expect.stringContaining('by person:operator'),
    })
    const { story } = (await ask(`/${id}`)).json()
    expect(story.filter(({ what }: { what: string }) => what === 'acknowledged')).toHaveLength(1)
  })

  it('lets a viewer read and not act, and nobody in without a login', async () => {
    expect((await act('', { text: 'x' }, undefined, 'viewer')).json()).toMatchObject({ code: 'ROLE_TOO_LOW' })
    expect((await app.inject({ method: 'GET', url: '/api/v1/incidents' })).statusCode).toBe(401)
  })

  it('says what is wrong with a question, with the path of the field', async () => {
    for (const [path, field] of [
      ['?status=done', '/status'],
      ['?limit=1000', '/limit'],
      ['?kind=big', '/kind'],
      ['?colour=red', '/colour'],
      ['?from=yesterday', '/from'],
    ] as const)
      expect([path, (await ask(path)).json().path]).toEqual([path, field])
    expect((await act('/1/false-alarm', {})).json()).toMatchObject({ code: 'SCHEMA_VIOLATION', path: '/reason' })
    expect((await ask('/99999')).statusCode).toBe(404)
    expect((await act('/99999/acknowledge')).statusCode).toBe(404)
  })

  it('pages through all of them with filters, none twice', async () => {
    for (let count = 0; count < 5; count++) await act('', { text: `matter ${count}`, kind: 'private' })
    const seen: string[] = []
    let cursor = ''
    do {
      const page = (await ask(`?source=staff&status=open&limit=2${cursor}`)).json()
      seen.push(...page.incidents.map(({ matter }: { matter: string }) => matter))
      cursor = page.next ? `&cursor=${page.next}` : ''
    } while (cursor !== '')
    expect(seen).toEqual([4, 3, 2, 1, 0].map((count) => `matter ${count}`))
  })

  it('gives a file that Excel opens in Chinese and that no cell of which is a formula', async () => {
    await act('', { text: '=HYPERLINK("http://evil","漏水")', kind: 'shared', place: { building: '+3' } })
    const answer = await ask('.csv?source=staff')
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8')
    const lines = answer.body.split('\r\n')
    expect(lines[0]?.startsWith('\ufeffincident,raised,')).toBe(true)
    expect(Number(answer.headers['linli-rows'])).toBe(lines.length - 2)
    expect(lines[1]).toContain(`"'=HYPERLINK(""http://evil"",""漏水"")"`)
    expect(lines[1]).toContain(`,'+3,`)
  })

  it('counts the shares of the month', async () => {
    const { goals, months } = (await ask('/yardsticks')).json()
    expect(goals).toEqual({ inTime: 0.95, resolved: 0.95, answered: 1 })
    const { raised, answered, shares } = months[0]
    expect(shares.answered).toBeCloseTo(answered / raised)
    expect((await ask('/teams')).json()).toEqual({ teams: [], people: [] })
  })

  it('streams each change, and after a break goes on behind the last one that came', async () => {
    const { stream } = (await ask('')).json()
    const first = await listen(stream)
    const id = await press('b3')
    await vi.waitFor(() => expect(first.changes().map(({ status }) => status)).toEqual(['raised']), WAIT)
    const lastId = first.lastId()
    first.end()
    await act(`/${id}/acknowledge`)
    await act(`/${id}/resolve`)
    const second = await listen(lastId)
    await vi.waitFor(
      () => expect(second.changes().map(({ status }) => status)).toEqual(['acknowledged', 'resolved']),
      WAIT,
    )
    second.end()
    const stranger = await listen('of-another-run-7')
    await vi.waitFor(() => expect(stranger.text()).toContain('event: reset'), WAIT)
    stranger.end()
  })
})

describe('the document of the API', () => {
  it('is the one that is checked in, is served, and describes every route there is, and no other', async () => {
    const checkedIn = JSON.parse(readFileSync(new URL('../api/openapi.json', import.meta.url), 'utf8'))
    expect(checkedIn).toEqual(apiDocument())
    expect((await app.inject({ method: 'GET', url: '/api/v1/openapi.json' })).json()).toEqual(checkedIn)
    const described = Object.entries(checkedIn.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    )
    expect(described.sort()).toEqual(
      routes.filter((route) => route.includes('/api/v1/') && !route.endsWith('/openapi.json')).sort(),
    )
  })
})

async function listen(lastEventId: string) {
  let received = ''
  const response = await new Promise<IncomingMessage>((resolve) => {
    const headers = { ...own('viewer'), 'last-event-id': lastEventId }
    get(`${origin}/api/v1/incidents/stream`, { headers }, resolve)
  })
  response.setEncoding('utf8').on('data', (text: string) => {
    received += text
  })
  response.on('error', () => undefined)
  return {
    text: () => received,
    changes: () =>
      [...received.matchAll(/event: change\ndata: (.*)\n\n/g)].map(
        ([, data = '']) => JSON.parse(data).incident as { status: string },
      ),
    lastId: () => [...received.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '',
    end: () => response.destroy(),
  }
}
