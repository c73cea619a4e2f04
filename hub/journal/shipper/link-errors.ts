import { LinliError, reasonOf } from '../../contract/errors.ts'

/** Why a link is down, as typed errors that say what to look at. None of them shows a password. */

export const LINK_CODES = {
  UPSTREAM_URL_INVALID: 'the url is not one of an MQTT broker',
  UPSTREAM_UNREACHABLE: 'nothing answers there, or not MQTT',
  UPSTREAM_REFUSED: 'the broker answers and refuses: the connection, a subscription or a publish',
  UPSTREAM_TLS: 'one side does not accept the certificate of the other',
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

/** By the codes of Node and OpenSSL (`man openssl-verification-options`, RFC 8446 §6.2): what is wrong, and what to do. */
const TLS_ADVICE: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is signed by an authority that is not known here: give the authority's certificate as the CA file",
  UNABLE_TO_GET_ISSUER_CERT:
    'its certificate is signed by an authority that is not known here: give the whole chain as the CA file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate is signed by an authority that is not known here: give the authority's certificate as the CA file",
  SELF_SIGNED_CERT_IN_CHAIN:
    "its certificate is signed by an authority that is not known here: give the authority's certificate as the CA file",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'its certificate is signed by itself: give that very certificate as the CA file, if it is the right broker',
  CERT_SIGNATURE_FAILURE:
    'its certificate was not signed by the authority of the CA file, although the names agree: get the right CA file',
  CERT_HAS_EXPIRED:
    'its certificate has expired: the operator of the broker must renew it (or the clock of this machine is wrong)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: the clock of this machine is probably wrong',
  CERT_REVOKED: 'its certificate was revoked: ask the operator of the broker',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another host name: put the right name into the url, or give it as the server name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port: use mqtt://, or the port for TLS (often 8883)',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a client certificate: give the certificate and the key file',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'it ends the handshake: it probably wants a client certificate, so give the certificate and the key file',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    'it does not know the authority of our client certificate: have the certificate signed by the right one',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our client certificate has expired: renew the certificate file',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'our client certificate was revoked: get a new one',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'it does not accept our client certificate: ask the operator of the broker',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept our client certificate: ask the operator of the broker',
}

/** OpenSSL 3.2 writes `SSL/TLS_ALERT` where earlier ones wrote `SSLV3_ALERT`. */
function tlsAdvice(code: string): string | undefined {
  return TLS_ADVICE[code.replace('_SSL/TLS_ALERT_', '_SSLV3_ALERT_')]
}

/** MQTT 3.1.1, 3.2.2.3: return codes 1 to 5 of CONNACK. mqtt.js reports them as `code` of its error. */
export function connectError(address: string, error: unknown): LinliError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'number' && code >= 1 && code <= 5) {
    const why = reasonOf(error).replace(/^Connection refused: /, '')
    return linkError('UPSTREAM_REFUSED', `${address} refuses the connection: ${why}`, error)
  }
  if (error instanceof LinliError) return error
  const advice = typeof code === 'string' ? tlsAdvice(code) : undefined
  if (advice !== undefined)
    return linkError('UPSTREAM_TLS', `${address} cannot be trusted or does not trust us: ${advice} (${code})`, error)
  const what = typeof code === 'string' ? code : reasonOf(error)
  return linkError('UPSTREAM_UNREACHABLE', `${address} cannot be reached: ${what}`, error)
}

/** An error that carries the broker's packet is a SUBACK with return code 128 (MQTT 3.1.1, 3.9.3); without, the library gave up. */
export function requestError(address: string, error: Error): LinliError {
  const isRefusal = 'packet' in error && error.packet !== undefined
  if (isRefusal) return linkError('UPSTREAM_REFUSED', `${address} refuses: ${error.message}`, error)
  return linkError('UPSTREAM_LOST', `the connection to ${address} broke: ${error.message}`, error)
}
