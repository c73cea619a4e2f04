import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Who is calling: a camera with its token, by whichever of the three ways its firmware knows. Bearer (RFC 6750) and Basic
 * (RFC 7617: user = the camera's id, password = the token) send the token itself; Digest (RFC 7616) does not, and a
 * request that was overheard cannot be sent again.
 */
export interface Guard {
  /** `unknown` only where nobody needs a token: elsewhere it would tell which cameras there are. */
  check(camera: string, request: { method: string; url: string; authorization: string | undefined }): GuardVerdict
  /** For WWW-Authenticate. */
  challenges(): string[]
}

export type GuardVerdict = 'good' | 'denied' | 'unknown'

const REALM = 'linli'
/** A camera asks for a new one by itself. */
const NONCE_LIFE_MS = 300_000
/** Nonces in use; a camera has one or two. */
const NONCES_MAX = 1024

export function createGuard(
  deps: { randomBytes: (count: number) => Uint8Array; now_ms: () => number },
  cameras: ReadonlyMap<string, { token: string | undefined }>,
): Guard {
  const needsTokens = [...cameras.values()].some(({ token }) => token !== undefined)
  const nonceKey = deps.randomBytes(32)
  /** Nonce → the last count that was used with it. */
  const used = new Map<string, number>()

  function sign(born: string): string {
    return createHmac('sha256', nonceKey).update(born).digest('base64url').slice(0, 22)
  }

  function newNonce(): string {
    const born = Math.round(deps.now_ms()).toString(36)
    return `${born}.${sign(born)}`
  }

  function isLive(nonce: string): boolean {
    const [born = '', signature = ''] = nonce.split('.')
    return isSame(signature, sign(born)) && deps.now_ms() - Number.parseInt(born, 36) <= NONCE_LIFE_MS
  }

  /** Each count of a nonce once, rising (RFC 7616 §3.4.5). */
  function isFirstUse(nonce: string, count: number): boolean {
    const last = used.get(nonce) ?? 0
    if (!(count > last)) return false
    used.delete(nonce)
    used.set(nonce, count)
    const [oldest] = used.keys()
    if (used.size > NONCES_MAX && oldest !== undefined) used.delete(oldest)
    return true
  }

  function checkDigest(camera: string, token: string, method: string, url: string, text: string): boolean {
    const { username, realm, nonce = '', uri, response = '', algorithm, qop, nc = '', cnonce = '' } = parametersOf(text)
    if (username !== camera || realm !== REALM || uri !== url || !isLive(nonce)) return false
    if (algorithm !== undefined && algorithm.toUpperCase() !== 'MD5') return false
    const account = md5(`${camera}:${REALM}:${token}`)
    const request = md5(`${method}:${url}`)
    const rest = qop === undefined ? request : `${nc}:${cnonce}:${qop}:${request}`
    if (qop !== undefined && qop !== 'auth') return false
    if (!isSame(response, md5(`${account}:${nonce}:${rest}`))) return false
    return isFirstUse(nonce, qop === undefined ? 1 : Number.parseInt(nc, 16))
  }

  return {
    check(camera, { method, url, authorization }) {
      const known = cameras.get(camera)
      if (!known) return needsTokens ? 'denied' : 'unknown'
      const { token } = known
      if (token === undefined) return 'good'
      const [scheme = '', rest = ''] = splitOnce(authorization ?? '', ' ')
      switch (scheme.toLowerCase()) {
        case 'bearer':
          return isSame(rest.trim(), token) ? 'good' : 'denied'
        case 'basic':
          return isSame(Buffer.from(rest, 'base64').toString('utf8'), `${camera}:${token}`) ? 'good' : 'denied'
        case 'digest':
          return checkDigest(camera, token, method, url, rest) ? 'good' : 'denied'
        default:
          return 'denied'
      }
    },
    challenges: () => [
      // What cameras speak; SHA-256 is not among it (RFC 7616 §3.3 keeps MD5 for them).
      `Digest realm="${REALM}", qop="auth", algorithm=MD5, nonce="${newNonce()}"`,
      `Basic realm="${REALM}"`,
    ],
  }
}

function parametersOf(text: string): Partial<Record<string, string>> {
  const found: Array<[string, string]> = []
  for (const [, name = '', quoted, plain] of text.matchAll(/([a-z]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))/gi))
    found.push([name.toLowerCase(), quoted ?? plain ?? ''])
  return Object.fromEntries(found)
}

function splitOnce(text: string, at: string): [string, string] {
  const place = text.indexOf(at)
  return place < 0 ? [text, ''] : [text.slice(0, place), text.slice(place + 1)]
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

/** In a time that says nothing of where they differ. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}
