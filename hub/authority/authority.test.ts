import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import 'reflect-metadata'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HUB_HOST } from '../contract/enrolment.ts'
import { type Authority, GATEWAY_MS, isDue, openAuthority } from './authority.ts'
import { makeAuthority } from './certificates.ts'

const NOW_MS = Date.now()
const SITE = { site: 's1/c1/e1', hosts: ['127.0.0.1', 'localhost'], now_ms: NOW_MS }

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-authority-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** A gateway's key and the request for its certificate. */
async function gatewayRequest(): Promise<{ csr: string; key: string }> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const request = await Pkcs10CertificateRequestGenerator.create({ name: 'CN=whatever', keys, signingAlgorithm })
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { csr: request.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n` }
}

/** What both sides of a TLS connection make of each other. */
async function handshake(
  hub: Authority,
  client: { ca: string; cert?: string; key?: string; servername?: string },
): Promise<{ client: string; gateway: string | undefined }> {
  const server = createServer({
    cert: hub.server.certificate,
    key: hub.server.key,
    ca: hub.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  })
  const seen = new Promise<string | undefined>((resolve) =>
    server.once('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => undefined)
      resolve(socket.authorized ? String(socket.getPeerCertificate().subject.CN) : undefined)
    }),
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as { port: number }).port
  const socket = connect({ host: '127.0.0.1', port, servername: HUB_HOST, ...client })
  const outcome = await new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve('secure'))
    socket.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message))
  })
  const gateway = outcome === 'secure' ? await seen : undefined
  socket.destroy()
  await new Promise((resolve) => server.close(resolve))
  return { client: outcome, gateway }
}

describe('the authority of a site', () => {
  it('vouches for the hub and for its gateways in a real handshake', async () => {
    const hub = await openAuthority(dir, SITE)
    const { csr, key } = await gatewayRequest()
    const { certificate } = await hub.issueGateway(csr, 'gw-1', NOW_MS)
    expect(await handshake(hub, { ca: hub.certificate, cert: certificate, key })).toEqual({
      client: 'secure',
      gateway: 'gw-1',
    })
  })

  it('is known by the hub under its fixed name and under its addresses, and under no other', async () => {
    const hub = await openAuthority(dir, SITE)
    expect((await handshake(hub, { ca: hub.certificate, servername: 'localhost' })).client).toBe('secure')
    expect((await handshake(hub, { ca: hub.certificate, servername: 'evil.example' })).client).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    )
  })

  it('a hub of another authority is refused, and a gateway of another one is nobody', async () => {
    const hub = await openAuthority(dir, SITE)
    const other = mkdtempSync(join(tmpdir(), 'linli-authority-'))
    const stranger = await openAuthority(other, SITE)
    expect((await handshake(stranger, { ca: hub.certificate })).client).toMatch(
      /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY/,
    )
    const { csr, key } = await gatewayRequest()
    const { certificate } = await stranger.issueGateway(csr, 'gw-1', NOW_MS)
    expect((await handshake(hub, { ca: hub.certificate, cert: certificate, key })).gateway).toBeUndefined()
    rmSync(other, { recursive: true })
  })

  it('the certificate of a gateway says what the hub decided, not what was asked, and signs nothing', async () => {
    const hub = await openAuthority(dir, SITE)
    const { certificate, until_ms } = await hub.issueGateway((await gatewayRequest()).csr, 'gw-1', NOW_MS)
    const read = new X509Certificate(certificate)
    expect(read.subject).toBe('CN=gw-1')
    expect(read.ca).toBe(false)
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(read.verify(new X509Certificate(hub.certificate).publicKey)).toBe(true)
    expect(until_ms).toBe(NOW_MS + GATEWAY_MS)
    expect(isDue(certificate, NOW_MS)).toBe(false)
    expect(isDue(certificate, NOW_MS + GATEWAY_MS * 0.7)).toBe(true)
  })

  it.each(['', 'no request', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'])(
    'refuses what is no request: %j',
    async (csr) => {
      const hub = await openAuthority(dir, SITE)
      await expect(hub.issueGateway(csr, 'gw-1', NOW_MS)).rejects.toMatchObject({ code: 'CSR_INVALID' })
    },
  )

  it('refuses a request that was changed after it was signed', async () => {
    const hub = await openAuthority(dir, SITE)
    const { csr } = await gatewayRequest()
    const der = Buffer.from(csr.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64')
    const at = der.indexOf('whatever')
    der.write('Whatever', at)
    const changed = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    await expect(hub.issueGateway(changed, 'gw-1', NOW_MS)).rejects.toMatchObject({ code: 'CSR_INVALID' })
  })

  it('is the same after a restart; its files are nobody else to read', async () => {
    const first = await openAuthority(dir, SITE)
    const second = await openAuthority(dir, SITE)
    expect(second.fingerprint).toBe(first.fingerprint)
    expect(second.server).toEqual(first.server)
    for (const file of readdirSync(join(dir, 'authority')))
      expect(statSync(join(dir, 'authority', file)).mode & 0o777).toBe(0o600)
  })

  it('a half-made one is made again; a damaged one is told and never replaced', async () => {
    writeFileSync(join(dir, 'authority.new'), 'half')
    await openAuthority(dir, SITE)
    const key = join(dir, 'authority', 'ca.key')
    const whole = readFileSync(key, 'utf8')
    writeFileSync(key, '')
    await expect(openAuthority(dir, SITE)).rejects.toMatchObject({ code: 'AUTHORITY_DAMAGED' })
    writeFileSync(key, (await makeAuthority('other', NOW_MS, NOW_MS + 1e9)).key)
    await expect(openAuthority(dir, SITE)).rejects.toMatchObject({ code: 'AUTHORITY_DAMAGED' })
    writeFileSync(key, whole)
    await openAuthority(dir, SITE)
  })

  it("renews the hub's certificate when it ends soon, when an address is new, and when a power cut tore the pair", async () => {
    const hub = await openAuthority(dir, SITE)
    expect(await hub.renewServer(SITE.hosts, NOW_MS)).toBe(false)
    expect(await hub.renewServer([...SITE.hosts, '10.0.0.7'], NOW_MS)).toBe(true)
    expect(new X509Certificate(hub.server.certificate).checkIP('10.0.0.7')).toBe('10.0.0.7')
    expect(await hub.renewServer(SITE.hosts, NOW_MS + 300 * 24 * 3600_000)).toBe(true)
    writeFileSync(join(dir, 'authority', 'hub.key'), (await makeAuthority('other', NOW_MS, NOW_MS + 1e9)).key)
    const torn = await openAuthority(dir, SITE)
    expect(await torn.renewServer(SITE.hosts, NOW_MS)).toBe(true)
    expect((await handshake(torn, { ca: torn.certificate })).client).toBe('secure')
  })
})
