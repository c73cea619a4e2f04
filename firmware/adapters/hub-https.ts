import { request } from 'node:https'
import { HUB_HOST } from '../../hub/contract/enrolment.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'

/** How a gateway speaks HTTPS to its hub. */
export interface HubCall {
  host: string
  port: number
  path: string
  /** PEM: who vouches for the hub. `undefined`: not known yet, so nothing secret may be sent and nothing believed. */
  authority: string | undefined
  /** Our own certificate, PEM. */
  identity?: { certificate: string; key: string }
  /** POSTed as JSON; GET without. */
  body?: object
}

const TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 64 * 1024

/**
 * The body of a 200.
 * @throws {LinliError} the hub's own code and words; HUB_UNREACHABLE; HUB_FALSE when its certificate is not what it has to be
 */
export function callHub({ host, port, path, authority, identity, body }: HubCall): Promise<string> {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host,
      port,
      path,
      method: payload === undefined ? 'GET' : 'POST',
      servername: HUB_HOST,
      timeout: TIMEOUT_MS,
      agent: false,
      ...(authority === undefined ? { rejectUnauthorized: false } : { ca: authority }),
      ...(identity ? { cert: identity.certificate, key: identity.key } : {}),
      ...(payload === undefined
        ? {}
        : { headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) } }),
    })
    const fail = (error: unknown) => reject(failure(`${host}:${port}`, error))
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    outgoing.on('error', fail)
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > ANSWER_BYTES_MAX) outgoing.destroy(new Error('its answer is too long'))
        else chunks.push(chunk)
      })
      response.on('error', fail)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve(text)
        else reject(refusal(response.statusCode ?? 0, text))
      })
    })
    outgoing.end(payload)
  })
}

/** Codes of Node's TLS that say the certificate is not the hub's. */
const FALSE_HUB = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/

function failure(where: string, error: unknown): LinliError {
  const { code = '' } = error as NodeJS.ErrnoException
  if (FALSE_HUB.test(code)) {
    const message = `what answers at ${where} is not the hub of this site (${code}): look at the address, and who else is on this network`
    return new LinliError('HUB_FALSE', message, { kind: 'fault', cause: error })
  }
  const message = `no hub answers at ${where} (${reasonOf(error)}): does it run, without --dev, and is its HTTPS port reachable from here?`
  return new LinliError('HUB_UNREACHABLE', message, { kind: 'fault', cause: error })
}

function refusal(status: number, text: string): LinliError {
  try {
    const { code, message } = JSON.parse(text) as { code?: unknown; message?: unknown }
    if (typeof code === 'string' && /^[A-Z_]{1,60}$/.test(code))
      return new LinliError(code, String(message).slice(0, 400), { kind: 'caller' })
  } catch {
    // Not one of our answers.
  }
  return new LinliError('HUB_REFUSED', `the hub answered with status ${status}`, { kind: 'fault' })
}
