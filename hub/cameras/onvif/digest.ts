import { createHash } from 'node:crypto'
import { failed } from '../failure.ts'

/** HTTP digest (RFC 7616), the client's half: MD5, which most cameras have, and SHA-256. */

export interface Challenge {
  realm: string
  nonce: string
  opaque: string | undefined
  algorithm: 'MD5' | 'SHA-256'
  /** Undefined: of before RFC 2617. */
  qop: 'auth' | undefined
}

/**
 * The best of those offered; undefined when nothing is asked for.
 * @throws {LinliError} CAMERA_LOGIN for what we do not send: a password in the clear
 */
export function readChallenge(header: string): Challenge | undefined {
  if (header === '') return undefined
  const found = header
    .split(/(?=\bDigest\s)/i)
    .filter((part) => /^Digest\s/i.test(part))
    .flatMap((part) => challengeOf(part))
  const best = found.find(({ algorithm }) => algorithm === 'SHA-256') ?? found[0]
  if (!best) throw failed('CAMERA_LOGIN', 'it offers no HTTP digest; switch that on in the camera')
  return best
}

function challengeOf(text: string): Challenge[] {
  const fields = new Map<string, string>()
  for (const [, name = '', quoted, plain] of text.matchAll(/([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi))
    fields.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '')
  const [realm, nonce] = [fields.get('realm'), fields.get('nonce')]
  const algorithm = (fields.get('algorithm') ?? 'MD5').toUpperCase()
  const qops = fields.get('qop')?.split(/[\s,]+/)
  if (realm === undefined || nonce === undefined) return []
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return []
  if (qops && !qops.includes('auth')) return []
  return [{ realm, nonce, opaque: fields.get('opaque'), algorithm, qop: qops && 'auth' }]
}

/** The header that answers it. */
export function authorization(
  { realm, nonce, opaque, algorithm, qop }: Challenge,
  said: { username: string; password: string; method: string; uri: string; cnonce: string },
): string {
  const { username, password, method, uri, cnonce } = said
  const hash = (text: string) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex')
  const [secret, asked, nc] = [hash(`${username}:${realm}:${password}`), hash(`${method}:${uri}`), '00000001']
  const response = qop
    ? hash(`${secret}:${nonce}:${nc}:${cnonce}:${qop}:${asked}`)
    : hash(`${secret}:${nonce}:${asked}`)
  const quoted = { username, realm, nonce, uri, response, ...(opaque === undefined ? {} : { opaque }) }
  const plain = { algorithm, ...(qop ? { qop, nc } : {}) }
  return `Digest ${[
    ...Object.entries(quoted).map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`),
    ...Object.entries(plain).map(([name, value]) => `${name}=${value}`),
    ...(qop ? [`cnonce="${cnonce}"`] : []),
  ].join(', ')}`
}
