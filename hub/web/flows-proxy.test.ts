import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { guardedApp, guardedPeople, SECRET } from '../../test/support/guarded-web.ts'
import { doorOf } from '../flows-host/door.ts'

/** The editor through the hub, with a process behind it that tells what it got, or hangs. Node-RED itself: test/stack/editor.test.ts. */

const dir = mkdtempSync(join(tmpdir(), 'linli-proxy-'))
let people: Awaited<ReturnType<typeof guardedPeople>>
let app: FastifyInstance
let behind: Server
let port: number
let isUp = true
/** What came to the process behind. */
let heard: IncomingMessage[] = []
let bodies: string[] = []
const inner = new Set<Socket>()
let awaited = { count: Number.POSITIVE_INFINITY, done: () => {} }
/** Without timers, which stand still meanwhile. */
const heardOf = (count: number) =>
  new Promise<void>((done) => {
    awaited = { count, done }
    if (heard.length >= count) done()
  })
function hear(asked: IncomingMessage): void {
  heard.push(asked)
  if (heard.length >= awaited.count) awaited.done()
}

beforeAll(async () => {
  people = await guardedPeople()
  behind = createServer((asked, response) => {
    hear(asked)
    let body = ''
    asked.on('data', (chunk: Buffer) => {
      body += chunk.toString('latin1')
    })
    asked.on('error', () => undefined)
    asked.once('end', () => {
      bodies.push(body)
      if (asked.url?.includes('hang')) return
      if (asked.url?.includes('die')) return void asked.socket.destroy()
      response.setHeader('set-cookie', 'linli=planted; Path=/')
      response.setHeader('x-frame-options', 'SAMEORIGIN')
      response.end('from behind')
    })
  })
  behind.on('upgrade', (asked, socket: Socket) => {
    hear(asked)
    inner.add(socket)
    socket.on('error', () => undefined)
    if (asked.url?.includes('hang')) return
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
    )
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => behind.listen(join(dir, 'flows.sock'), resolve))
  const door = { ...doorOf(0, 'secret-of-this-run'), socketPath: join(dir, 'flows.sock') }
  app = guardedApp(people.desk, false, () => (isUp ? door : undefined)).app
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as AddressInfo).port
})
afterAll(async () => {
  for (const socket of inner) socket.destroy()
  await app.close()
  behind.close()
  await people.close()
  rmSync(dir, { recursive: true, force: true })
})
beforeEach(() => {
  isUp = true
  heard = []
  bodies = []
})

const own = () => ({ host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` })

async function cookieFor(name: string): Promise<string> {
  const payload = { name, secret: SECRET }
  const answer = await app.inject({ method: 'POST', url: '/api/v1/session', payload, headers: own() })
  return String(answer.headers['set-cookie']).split(';')[0] as string
}

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  text: string
}
function ask(
  path: string,
  said: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', body } = said
  const length =
    body === undefined || said.headers?.['transfer-encoding'] ? {} : { 'content-length': `${Buffer.byteLength(body)}` }
  const headers = { ...own(), ...length, ...said.headers }
  return new Promise((resolve, reject) => {
    const asking = request({ port, host: '127.0.0.1', path, method, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
    })
    asking.once('error', reject)
    asking.end(body)
  })
}

const personOf = ({ headers }: IncomingMessage) =>
  JSON.parse(Buffer.from(String(headers['x-linli-person']).split('.')[1] ?? '', 'base64url').toString('utf8'))

describe('the editor through the hub', () => {
  it('is told who asks by the hub alone, whatever else the request says', async () => {
    const spoofed = {
      cookie: `${await cookieFor('viewer')}; other=1`,
      authorization: 'Bearer forged',
      'X-Linli-Person': `secret-of-this-run.${Buffer.from('{"name":"admin","role":"admin"}').toString('base64url')}`,
      'x-linli-anything': '1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-user': 'admin',
      forwarded: 'for=127.0.0.1',
      connection: 'x-linli-person, accept',
      accept: 'text/html',
    }
    const answer = await ask('/editor/flows?x=1', { headers: spoofed })
    expect([answer.status, answer.text]).toEqual([200, 'from behind'])
    expect(answer.headers['set-cookie']).toBeUndefined()
    const [got] = heard
    expect(got?.url).toBe('/editor/flows?x=1')
    expect(personOf(got as IncomingMessage)).toEqual({ name: 'viewer', role: 'viewer' })
    for (const name of [
      'cookie',
      'authorization',
      'x-linli-anything',
      'x-forwarded-for',
      'x-forwarded-user',
      'forwarded',
      'accept',
    ])
      expect([name, got?.headers[name]]).toEqual([name, undefined])
  })

  it('gets nothing that changes it from whoever only sees, nor from another site', async () => {
    const [viewer, installer] = [await cookieFor('viewer'), await cookieFor('installer')]
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await ask('/editor/flows', { method, headers: { cookie: viewer }, body: '[]' })
      expect([method, answer.status, JSON.parse(answer.text).code]).toEqual([method, 403, 'ROLE_TOO_LOW'])
    }
    const foreign = { cookie: installer, origin: 'https://evil.example' }
    expect((await ask('/editor/flows', { method: 'POST', headers: foreign, body: '[]' })).status).toBe(403)
    expect((await ask('/editor/flows')).status).toBe(401)
    expect((await ask('/editor/', { headers: { accept: 'text/html' } })).headers.location).toBe(
      '/login?next=%2Feditor%2F',
    )
    expect((await ask('/dashboard/', { headers: { accept: 'text/html' } })).headers.location).toBe(
      '/login?next=%2Fdashboard%2F',
    )
    expect(heard).toEqual([])
    expect(people.lines).toContainEqual(
      expect.objectContaining({
        kind: 'access',
        actor: 'person:viewer',
        target: 'POST /editor/*',
        code: 'ROLE_TOO_LOW',
      }),
    )
  })

  it('gets no second request hidden in the body of a first', async () => {
    const { host } = own()
    const cookie = await cookieFor('admin')
    const hidden = `0\r\n\r\nGET /editor/hidden HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    const head = `POST /editor/flows HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nCookie: ${cookie}\r\n`
    for (const lengths of [
      `Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked`,
      `Content-Length: ${hidden.length}\r\nContent-Length: 0`,
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding : chunked',
    ])
      expect(await raw(`${head}${lengths}\r\n\r\n${hidden}`)).toMatch(/^HTTP\/1.1 400/)
    expect(heard).toEqual([])
  })

  it('gets what an installer changes, as it came, and the audit log has who', async () => {
    const cookie = await cookieFor('installer')
    const json = { cookie, 'content-type': 'application/json; charset=utf-8' }
    expect((await ask('/editor/flows', { method: 'POST', headers: json, body: '[{"x":"邻里"}]' })).status).toBe(200)
    expect(bodies.map((body) => Buffer.from(body, 'latin1').toString('utf8'))).toEqual(['[{"x":"邻里"}]'])
    expect(people.lines.at(-1)).toMatchObject({
      kind: 'configuration',
      actor: 'person:installer',
      target: 'POST /editor/flows',
      outcome: 'succeeded',
    })
    expect((await ask('/editor/x', { method: 'DELETE', headers: { cookie } })).status).toBe(200)
  })

  it('ends the session of the hub when somebody logs out in it', async () => {
    const cookie = await cookieFor('viewer')
    expect(JSON.parse((await ask('/editor/auth/login')).text)).toMatchObject({ loginRedirect: '/login?next=/editor/' })
    const out = await ask('/editor/auth/revoke', { method: 'POST', headers: { cookie }, body: '{"token":""}' })
    expect(JSON.parse(out.text)).toEqual({ redirect: '/login' })
    expect((await ask('/editor/', { headers: { cookie } })).status).toBe(401)
    expect(heard).toEqual([])
  })

  it.each([
    '/editor/../metrics',
    '/editor/%2e%2e/x',
    '/editor/a/..%2f..%2fx',
    '/editor/..%5cx',
    '/editor/a\\..\\x',
    '/editor/%00',
    '/editor/%',
    '/editor/./x',
  ])('is never asked for %s', async (path) => {
    expect((await ask(path, { headers: { cookie: await cookieFor('admin') } })).status).toBe(400)
    expect(heard).toEqual([])
  })

  it('gets no body above 5 MiB, said or not', async () => {
    const cookie = await cookieFor('admin')
    const body = 'x'.repeat(5 * 1024 * 1024 + 1)
    expect((await ask('/editor/flows', { method: 'POST', headers: { cookie }, body })).status).toBe(413)
    expect(heard).toEqual([])
    const chunked = { cookie, 'transfer-encoding': 'chunked' }
    expect((await ask('/editor/flows', { method: 'POST', headers: chunked, body })).status).toBe(413)
  })
})

describe('a flows process that', () => {
  const inBoth = (text: string) => expect(text).toMatch(/流程.*The flows/s)

  it('is down or dies is a page that says so, and the hub goes on', async () => {
    const headers = { cookie: await cookieFor('viewer') }
    const dead = await ask('/editor/die', { headers })
    expect([dead.status, dead.headers['retry-after']]).toEqual([502, '5'])
    inBoth(dead.text)
    isUp = false
    const down = await ask('/editor/', { headers })
    expect(down.status).toBe(502)
    inBoth(down.text)
    expect((await ask('/healthz')).status).toBe(200)
  })

  it('hangs is given up after 15 s, and takes at most 64 requests with it', async () => {
    const headers = { cookie: await cookieFor('viewer') }
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const hung = Array.from({ length: 64 }, () => ask('/editor/hang', { headers }))
      await heardOf(64)
      expect((await ask('/editor/', { headers })).status).toBe(503)
      expect((await ask('/healthz')).status).toBe(200)
      vi.advanceTimersByTime(15_000)
      const answers = await Promise.all(hung)
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([504]))
      inBoth(answers[0]?.text ?? '')
    } finally {
      vi.useRealTimers()
    }
    await vi.waitFor(async () => expect((await ask('/editor/', { headers })).status).toBe(200), { timeout: 20_000 })
  })
})

/** What comes back for bytes as they stand. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    socket.once('close', () => resolve(text))
    socket.on('error', reject)
  })
}

/** A WebSocket by hand: whatever headers, and what comes back. */
function upgrade(path: string, headers: Record<string, string>): Promise<{ status: number; socket: Socket }> {
  return new Promise((resolve, reject) => {
    const all = {
      ...own(),
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AQIDBAUGBwgJCgsMDQ4PEC==',
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`),
    )
    socket.once('data', (chunk: Buffer) =>
      resolve({ status: Number(/^HTTP\/1.1 (\d+)/.exec(chunk.toString())?.[1]), socket }),
    )
    socket.on('error', reject)
  })
}

describe('a WebSocket of the editor', () => {
  it('is refused without a session, from another site, and from nowhere', async () => {
    const cookie = await cookieFor('viewer')
    expect((await upgrade('/editor/comms', {})).status).toBe(401)
    expect((await upgrade('/editor/comms', { cookie, origin: 'https://evil.example' })).status).toBe(403)
    expect((await upgrade('/editor/comms', { cookie, origin: 'null' })).status).toBe(403)
    expect((await upgrade('/dashboard/socket.io/', {})).status).toBe(401)
    expect((await upgrade('/editor/../x', { cookie })).status).toBe(502)
    expect((await upgrade('/elsewhere', { cookie })).status).toBe(404)
    expect(heard).toEqual([])
  })

  it('carries both ways, says who it is, and ends with the session', async () => {
    const cookie = await cookieFor('viewer')
    const { status, socket } = await upgrade('/dashboard/socket.io/?x=1', { cookie, 'x-linli-person': 'x' })
    expect(status).toBe(101)
    expect(personOf(heard[0] as IncomingMessage)).toEqual({ name: 'viewer', role: 'viewer' })
    expect(heard[0]?.headers.cookie).toBeUndefined()
    const echoed = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())))
    socket.write('frame')
    expect(await echoed).toBe('frame')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await people.people.put('viewer', { ...people.people.get('viewer'), epoch: 'another' } as never)
    await closed
  })

  it('is given up when the process does not answer', async () => {
    const cookie = await cookieFor('viewer')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const refused = upgrade('/editor/hang', { cookie })
      await heardOf(1)
      vi.advanceTimersByTime(15_000)
      expect((await refused).status).toBe(502)
    } finally {
      vi.useRealTimers()
    }
  })
})
