import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GuardedRoute, guardedApp, guardedPeople, SECRET } from '../../test/support/guarded-web.ts'
import { mayAs, ROLE_MAY, ROLES, type Role } from '../people/roles.ts'
import { type Access, createGuard, guardRoutes, openTo, requires, whoAsks } from './guard.ts'
import { addEnrolmentRoutes } from './secure.ts'

/** Who gets in, by which route, and what an attacker tries. */

const HOST = 'hub.estate:8443'
const OWN = { host: HOST, origin: `https://${HOST}`, 'sec-fetch-site': 'same-origin' }

let people: Awaited<ReturnType<typeof guardedPeople>>
let secure: FastifyInstance
let loopback: FastifyInstance
let routes: GuardedRoute[]

beforeAll(async () => {
  people = await guardedPeople()
  const made = guardedApp(people.desk, true, undefined, (app) => {
    addEnrolmentRoutes(app, { enrolment: {} as never, authority: '' })
    app.post('/try/operator', { config: requires('operator') }, async (request) => whoAsks(request))
  })
  secure = made.app
  routes = made.routes
  loopback = guardedApp(people.desk, false).app
  await Promise.all([secure.ready(), loopback.ready()])
})
afterAll(async () => {
  await Promise.all([secure.close(), loopback.close()])
  await people.close()
})

const login = (name: string, secret = SECRET, more: { headers?: object; remoteAddress?: string } = {}) =>
  secure.inject({
    method: 'POST',
    url: '/api/v1/session',
    payload: { name, secret },
    remoteAddress: more.remoteAddress ?? '192.0.2.1',
    headers: { ...OWN, ...more.headers },
  })
const cookieOf = ({ headers }: LightMyRequestResponse) => String(headers['set-cookie']).split(';')[0] as string
const cookieFor = async (name: string) => cookieOf(await login(name))
const codeOf = (response: LightMyRequestResponse) => (response.body === '' ? undefined : response.json().code)
const me = (cookie: string, more: object = {}) =>
  secure.inject({ method: 'GET', url: '/api/v1/me', headers: { ...OWN, cookie, ...more } })

describe('the table of routes', () => {
  const shown = (access: Access) => {
    if ('open' in access) return `anybody: ${access.open}`
    return `${access.role}${access.orOnThisBox ? '; on this box anybody' : ''}${access.evenWithMadeSecret ? ', with a made password too' : ''}`
  }
  const readme = readFileSync(new URL('../people/README.md', import.meta.url), 'utf8')

  it('stands in the README, the whole of it', () => {
    const rows = [...readme.matchAll(/^\| ([A-Z,]+ \/\S*) \| (.+) \|$/gm)].map(([, route, who]) => `${route} ${who}`)
    const ours = routes.filter(({ url }) => !url.startsWith('/try/'))
    expect(rows.sort()).toEqual(ours.map(({ method, url, access }) => `${method} ${url} ${shown(access)}`).sort())
    const roles = [...readme.matchAll(/^\| (viewer|operator|installer|admin) \| (.+) \| (.+) \|$/gm)]
    expect(roles.map(([, role, zh, en]) => [role, { zh, en }])).toEqual(Object.entries(ROLE_MAY))
  })

  it('holds for every route and every role, over HTTPS and on loopback', { timeout: 120_000 }, async () => {
    const cookies = new Map<Role, string>()
    for (const role of ROLES) cookies.set(role, await cookieFor(role))
    // Those that end the session are tried on their own.
    for (const { method, url, access } of routes.filter(({ url }) => !/session|revoke/.test(url))) {
      for (const role of [undefined, ...ROLES]) {
        const cookie = role ? { cookie: cookies.get(role) } : {}
        const request = {
          method: method.split(',')[0] as 'GET',
          url: url.replace('*', 'index.html'),
          payload: method === 'GET' ? undefined : {},
        }
        const { statusCode, body } = await secure.inject({ ...request, headers: { ...OWN, ...cookie } } as never)
        const isIn = 'open' in access || (role !== undefined && mayAs(role, access.role))
        const isRefused = /"(LOGIN_NEEDED|ROLE_TOO_LOW)"/.test(body)
        expect([method, url, role, isRefused ? statusCode : 'in']).toEqual([
          method,
          url,
          role,
          isIn ? 'in' : role ? 403 : 401,
        ])
      }
    }
    for (const { method, url, access } of routes.filter((one) => 'role' in one.access)) {
      const { statusCode } = await loopback.inject({
        method: method.split(',')[0] as 'GET',
        url,
        headers: { host: 'localhost:8080' },
      })
      const isIn = 'role' in access && access.orOnThisBox
      if (!url.startsWith('/try/')) expect([url, statusCode === 401]).toEqual([url, !isIn])
    }
  })

  it('keeps a hub from starting with a route that does not say who may use it', () => {
    const app = Fastify()
    guardRoutes(app, createGuard(people.desk, true), { isSecure: true })
    expect(() => app.get('/forgotten', async () => 'x')).toThrow(expect.objectContaining({ code: 'ROUTE_UNGUARDED' }))
    expect(() => app.get('/said', { config: openTo('why not') }, async () => 'x')).not.toThrow()
  })

  it('opens metrics and history on this box to nobody who only seems to be on it', async () => {
    const ask = (headers: object, remoteAddress = '127.0.0.1') =>
      loopback.inject({
        method: 'GET',
        url: '/metrics',
        headers: { host: 'localhost:8080', ...headers },
        remoteAddress,
      })
    expect((await ask({})).statusCode).toBe(200)
    expect((await ask({ host: '127.0.0.1:8080' })).statusCode).toBe(200)
    // A page whose name points here, a reverse proxy, another machine.
    expect((await ask({ host: 'evil.example:8080' })).statusCode).toBe(401)
    expect((await ask({ host: '127.0.0.1.evil.example' })).statusCode).toBe(401)
    expect((await ask({ 'x-forwarded-for': '203.0.113.7' })).statusCode).toBe(401)
    expect((await ask({ forwarded: 'for=203.0.113.7' })).statusCode).toBe(401)
    expect((await ask({}, '203.0.113.7')).statusCode).toBe(401)
  })

  it('tells other machines of the health only whether it is good', async () => {
    const ask = (cookie = '') => secure.inject({ method: 'GET', url: '/healthz', headers: { host: HOST, cookie } })
    expect((await ask()).json()).toEqual({ status: 'ok' })
    expect((await ask(await cookieFor('viewer'))).json()).toEqual({ status: 'ok', problems: [], inner: 'detail' })
    expect((await loopback.inject('/healthz')).json()).toMatchObject({ inner: 'detail' })
  })
})

describe('a session over HTTP', () => {
  it('is a cookie that no script, no other site and no other host sees', async () => {
    const response = await login('viewer')
    expect(response.json()).toMatchObject({ name: 'viewer', role: 'viewer', mustChange: false })
    expect(response.headers['set-cookie']).toMatch(
      /^__Host-linli=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    )
    const plain = await loopback.inject({
      method: 'POST',
      url: '/api/v1/session',
      payload: { name: 'viewer', secret: SECRET },
    })
    expect(plain.headers['set-cookie']).toMatch(/^linli=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  })

  it('is a new one at each login, and what was there before is worth nothing (fixation)', async () => {
    const before = await cookieFor('viewer')
    const after = cookieOf(await login('admin', SECRET, { headers: { cookie: before } }))
    expect(after).not.toBe(before)
    expect((await me(before)).statusCode).toBe(401)
    const planted = '__Host-linli=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    expect(cookieOf(await login('viewer', SECRET, { headers: { cookie: planted } }))).not.toBe(planted)
    expect((await me(planted)).statusCode).toBe(401)
  })

  it('is of no use to a thief after the logout, or after another password', async () => {
    const stolen = await cookieFor('viewer')
    const out = await secure.inject({ method: 'DELETE', url: '/api/v1/session', headers: { ...OWN, cookie: stolen } })
    expect([out.statusCode, out.headers['set-cookie']]).toEqual([204, expect.stringContaining('Max-Age=0')])
    expect((await me(stolen)).statusCode).toBe(401)

    const [mine, thiefs] = [await cookieFor('viewer'), await cookieFor('viewer')]
    const change = (cookie: string, secret: string, next: string) =>
      secure.inject({ method: 'PUT', url: '/api/v1/me/secret', headers: { ...OWN, cookie }, payload: { secret, next } })
    expect(codeOf(await change(thiefs, 'guessed', 'other words entirely'))).toBe('LOGIN_REFUSED')
    expect(codeOf(await change(mine, SECRET, 'short'))).toBe('SECRET_WEAK')
    const changed = await change(mine, SECRET, 'other words entirely')
    expect(changed.statusCode).toBe(200)
    for (const old of [mine, thiefs]) expect((await me(old)).statusCode).toBe(401)
    expect((await me(cookieOf(changed))).statusCode).toBe(200)
    await change(cookieOf(changed), 'other words entirely', SECRET)
  })

  it('counts under its own name alone, and of several planted beside it none is taken for it', async () => {
    const cookie = await cookieFor('admin')
    const [, token = ''] = cookie.split('=')
    // The name of the loopback server can be set by whoever sits between, over plain HTTP.
    for (const planted of [
      `linli=${token}`,
      `__Secure-linli=${token}`,
      `__host-LINLI=${token}`,
      `linli-session=${token}`,
    ])
      expect([planted, (await me(planted)).statusCode]).toEqual([planted, 401])
    const viewer = await cookieFor('viewer')
    expect((await me(`${viewer}; ${cookie.replace('__Host-', '')}`)).json()).toMatchObject({ name: 'viewer' })
    expect((await me(`${viewer}; ${cookie}`)).json()).toMatchObject({ name: 'viewer' })
    // Nor by any other way than the cookie.
    const url = `/api/v1/me?token=${token}&linli=${token}`
    const headers = { ...OWN, authorization: `Bearer ${token}` }
    expect(codeOf(await secure.inject({ method: 'GET', url, headers }))).toBe('LOGIN_NEEDED')
  })

  it('of one hub opens no other', async () => {
    const other = await guardedPeople()
    const elsewhere = guardedApp(other.desk, true).app
    const headers = { ...OWN, cookie: await cookieFor('admin') }
    const answer = await elsewhere.inject({ method: 'GET', url: '/api/v1/me', headers })
    expect([answer.statusCode, codeOf(answer)]).toEqual([401, 'LOGIN_NEEDED'])
    await elsewhere.close()
    await other.close()
  })

  it('with a made password may only choose another', async () => {
    const entry = people.people.get('operator')
    await people.people.put('made', { ...entry, mustChange: true } as never)
    const cookie = await cookieFor('made')
    const headers = { ...OWN, cookie }
    expect(codeOf(await secure.inject({ method: 'GET', url: '/metrics', headers }))).toBe('SECRET_CHANGE_NEEDED')
    expect(codeOf(await secure.inject({ method: 'POST', url: '/try/operator', headers }))).toBe('SECRET_CHANGE_NEEDED')
    expect((await me(cookie)).json()).toMatchObject({ mustChange: true })
  })

  it('sends a browser to the login page, and a program a clear refusal', async () => {
    const url = '/history?series=1'
    const page = await secure.inject({ method: 'GET', url, headers: { host: HOST, accept: 'text/html' } })
    expect([page.statusCode, page.headers.location]).toEqual([302, `/login?next=${encodeURIComponent(url)}`])
    expect((await secure.inject({ method: 'GET', url, headers: { host: HOST } })).json()).toMatchObject({
      code: 'LOGIN_NEEDED',
    })
  })
})

describe('what another site makes a browser send', () => {
  it.each([
    ['its origin', { origin: 'https://evil.example' }, 'ORIGIN_FOREIGN'],
    ['this host without TLS', { origin: `http://${HOST}` }, 'ORIGIN_FOREIGN'],
    ['another port of this host', { origin: 'https://hub.estate:9443' }, 'ORIGIN_FOREIGN'],
    ['a name that begins like ours', { origin: `https://${HOST}.evil.example` }, 'ORIGIN_FOREIGN'],
    ['no origin to speak of', { origin: 'null' }, 'ORIGIN_FOREIGN'],
    ['the same site', { 'sec-fetch-site': 'same-site' }, 'ORIGIN_FOREIGN'],
    [
      'a cross-site mark beside our origin',
      { origin: `https://${HOST}`, 'sec-fetch-site': 'cross-site' },
      'ORIGIN_FOREIGN',
    ],
    ['nothing', {}, 'ORIGIN_MISSING'],
  ])('changes nothing: %s', async (_what, said, code) => {
    const headers = { host: HOST, cookie: await cookieFor('operator'), ...said }
    expect(codeOf(await secure.inject({ method: 'POST', url: '/try/operator', headers }))).toBe(code)
    if (code === 'ORIGIN_FOREIGN') {
      const forced = await secure.inject({
        method: 'POST',
        url: '/api/v1/session',
        headers,
        payload: { name: 'viewer', secret: SECRET },
      })
      expect([codeOf(forced), forced.headers['set-cookie']]).toEqual([code, undefined])
    }
  })

  it('is let through from a page of ours, with either sign', async () => {
    const cookie = await cookieFor('operator')
    for (const said of [{ origin: `https://${HOST}` }, { 'sec-fetch-site': 'same-origin' }]) {
      const answer = await secure.inject({
        method: 'POST',
        url: '/try/operator',
        headers: { host: HOST, cookie, ...said },
      })
      expect(answer.json()).toMatchObject({ name: 'operator', role: 'operator', language: 'zh' })
    }
  })

  it('is no login by a form, which browsers send anywhere', async () => {
    const headers = { host: HOST, 'content-type': 'application/x-www-form-urlencoded' }
    const form = await secure.inject({
      method: 'POST',
      url: '/api/v1/session',
      headers,
      payload: `name=viewer&secret=x`,
    })
    expect(form.statusCode).toBe(415)
  })
})

describe('an attacker', () => {
  it('who guesses is paused at the sixth, and the right password does not help them then', async () => {
    const remoteAddress = '198.51.100.1'
    const answers = []
    for (let n = 0; n < 10; n++) answers.push(await login('installer', `guess ${n}`, { remoteAddress }))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([...Array(5).fill(401), ...Array(5).fill(429)])
    expect(answers.at(-1)?.headers['retry-after']).toMatch(/^(30|29)$/)
    expect((await login('installer', SECRET, { remoteAddress })).statusCode).toBe(429)
    // Where the installer usually is, nothing has happened.
    expect((await login('installer')).statusCode).toBe(200)
  })

  it('learns nothing about names', async () => {
    const of = async (name: string, remoteAddress: string) => {
      const { statusCode, body, headers } = await login(name, 'wrong', { remoteAddress })
      const { date: _date, ...rest } = headers
      return { statusCode, body, rest }
    }
    expect(await of('viewer', '198.51.100.2')).toEqual(await of('nobody', '198.51.100.3'))
    expect(await of('a b\n', '198.51.100.4')).toEqual(await of('nobody2', '198.51.100.5'))
  })

  it.each([
    ['too much', JSON.stringify({ name: 'viewer', secret: 'x'.repeat(5_000) }), 413],
    ['a long password', JSON.stringify({ name: 'viewer', secret: 'x'.repeat(401) }), 400],
    ['no JSON', '{"name":', 400],
    ['a prototype', '{"__proto__":{"role":"admin"},"name":"viewer","secret":"x"}', 400],
    ['a role of their own', '{"name":"viewer","secret":"x","role":"admin"}', 400],
    ['a list', '["viewer","x"]', 400],
    ['nothing', '', 400],
  ])('who sends %s is refused, and hears nothing back', async (_what, payload, status) => {
    const headers = { ...OWN, 'content-type': 'application/json' }
    const answer = await secure.inject({
      method: 'POST',
      url: '/api/v1/session',
      headers,
      payload,
      remoteAddress: '198.51.100.6',
    })
    expect(answer.statusCode).toBe(status)
    expect(answer.body).not.toContain('xxxx')
  })

  it.each([
    '',
    '__Host-linli=',
    '__Host-linli=%00',
    '__Host-linli=__proto__',
    `__Host-linli=${'A'.repeat(3000)}`,
    'linli=x; __Host-linli',
  ])('with the cookie %s is nobody', async (cookie) => {
    expect((await me(cookie)).statusCode).toBe(401)
  })

  it('finds no file behind any path, however it is written', async () => {
    await secure.listen({ host: '127.0.0.1', port: 0 })
    const { port } = secure.server.address() as AddressInfo
    const steps = [
      '../',
      '..%2f',
      '%2e%2e/',
      '%2e%2e%2f',
      '..%252f',
      '..\\',
      '..%5c',
      '....//',
      '.%00./',
      '%c0%ae%c0%ae/',
      '/',
      '//',
    ]
    const files = ['package.json', 'people.json', 'etc/passwd', 'login.html%00.js', 'guard.ts']
    for (const base of ['/', '/login/', '/contract/', '/contract/schemas/']) {
      for (const step of steps) {
        for (const file of files) {
          const path = `${base}${step.repeat(4)}${file}`
          // As it stands: clients that know URLs would tidy it up.
          const answer = await raw(port, path)
          expect([path, /^HTTP\/1.1 (400|404|302)/.test(answer)]).toEqual([path, true])
          expect(answer).not.toMatch(/"dependencies"|"people"|root:|import /)
        }
      }
    }
  })
})

/** One request, its path as it stands. */
function raw(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.end(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`),
    )
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.once('end', () => resolve(text))
    socket.once('error', reject)
  })
}
