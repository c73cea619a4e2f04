import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createGuard, type Guard } from './guard.ts'

const TOKEN = '00112233445566778899'
const REQUEST = { method: 'POST', url: '/plate/cam-1' }
const md5 = (text: string) => createHash('md5').update(text).digest('hex')

function guardWith(token: string | undefined = TOKEN): { guard: Guard; pass: (ms: number) => void } {
  let now_ms = 1000
  const cameras = new Map([['cam-1', { token }]])
  const guard = createGuard({ randomBytes: (count) => new Uint8Array(count).fill(7), now_ms: () => now_ms }, cameras)
  function pass(ms: number): void {
    now_ms += ms
  }
  return { guard, pass }
}

function nonceOf(guard: Guard): string {
  return /nonce="([^"]+)"/.exec(guard.challenges().join())?.[1] ?? ''
}

interface Digest {
  username?: string
  realm?: string
  token?: string
  uri?: string
  nc?: string
  qop?: string
  algorithm?: string
}

/** What a camera sends (RFC 7616 §3.4). */
function digest(nonce: string, more: Digest = {}): string {
  const { username = 'cam-1', realm = 'linli', token = TOKEN, uri = REQUEST.url, nc = '00000001', qop = 'auth' } = more
  const request = md5(`POST:${uri}`)
  const response = md5(`${md5(`${username}:${realm}:${token}`)}:${nonce}:${nc}:0a4f113b:${qop}:${request}`)
  const algorithm = more.algorithm === undefined ? '' : `, algorithm=${more.algorithm}`
  return `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", qop=${qop}, nc=${nc}, cnonce="0a4f113b", response="${response}"${algorithm}`
}

/** Without qop, as old firmware does (RFC 2069). */
function oldDigest(nonce: string): string {
  const response = md5(`${md5(`cam-1:linli:${TOKEN}`)}:${nonce}:${md5(`POST:${REQUEST.url}`)}`)
  return `Digest username="cam-1", realm="linli", nonce="${nonce}", uri="${REQUEST.url}", response="${response}"`
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const check = (guard: Guard, authorization: string | undefined, camera = 'cam-1') =>
  guard.check(camera, { ...REQUEST, authorization })

describe('a camera with a token', () => {
  it.each([
    ['nothing', undefined, 'denied'],
    ['an empty header', '', 'denied'],
    ['the token', `Bearer ${TOKEN}`, 'good'],
    ['the token, the scheme in capitals', `BEARER ${TOKEN}`, 'good'],
    ['half of the token', `Bearer ${TOKEN.slice(0, 10)}`, 'denied'],
    ['the token and more', `Bearer ${TOKEN}0`, 'denied'],
    ['id and token', basic(`cam-1:${TOKEN}`), 'good'],
    ['the id of another', basic(`cam-2:${TOKEN}`), 'denied'],
    ['id and no token', basic('cam-1:'), 'denied'],
    ['what is no base64', 'Basic !!!', 'denied'],
    ['a scheme that we do not know', `Negotiate ${TOKEN}`, 'denied'],
  ])('that gives %s', (_what, authorization, verdict) => {
    expect(check(guardWith().guard, authorization)).toBe(verdict)
  })

  it('answers a challenge, once for each count, rising', () => {
    const { guard } = guardWith()
    const nonce = nonceOf(guard)
    expect(check(guard, digest(nonce))).toBe('good')
    expect(check(guard, digest(nonce))).toBe('denied')
    expect(check(guard, digest(nonce, { nc: '00000003' }))).toBe('good')
    expect(check(guard, digest(nonce, { nc: '00000002' }))).toBe('denied')
    expect(check(guard, digest(nonce, { nc: 'zz' }))).toBe('denied')
  })

  it('answers one without qop once', () => {
    const { guard } = guardWith()
    const nonce = nonceOf(guard)
    expect([check(guard, oldDigest(nonce)), check(guard, oldDigest(nonce))]).toEqual(['good', 'denied'])
  })

  it.each<[string, Digest]>([
    ['a wrong token', { token: 'x' }],
    ['another user', { username: 'cam-2' }],
    ['another realm', { realm: 'else' }],
    ['another address', { uri: '/plate/cam-2' }],
    ['another algorithm', { algorithm: 'SHA-256' }],
    ['another protection', { qop: 'auth-int' }],
  ])('is refused when it answers with %s', (_what, more) => {
    const { guard } = guardWith()
    expect(check(guard, digest(nonceOf(guard), more))).toBe('denied')
    expect(check(guard, digest(nonceOf(guard), { algorithm: 'MD5' }))).toBe('good')
  })

  it('is asked anew after a while, and a made up challenge is none', () => {
    const { guard, pass } = guardWith()
    const nonce = nonceOf(guard)
    expect(check(guard, digest(`${nonce}x`))).toBe('denied')
    expect(check(guard, digest('rs.AAAAAAAAAAAAAAAAAAAAAA'))).toBe('denied')
    pass(300_001)
    expect(check(guard, digest(nonce))).toBe('denied')
    expect(check(guard, digest(nonceOf(guard)))).toBe('good')
  })
})

describe('a camera that is not known', () => {
  it('is told apart only where nobody has a token', () => {
    expect(check(guardWith().guard, `Bearer ${TOKEN}`, 'cam-9')).toBe('denied')
    const open = createGuard(
      { randomBytes: (count) => new Uint8Array(count), now_ms: () => 0 },
      new Map([['cam-1', { token: undefined }]]),
    )
    expect([check(open, undefined), check(open, undefined, 'cam-9')]).toEqual(['good', 'unknown'])
  })
})
