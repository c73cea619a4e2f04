import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { HUB_HOST } from '../contract/enrolment.ts'
import { LinliError } from '../contract/errors.ts'
import { issueCertificate, type KeyPair, makeAuthority, makeKeyPair, requestedKey } from './certificates.ts'
import { syncFolder, writeSecret } from './secret-file.ts'

/**
 * The site's own certificate authority: it vouches for the hub towards its gateways and for the gateways towards the hub,
 * without any outside party and without internet.
 */
export interface Authority {
  /** PEM: what gateways and clients trust. */
  readonly certificate: string
  /** SHA-256 of the certificate (DER), base64url: what an enrolment code carries, so that a false hub is refused. */
  readonly fingerprint: string
  /** What the hub's TLS listeners present. */
  readonly server: KeyPair
  /** Makes a new certificate for the listeners when the present one ends soon, lacks a host, or does not fit its key. */
  renewServer(hosts: readonly string[], now_ms: number): Promise<boolean>
  /** The public key (PEM) that a request is for. @throws {LinliError} CSR_INVALID */
  keyOf(csr: string): Promise<string>
  /**
   * A client certificate for a gateway.
   * @param csr PKCS #10, PEM
   * @throws {LinliError} CSR_INVALID
   */
  issueGateway(csr: string, gateway: string, now_ms: number): Promise<Issued>
  /**
   * ECDSA with SHA-256, what whoever trusts the certificate can check: IEEE P1363 as base64url, or, where openssl is to read it,
   * DER as base64.
   */
  sign(text: string, form?: 'der'): string
}

export interface Issued {
  certificate: string
  /** SHA-256 of the certificate (DER), base64url: how it is known in the registry. */
  fingerprint: string
  until_ms: number
}

const DAY_MS = 24 * 3600_000
const AUTHORITY_MS = 20 * 365 * DAY_MS
const SERVER_MS = 365 * DAY_MS
export const GATEWAY_MS = 365 * DAY_MS
/** Renewed when less than this share of its life is left. */
export const RENEW_SHARE = 1 / 3

const FOLDER = 'authority'
const FILES = { authority: ['ca.crt', 'ca.key'], server: ['hub.crt', 'hub.key'] } as const

/**
 * Opens the authority of a data folder, or makes one where there is none: both files of both pairs, or nothing at all.
 * @throws {LinliError} AUTHORITY_DAMAGED: it is never replaced by a new one, which no gateway would trust
 */
export async function openAuthority(
  dataDir: string,
  { site, hosts, now_ms }: { site: string; hosts: readonly string[]; now_ms: number },
): Promise<Authority> {
  const folder = join(dataDir, FOLDER)
  if (!existsSync(folder)) await makeFolder(dataDir, folder, site, hosts, now_ms)
  const authority = readPair(folder, FILES.authority)
  let server = readPair(folder, FILES.server)
  if (!fits(authority)) throw damaged(folder)
  return {
    certificate: authority.certificate,
    fingerprint: fingerprintOf(authority.certificate),
    get server() {
      return server
    },
    async renewServer(wanted, now) {
      if (fits(server) && !isDue(server.certificate, now) && coversAll(server.certificate, wanted)) return false
      server = await makeServer(authority, wanted, now)
      // A power cut in between leaves a pair that does not fit, which the next start makes anew.
      writeSecret(join(folder, FILES.server[1]), server.key)
      writeSecret(join(folder, FILES.server[0]), server.certificate)
      syncFolder(folder)
      return true
    },
    keyOf: requestedKey,
    sign: (text, form) => signedBy(authority.key, text, form),
    async issueGateway(csr, gateway, now) {
      const publicKey = await requestedKey(csr)
      const until_ms = now + GATEWAY_MS
      const request = { name: gateway, publicKey, usage: 'client', from_ms: now, until_ms } as const
      const certificate = await issueCertificate(authority, request)
      return { certificate, fingerprint: fingerprintOf(certificate), until_ms }
    },
  }
}

function signedBy(key: string, text: string, form?: 'der'): string {
  const bytes = Buffer.from(text, 'utf8')
  if (form === 'der') return sign('sha256', bytes, { key, dsaEncoding: 'der' }).toString('base64')
  return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

/** SHA-256 of a certificate (DER), base64url. */
export function fingerprintOf(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
}

/** Less than a third of its life is left. */
export function isDue(pem: string, now_ms: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(pem)
  const life_ms = validToDate.getTime() - validFromDate.getTime()
  return validToDate.getTime() - now_ms < life_ms * RENEW_SHARE
}

async function makeFolder(
  dataDir: string,
  folder: string,
  site: string,
  hosts: readonly string[],
  now_ms: number,
): Promise<void> {
  const spare = `${folder}.new`
  rmSync(spare, { recursive: true, force: true })
  mkdirSync(spare, { recursive: true, mode: 0o700 })
  const authority = await makeAuthority(`Linli ${site}`.slice(0, 64), now_ms, now_ms + AUTHORITY_MS)
  const server = await makeServer(authority, hosts, now_ms)
  for (const [pair, [certificate, key]] of [
    [authority, FILES.authority],
    [server, FILES.server],
  ] as const) {
    writeSecret(join(spare, certificate), pair.certificate)
    writeSecret(join(spare, key), pair.key)
  }
  syncFolder(spare)
  renameSync(spare, folder)
  syncFolder(dataDir)
}

async function makeServer(authority: KeyPair, hosts: readonly string[], now_ms: number): Promise<KeyPair> {
  const { publicKey, key } = await makeKeyPair()
  const request = { name: HUB_HOST, publicKey, usage: 'server', from_ms: now_ms, until_ms: now_ms + SERVER_MS } as const
  return {
    certificate: await issueCertificate(authority, { ...request, hosts: [...new Set([HUB_HOST, ...hosts])] }),
    key,
  }
}

/** Empty text for what cannot be read: it fits nothing. */
function readPair(folder: string, files: readonly [string, string]): KeyPair {
  const [certificate = '', key = ''] = files.map((file) => {
    try {
      return readFileSync(join(folder, file), 'utf8')
    } catch {
      return ''
    }
  })
  return { certificate, key }
}

function damaged(folder: string): LinliError {
  const why = `${FILES.authority.join(' and ')} cannot be read or do not fit each other`
  const what = 'restore the folder from a backup: with a new authority every gateway would have to enrol again'
  return new LinliError('AUTHORITY_DAMAGED', `${folder} is damaged (${why}); ${what}`, { kind: 'fault' })
}

function fits({ certificate, key }: KeyPair): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

function coversAll(pem: string, hosts: readonly string[]): boolean {
  const certificate = new X509Certificate(pem)
  return hosts.every((host) => certificate.checkHost(host) !== undefined || certificate.checkIP(host) !== undefined)
}
