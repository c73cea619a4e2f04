import { createHash } from 'node:crypto'

/** Who may: HTTP digest (RFC 7616) or a WS-UsernameToken (OASIS, WSS 1.1), as cameras take both. */

export interface Account {
  user: string
  password: string
}

/** How old a token may be by the camera's own clock. */
const TOKEN_MS_MAX = 60_000
const REALM = 'simulated camera'

export function challenge(nonce: string): string {
  return `Digest realm="${REALM}", qop="auth", algorithm=SHA-256, nonce="${nonce}"`
}

export function isDigestRight(
  header: string | undefined,
  method: string,
  account: Account,
  isOurs: (nonce: string) => boolean,
): boolean {
  if (!header?.startsWith('Digest ')) return false
  const said = new Map<string, string>()
  for (const [, name = '', quoted, plain] of header.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g))
    said.set(name, quoted ?? plain ?? '')
  const field = (name: string) => said.get(name) ?? ''
  const algorithm = field('algorithm') === 'MD5' ? 'md5' : 'sha256'
  const hash = (text: string) => createHash(algorithm).update(text).digest('hex')
  const secret = hash(`${account.user}:${REALM}:${account.password}`)
  const asked = hash(`${method}:${field('uri')}`)
  const right = hash([secret, field('nonce'), field('nc'), field('cnonce'), field('qop'), asked].join(':'))
  return field('username') === account.user && isOurs(field('nonce')) && field('response') === right
}

export function isTokenRight(
  xml: string,
  account: Account,
  now_ms: number,
  isNew: (nonce: string) => boolean,
): boolean {
  const text = (name: string) => new RegExp(`<(?:\\w+:)?${name}\\b[^>]*>([^<]*)<`).exec(xml)?.[1] ?? ''
  const [nonce, created] = [text('Nonce'), text('Created')]
  const right = createHash('sha1')
    .update(Buffer.from(nonce, 'base64'))
    .update(created)
    .update(account.password)
    .digest('base64')
  const age_ms = Math.abs(now_ms - Date.parse(created))
  return text('Username') === account.user && text('Password') === right && age_ms <= TOKEN_MS_MAX && isNew(nonce)
}
