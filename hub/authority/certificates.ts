import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { LinliError, reasonOf } from '../contract/errors.ts'

/**
 * Certificates (X.509, RFC 5280) as the hub makes them: ECDSA on P-256 with SHA-256, which every TLS 1.2 stack of a small
 * device speaks. The library is loaded when a certificate is made, not before: it costs 26 MB, and a hub makes few.
 */

/** PEM. */
export interface KeyPair {
  certificate: string
  key: string
}

export interface CertificateRequest {
  /** Common name: what the certificate speaks for. */
  name: string
  /** PEM, SubjectPublicKeyInfo. */
  publicKey: string
  usage: 'server' | 'client'
  /** DNS names and IP addresses of a server. */
  hosts?: readonly string[]
  from_ms: number
  until_ms: number
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const
/** RFC 5280 §4.1.2.2: at most 20 octets, positive. */
const SERIAL_BYTES = 16
/** A gateway's clock may be behind when its certificate comes. */
const BACKDATED_MS = 24 * 3600_000

async function x509() {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

/** A certificate authority of its own for one site: it signs certificates, but no further authorities. */
export async function makeAuthority(name: string, from_ms: number, until_ms: number): Promise<KeyPair> {
  const lib = await x509()
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const certificate = await lib.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: commonName(name),
      notBefore: new Date(from_ms - BACKDATED_MS),
      notAfter: new Date(until_ms),
      signingAlgorithm: SIGNING,
      keys,
      extensions: [
        new lib.BasicConstraintsExtension(true, 0, true),
        new lib.KeyUsagesExtension(lib.KeyUsageFlags.keyCertSign | lib.KeyUsageFlags.cRLSign, true),
        await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto as Crypto,
  )
  return { certificate: withNewline(certificate.toString('pem')), key: await privatePem(keys.privateKey) }
}

export async function makeKeyPair(): Promise<{ publicKey: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey))
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ type: 'spki', format: 'pem' })
  return { publicKey: String(publicKey), key: await privatePem(keys.privateKey) }
}

/** @returns the certificate, PEM */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<string> {
  const lib = await x509()
  const issuer = new lib.X509Certificate(authority.certificate)
  const publicKey = await importPublic(request.publicKey)
  const usage = request.usage === 'server' ? lib.ExtendedKeyUsage.serverAuth : lib.ExtendedKeyUsage.clientAuth
  const names = (request.hosts ?? []).map((host) => ({
    type: isIP(host) ? ('ip' as const) : ('dns' as const),
    value: host,
  }))
  const certificate = await lib.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: commonName(request.name),
      issuer: issuer.subject,
      notBefore: new Date(request.from_ms - BACKDATED_MS),
      notAfter: new Date(request.until_ms),
      signingAlgorithm: SIGNING,
      publicKey,
      signingKey: await importPrivate(authority.key),
      extensions: [
        new lib.BasicConstraintsExtension(false, undefined, true),
        new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature, true),
        new lib.ExtendedKeyUsageExtension([usage]),
        await lib.SubjectKeyIdentifierExtension.create(publicKey),
        await lib.AuthorityKeyIdentifierExtension.create(issuer),
        ...(names.length === 0 ? [] : [new lib.SubjectAlternativeNameExtension(names)]),
      ],
    },
    webcrypto as Crypto,
  )
  return withNewline(certificate.toString('pem'))
}

/**
 * The public key of a certification request (PKCS #10, RFC 2986), once its signature proves that the sender has the key.
 * Nothing else of it counts: what a certificate says is decided by who issues it.
 * @throws {LinliError} CSR_INVALID
 */
export async function requestedKey(pem: string): Promise<string> {
  const lib = await x509()
  try {
    const request = new lib.Pkcs10CertificateRequest(pem)
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('its key is not one of the curve P-256')
    if (!(await request.verify(webcrypto as Crypto))) throw new Error('its signature does not fit its key')
    return String(key.export({ type: 'spki', format: 'pem' }))
  } catch (error) {
    throw new LinliError('CSR_INVALID', `not a certification request (PKCS #10): ${reasonOf(error)}`, {
      kind: 'caller',
    })
  }
}

function serialNumber(): string {
  const bytes = randomBytes(SERIAL_BYTES)
  // Positive, and never one octet shorter.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** RFC 4514 §2.4 would need escapes for other characters; topic segments and site paths have none. */
function commonName(name: string): string {
  if (!/^[\w ./:-]{1,64}$/.test(name))
    throw new LinliError('CERTIFICATE_NAME', `${name} cannot be a common name`, { kind: 'bug' })
  return `CN=${name}`
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return String(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }))
}

function importPrivate(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), CURVE, false, ['sign'])
}

function importPublic(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  return webcrypto.subtle.importKey('spki', new Uint8Array(der), CURVE, true, ['verify'])
}

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}
