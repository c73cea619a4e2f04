import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TlsOptions } from 'node:tls'
import { Aedes } from 'aedes'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { needs } from '../../test/support/needs.ts'
import { encodeJson } from '../contract/encode.ts'
import { createMqttLink } from '../journal/shipper/mqtt-link.ts'
import { createFilter, type Filter } from './filter.ts'
import { decodeUpstreams } from './settings.ts'

const WAIT = { timeout: 45_000, interval: 20 }
const one = { name: 'city', url: 'mqtts://127.0.0.1:8883' }
const decode = (upstreams: unknown, file = '/etc/linli/upstreams.json') =>
  decodeUpstreams(encodeJson({ upstreams }), file)

describe('the file of upstreams', () => {
  it('gives each upstream with what it does not say', () => {
    expect(decode([one])).toEqual([
      { ...one, filter: undefined, window: 200, start: 'now', commands: 'none', tries: 5 },
    ])
  })

  it.each<[string, string, unknown[]]>([
    ['/upstreams/0/name', '/upstreams/0/name', [{ ...one, name: 'City' }]],
    ['"all", "replay", "none"', '/upstreams/0/commands', [{ ...one, commands: 'some' }]],
    ['unknown field', '/upstreams/0/port', [{ ...one, port: 1 }]],
    ['as is /upstreams/0/name', '/upstreams/1/name', [one, one]],
    ['mqtts://host:port', '/upstreams/0/url', [{ ...one, url: 'http://h' }]],
    ['/upstreams/0/login', '/upstreams/0/url', [{ ...one, url: 'mqtt://u:secret@h' }]],
    ['needs mqtts', '/upstreams/0/url', [{ ...one, url: 'mqtt://h', tls: { cafile: 'a' } }]],
    ['go together', '/upstreams/0/tls/keyfile', [{ ...one, tls: { certfile: 'a' } }]],
    ['access-gate', '/upstreams/0/filter/include/0/classes/0', [{ ...one, filter: { include: [{ classes: ['x'] }] } }]],
  ])('says %s when it is wrong, and where', (text, path, upstreams) => {
    const wrong = expect.objectContaining({ code: 'UPSTREAMS_INVALID', path, message: expect.stringContaining(text) })
    expect(() => decode(upstreams)).toThrow(wrong)
    expect(() => decode(upstreams)).not.toThrow(/secret/)
  })
})

describe('a filter', () => {
  const at = (rest: string, payload: object = {}) => ({ topic: `linli/v1/s/c/e/${rest}`, payload: encodeJson(payload) })
  const press = at('gw-1/alarm-button/b1/evt/pressed', { severity: 'alarm' })
  const reading = at('gw-2/park-sensor/p1/tele', { severity: 'notice', data: [{ severity: 'alarm' }] })
  const state = at('gw-1/alarm-button/b1/state', { severity: 'alarm' })
  it.each<[Filter, boolean[]]>([
    [{}, [true, true, true]],
    [{ include: [{ classes: ['alarm-button'] }] }, [true, false, true]],
    [{ include: [{ severities: ['alarm'] }] }, [true, false, false]],
    [{ include: [{ severities: ['alarm'] }, { channels: ['state'] }] }, [true, false, true]],
    [{ include: [{ events: ['pressed'] }] }, [true, false, false]],
    [{ exclude: [{ gateways: ['gw-2'] }, { events: ['pressed'] }] }, [false, false, true]],
    [{ exclude: [{ severities: ['notice'] }] }, [true, false, true]],
  ])('%j lets through what fits', (filter, expected) => {
    const wants = createFilter(filter)
    expect([press, reading, state].map(wants)).toEqual(expected)
    expect([press, reading, state].map(wants)).toEqual(expected)
  })
})

needs('openssl', 'openssl')('certificates', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-tls-'))
  const at = (name: string) => join(dir, name)
  const ssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  function authority(name: string): void {
    ssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '9',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
  }
  function certificate(name: string, altName: string, dates: string[] = ['-days', '9']): void {
    writeFileSync(at(`${name}.ext`), `subjectAltName=${altName}\n`)
    ssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    ssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
      ...dates,
    )
  }
  beforeAll(() => {
    authority('ca')
    authority('other')
    certificate('server', 'IP:127.0.0.1')
    certificate('elsewhere', 'DNS:elsewhere.example')
    certificate('old', 'IP:127.0.0.1', ['-days', '-1'])
    certificate('client', 'DNS:client')
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  /** Connects once; what the link says of it. */
  async function meet(server: string, tls: object, options: TlsOptions = {}): Promise<string> {
    const aedes = await Aedes.createBroker()
    const read = (name: string) => readFileSync(at(name))
    const listener = createServer({ key: read(`${server}.key`), cert: read(`${server}.pem`), ...options }, (socket) => {
      socket.on('error', () => undefined)
      aedes.handle(socket)
    })
    listener.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', () => resolve()))
    const address = listener.address()
    const url = `mqtts://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
    const [settings] = decode([{ ...one, url, tls }], at('upstreams.json'))
    const secrets = settings?.secrets ?? (() => ({}))
    const link = createMqttLink({ random: () => 0.5 }, { url, clientId: 'x', clean: true, secrets })
    let said = ''
    link.onUp(() => {
      said ||= 'up'
    })
    link.onDown((reason, { code }) => {
      said ||= `${code} ${reason}`
    })
    link.start()
    await vi.waitFor(() => expect(said).not.toBe(''), WAIT)
    await link.close()
    await new Promise<void>((resolve) => aedes.close(() => resolve()))
    listener.close()
    return said
  }

  it.each<[string, string, object]>([
    ['^up$', 'server', { cafile: 'ca.pem' }],
    ['^up$', 'elsewhere', { cafile: 'ca.pem', servername: 'elsewhere.example' }],
    ['UPSTREAM_TLS.*authority.*CA file', 'server', {}],
    ['UPSTREAM_TLS.*CA file', 'server', { cafile: 'other.pem' }],
    ['UPSTREAM_TLS.*expired.*renew', 'old', { cafile: 'ca.pem' }],
    ['UPSTREAM_TLS.*another host name', 'elsewhere', { cafile: 'ca.pem' }],
    ['UPSTREAM_SECRET.*nowhere.pem.*cannot be read', 'server', { cafile: 'nowhere.pem' }],
  ])('say %s for %s with %j', async (expected, server, tls) => {
    expect(await meet(server, tls)).toMatch(new RegExp(expected))
  })

  it('of ours are asked for, sent, and looked at before', async () => {
    const wanted = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(at('ca.pem')) }
    const ours = { cafile: 'ca.pem', certfile: 'client.pem', keyfile: 'client.key' }
    expect(await meet('server', ours, wanted)).toBe('up')
    expect(await meet('server', { cafile: 'ca.pem' }, wanted)).toMatch(/UPSTREAM_TLS.*client certificate/)
    expect(await meet('server', { ...ours, keyfile: 'server.key' }, wanted)).toMatch(/UPSTREAM_SECRET.*not the key/)
    expect(await meet('server', { ...ours, certfile: 'old.pem', keyfile: 'old.key' }, wanted)).toMatch(/expired on/)
    chmodSync(at('client.key'), 0o644)
    expect(await meet('server', ours, wanted)).toMatch(/chmod 600/)
  })
})
