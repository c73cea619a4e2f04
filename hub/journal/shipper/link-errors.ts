import { LinliError, reasonOf } from '../../contract/errors.ts'

/** Why a link is down, as typed errors that say what to look at. None of them shows a password. */

export const LINK_CODES = {
  UPSTREAM_URL_INVALID: 'the url is not one of an MQTT broker',
  UPSTREAM_UNREACHABLE: 'nothing answers there, or not MQTT',
  UPSTREAM_REFUSED: 'the broker answers and refuses: the connection, a subscription or a publish',
  UPSTREAM_LOST: 'the connection broke, or there is none at the moment',
} as const

export type LinkCode = keyof typeof LINK_CODES

const PROTOCOLS = ['mqtt:', 'mqtts:', 'tcp:', 'ssl:']

/** The broker's address without credentials. Throws UPSTREAM_URL_INVALID, a caller's mistake. */
export function parseBrokerUrl(url: string): { address: string } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed) throw invalid('it cannot be read as a url')
  if (!PROTOCOLS.includes(parsed.protocol)) throw invalid(`${parsed.protocol}// is not spoken here`)
  if (parsed.hostname === '') throw invalid('it names no host')
  return { address: `${parsed.protocol}//${parsed.host}` }
}

function invalid(why: string): LinliError {
  const allowed = PROTOCOLS.map((protocol) => `${protocol}//host:port`).join(', ')
  return new LinliError('UPSTREAM_URL_INVALID', `the broker's url is not usable: ${why}; allowed are ${allowed}`, {
    kind: 'caller',
    path: '/url',
  })
}

export function linkError(code: LinkCode, message: string, cause?: unknown): LinliError {
  return new LinliError(code, message, cause === undefined ? { kind: 'fault' } : { kind: 'fault', cause })
}

/** MQTT 3.1.1, 3.2.2.3: return codes 1 to 5 of CONNACK. mqtt.js reports them as `code` of its error. */
export function connectError(address: string, error: unknown): LinliError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'number' && code >= 1 && code <= 5) {
    const why = reasonOf(error).replace(/^Connection refused: /, '')
    return linkError('UPSTREAM_REFUSED', `${address} refuses the connection: ${why}`, error)
  }
  const what = typeof code === 'string' ? code : reasonOf(error)
  return linkError('UPSTREAM_UNREACHABLE', `${address} cannot be reached: ${what}`, error)
}

/** An error that carries the broker's packet is a SUBACK with return code 128 (MQTT 3.1.1, 3.9.3); without, the library gave up. */
export function requestError(address: string, error: Error): LinliError {
  const isRefusal = 'packet' in error && error.packet !== undefined
  if (isRefusal) return linkError('UPSTREAM_REFUSED', `${address} refuses: ${error.message}`, error)
  return linkError('UPSTREAM_LOST', `the connection to ${address} broke: ${error.message}`, error)
}
