import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import 'reflect-metadata'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import mqtt, { type IClientOptions } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type GuardedHub, SECRET, startGuardedHub } from '../test/support/guarded-hub.ts'
import { routesFor } from '../test/support/guarded-web.ts'
import { openAuthority } from './authority/authority.ts'
import type { HubConfig } from './config.ts'
import { ENROL_PATHS, EnrolAnswer, HUB_HOST } from './contract/enrolment.ts'
import { checker } from './contract/schema.ts'
import { openSecureSide, type SecureSide } from './secure-side.ts'
import type { Routes } from './web/server.ts'

/** What other machines meet at a hub: its TLS, and everybody who tries to enrol without a right to. */

const HOUR_MS = 3_600_000
const SITE = { site: 's/c/e', hosts: [], now_ms: Date.now() }
let dir: string
let at: GuardedHub
let secure: SecureSide
let ca: string
const ends: Array<() => unknown> = []
/** How far the clock of the hub is ahead. */
let ahead_ms = 0

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'linli-secure-'))
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead_ms)
  at = await startGuardedHub()
  const tls = { host: '127.0.0.1', mqttsPort: 0, httpsPort: 0 }
  const config = { dataDir: dir, site: { street: 's', community: 'c', estate: 'e' }, tls } as HubConfig & {
    tls: typeof tls
  }
  const { hub, registry } = at
  const routes = routesFor({} as Routes['people'], { '/mqtt': hub.broker.upgrade })
  const logger = { info() {}, warn() {}, error() {} }
  secure = await openSecureSide(config, { hub, registry, logger, routes })
  ca = secure.authority.certificate
})
afterAll(async () => {
  vi.restoreAllMocks()
  for (const end of ends) end()
  await secure.close()
  await at.close()
  rmSync(dir, { recursive: true, force: true })
})

interface Pair {
  cert: string
  key: string
}
async function requestOf(): Promise<{ csr: string; key: string }> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const csr = (await Pkcs10CertificateRequestGenerator.create({ name: 'CN=x', keys, signingAlgorithm })).toString('pem')
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { csr, key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n` }
}
const codeFor = async (gateway: string) => (await secure.enrolment.issueCode(gateway, 'installer:li')).code

interface Answer {
  status: number
  body: string
}
/** One request over HTTPS; a text goes as it is. */
function post(path: string, body: unknown, options: Partial<Pair & { type: string }> = {}): Promise<Answer> {
  const { type = 'application/json', ...pair } = options
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port: secure.httpsPort, path, servername: HUB_HOST, ca, agent: false }
    const sent = httpsRequest({ ...where, ...pair, method: 'POST', headers: { 'content-type': type } }, (response) => {
      let text = ''
      response.on('data', (piece) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
    })
    sent.on('error', reject)
    sent.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}
const checkAnswer = checker(EnrolAnswer)
async function enrolled(gateway: string): Promise<Pair> {
  const { csr, key } = await requestOf()
  const { body } = await post(ENROL_PATHS.claim, { code: await codeFor(gateway), csr })
  const answer = checkAnswer(JSON.parse(body))
  if (!answer.ok) throw answer.error
  return { cert: answer.value.certificate, key }
}
/** The CONNACK code, 0 for let in, and what may be done then. */
async function come(options: Partial<IClientOptions> & { url?: string }) {
  const { url = `mqtts://127.0.0.1:${secure.mqttsPort}`, ...more } = options
  // Names of an address are not looked for; the hub's own name is.
  const client = mqtt.connect(url, {
    ca,
    servername: HUB_HOST,
    reconnectPeriod: 0,
    protocolVersion: 4,
    wsOptions: { ca, servername: HUB_HOST, ...more },
    ...more,
  } as IClientOptions)
  ends.push(() => client.end(true))
  return new Promise<{ code: number | string; may(filter: string): Promise<boolean>; closed: Promise<void> }>(
    (resolve) => {
      const closed = new Promise<void>((shut) => client.once('close', () => shut()))
      const may = (filter: string) =>
        client.subscribeAsync(filter).then(
          () => true,
          () => false,
        )
      client.once('connect', () => resolve({ code: 0, may, closed }))
      client.once('error', (error) =>
        resolve({ code: (error as { code?: number }).code ?? error.message, may, closed }),
      )
    },
  )
}
/** What comes of a handshake: the protocol and the cipher, or why not. */
function shake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: HUB_HOST, ca, ...options })
    socket.once('secureConnect', () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().name}`)
      socket.destroy()
    })
    socket.once('error', (error) => resolve(`refused: ${(error as NodeJS.ErrnoException).code}`))
  })
}

describe('the TLS of a hub', () => {
  const LOOSE = '@SECLEVEL=0'
  it.each(['mqttsPort', 'httpsPort'] as const)(
    'at its %s is 1.2 or 1.3 with forward secrecy and nothing older',
    async (name) => {
      const port = secure[name]
      expect(await shake(port, {})).toMatch(/^TLSv1\.3 TLS_/)
      const v12 = { maxVersion: 'TLSv1.2' } as const
      expect(await shake(port, v12)).toMatch(/^TLSv1\.2 ECDHE-ECDSA-(AES|CHACHA)/)
      for (const version of ['TLSv1', 'TLSv1.1'] as const)
        expect(await shake(port, { minVersion: 'TLSv1', maxVersion: version, ciphers: `ALL${LOOSE}` })).toMatch(
          'refused',
        )
      // Without forward secrecy, without authentication of the bytes, without encryption.
      for (const cipher of [
        'AES128-GCM-SHA256',
        'ECDHE-ECDSA-AES128-SHA',
        'ECDHE-ECDSA-AES256-SHA384',
        'NULL',
        'aNULL',
      ])
        expect([cipher, await shake(port, { ...v12, minVersion: 'TLSv1.2', ciphers: `${cipher}${LOOSE}` })]).toEqual([
          cipher,
          expect.stringContaining('refused'),
        ])
    },
  )

  it('is the one whose authority a client knows, under its own name', async () => {
    const other = await openAuthority(mkdtempSync(join(dir, 'other-')), SITE)
    expect(await shake(secure.mqttsPort, { ca: other.certificate })).toContain('refused')
    expect(await shake(secure.mqttsPort, { servername: 'hub.example.org' })).toBe(
      'refused: ERR_TLS_CERT_ALTNAME_INVALID',
    )
  })

  it('makes a gateway of its certificate alone, whatever client id and user name stand beside it', async () => {
    const pair = await enrolled('gw-1')
    const own = 'linli/v1/s/c/e/gw-1/+/+/cmd/+/+'
    for (const beside of [{}, { clientId: 'gw-2' }, { username: 'city', password: SECRET }, { username: 'gw-2' }]) {
      const came = await come({ ...pair, ...beside })
      expect([beside, came.code, await came.may(own)]).toEqual([beside, 0, true])
      expect([beside, await came.may('linli/v1/s/c/e/gw-2/+/+/cmd/+/+'), await came.may('linli/v1/s/c/e/#')]).toEqual([
        beside,
        false,
        false,
      ])
    }
  })

  it('knows nobody by a certificate of another authority, an expired one, the hub’s own, or none', async () => {
    const { csr, key } = await requestOf()
    const other = await openAuthority(mkdtempSync(join(dir, 'other-')), SITE)
    const foreign = await other.issueGateway(csr, 'gw-1', Date.now())
    const past = await secure.authority.issueGateway(csr, 'gw-1', Date.now() - 400 * 24 * HOUR_MS)
    const entry = { gateway: 'gw-1', issued: new Date(0).toISOString(), until: '2999-01-01T00:00:00.000Z' }
    at.registry.addCertificate(past.fingerprint, entry)
    const { certificate, key: hubKey } = secure.authority.server
    const unregistered = await secure.authority.issueGateway(csr, 'gw-1', Date.now())
    const wss = `wss://127.0.0.1:${secure.httpsPort}/mqtt`
    for (const [what, pair] of [
      ['foreign', { cert: foreign.certificate, key }],
      ['expired', { cert: past.certificate, key }],
      ['of the hub', { cert: certificate, key: hubKey }],
      ['in no registry', { cert: unregistered.certificate, key }],
    ] as const) {
      expect([what, (await come({ ...pair })).code]).toEqual([what, 5])
      // A good secret beside it does not make up for it; without the certificate it lets in.
      const secret = { username: 'city', password: SECRET }
      expect([what, (await come({ ...pair, ...secret })).code]).toEqual([what, 5])
      expect([what, (await come({ url: wss, ...pair, ...secret })).code]).toEqual([what, 5])
      expect([what, (await come(secret)).code]).toEqual([what, 0])
    }
    expect((await come({})).code).toBe(5)
  })

  it('serves MQTT over WebSocket with the same certificates and secrets', async () => {
    const url = `wss://127.0.0.1:${secure.httpsPort}/mqtt`
    expect((await come({ url })).code).toBe(5)
    const city = await come({ url, username: 'city', password: SECRET })
    expect([city.code, await city.may('linli/v1/s/c/e/#')]).toEqual([0, true])
    const gateway = await come({ url, ...(await enrolled('gw-1')) })
    expect([gateway.code, await gateway.may('linli/v1/s/c/e/#')]).toEqual([0, false])
  })

  it('ends what a revoked certificate has open, and lets it neither in again nor renew itself', async () => {
    const pair = await enrolled('gw-5')
    const came = await come({ ...pair })
    await secure.enrolment.revoke('gw-5', 'installer:li')
    await came.closed
    expect((await come({ ...pair })).code).toBe(5)
    const { csr } = await requestOf()
    expect(await post(ENROL_PATHS.renew, { csr }, pair)).toMatchObject({
      status: 403,
      body: expect.stringContaining('CERTIFICATE_REVOKED'),
    })
  })
})

describe('enrolment over HTTPS', () => {
  const claim = async (code: string, csr?: string) =>
    post(ENROL_PATHS.claim, { code, csr: csr ?? (await requestOf()).csr })
  const outcome = ({ status, body }: Answer) =>
    `${status} ${(JSON.parse(body) as { code?: string; gateway?: string }).code ?? 'certificate'}`

  it('gives a code’s certificate to one of those who race for it, and to that one again', async () => {
    const code = await codeFor('gw-6')
    const requests = await Promise.all(Array.from({ length: 6 }, requestOf))
    const outcomes = (await Promise.all(requests.map(({ csr }) => claim(code, csr)))).map(outcome)
    expect(outcomes.filter((one) => one === '200 certificate')).toHaveLength(1)
    expect(outcomes.filter((one) => one === '403 ENROL_CODE_USED')).toHaveLength(5)
    const winner = requests[outcomes.indexOf('200 certificate')]
    expect(outcome(await claim(code, winner?.csr))).toBe('200 certificate')
    // Replayed by somebody who listened.
    expect(outcome(await claim(code))).toBe('403 ENROL_CODE_USED')
  })

  it('refuses a code that has expired, or was replaced by a newer one', async () => {
    const old = await codeFor('gw-7')
    const code = await codeFor('gw-7')
    expect(outcome(await claim(old))).toBe('403 ENROL_CODE_UNKNOWN')
    ahead_ms = 25 * HOUR_MS
    try {
      expect(outcome(await claim(code))).toBe('403 ENROL_CODE_EXPIRED')
    } finally {
      ahead_ms = 0
    }
  })

  it('renews nothing without a certificate, or with one of another authority', async () => {
    const { csr, key } = await requestOf()
    const other = await openAuthority(mkdtempSync(join(dir, 'other-')), SITE)
    const foreign = { cert: (await other.issueGateway(csr, 'gw-1', Date.now())).certificate, key }
    const past = await secure.authority.issueGateway(csr, 'gw-1', Date.now() - 400 * 24 * HOUR_MS)
    for (const [pair, refusal] of [
      [{}, '403 CERTIFICATE_MISSING'],
      [foreign, '403 CERTIFICATE_INVALID'],
      [{ cert: past.certificate, key }, '403 CERTIFICATE_INVALID'],
    ] as const)
      expect(outcome(await post(ENROL_PATHS.renew, { csr }, pair))).toBe(refusal)
    const pair = await enrolled('gw-8')
    // Whose certificate it is decides, not what is asked for.
    const renewed = await post(ENROL_PATHS.renew, { csr }, pair)
    expect(JSON.parse(renewed.body)).toMatchObject({ gateway: 'gw-8' })
  })

  it.each<[string, string, string, number]>([
    ['too large', JSON.stringify({ code: 'x', csr: 'x'.repeat(9_000) }), 'application/json', 413],
    ['no JSON', '{"code": ', 'application/json', 400],
    ['a prototype', '{"__proto__": {"code": "x"}}', 'application/json', 400],
    ['no object', '[]', 'application/json', 403],
    ['a field too many', '{"code": "x", "csr": "x", "gateway": "gw-1"}', 'application/json', 403],
    ['a code that is a list', '{"code": ["x"], "csr": "x"}', 'application/json', 403],
    ['a form', 'code=x&csr=x', 'application/x-www-form-urlencoded', 415],
    ['a request that is none', '{"code": "x", "csr": "-----BEGIN CERTIFICATE REQUEST-----"}', 'application/json', 403],
  ])('answers a body that is %s with a refusal', async (_what, body, type, status) => {
    const answer = await post(ENROL_PATHS.claim, body, { type })
    expect([answer.status, answer.body]).toEqual([status, expect.not.stringContaining('    at ')])
  })

  it('lets nobody guess: after ten wrong codes the right one waits as well', async () => {
    const code = await codeFor('gw-9')
    const { csr } = await requestOf()
    const guesses: string[] = []
    for (let n = 0; n < 12; n++) guesses.push(outcome(await claim(`00000000${1000 + n}`, csr)))
    expect(guesses.at(-1)).toBe('403 ENROL_THROTTLED')
    expect(outcome(await claim(code, csr))).toBe('403 ENROL_THROTTLED')
  })
})
