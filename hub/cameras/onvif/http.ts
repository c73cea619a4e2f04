import { reasonOf } from '../../contract/errors.ts'
import { failed } from '../failure.ts'
import { authorization, readChallenge } from './digest.ts'

/** HTTP to one camera: bounded in bytes, never to another host, never a password in the clear. */

export interface Login {
  username: string
  password: string
}

export interface Ask {
  url: URL
  method: 'GET' | 'POST'
  body?: string
  bytes_max: number
  /** Ends it: too long, or the hub ends. */
  signal: AbortSignal
}

export interface HttpAnswer {
  status: number
  body: Buffer
}

export type Transport = (ask: Ask, login: Login | undefined) => Promise<HttpAnswer>

/** @param nonce for the digest's `cnonce` */
export function createTransport(nonce: () => string): Transport {
  return async (ask, login) => {
    const first = await once(ask, undefined)
    const challenge = first.status === 401 && login ? readChallenge(first.challenge ?? '') : undefined
    if (!challenge || !login) return first
    const { pathname, search } = ask.url
    const uri = `${pathname}${search}`
    return once(ask, authorization(challenge, { ...login, method: ask.method, uri, cnonce: nonce() }))
  }
}

async function once(
  { url, method, body, bytes_max, signal }: Ask,
  login: string | undefined,
): Promise<HttpAnswer & { challenge: string | null }> {
  try {
    const response = await fetch(url, {
      method,
      signal,
      redirect: 'manual',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/soap+xml; charset=utf-8' }),
        ...(login === undefined ? {} : { authorization: login }),
      },
      ...(body === undefined ? {} : { body }),
    })
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw failed('CAMERA_ELSEWHERE')
    }
    const { status, headers } = response
    return { status, challenge: headers.get('www-authenticate'), body: await bounded(response, bytes_max) }
  } catch (error) {
    if (signal.aborted) throw failed('CAMERA_SLOW')
    if ((error as { code?: unknown }).code?.toString().startsWith('CAMERA_')) throw error
    throw failed('CAMERA_AWAY', causeOf(error))
  }
}

async function bounded(response: Response, bytes_max: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    // Leaving the loop ends the connection.
    if (bytes > bytes_max) throw failed('CAMERA_TOO_LARGE', `more than ${bytes_max} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } }
  return typeof cause?.code === 'string' ? cause.code : reasonOf(error)
}
