import { createHash, type X509Certificate } from 'node:crypto'
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** What the other end of a TLS connection has shown of itself. */
export type Peer =
  /** SHA-256 of the certificate (DER), base64url: its name in the registry. */
  | { fingerprint: string }
  /** It showed one that proves nothing: of another authority, not begun yet, or ended. */
  | { invalid: string }

/** Undefined without TLS, and where no certificate was shown. */
export function peerOf(socket: unknown): Peer | undefined {
  if (!isTls(socket)) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return undefined
  if (!socket.authorized) return { invalid: String(socket.authorizationError ?? 'not verified') }
  // A resumed session was verified when it began.
  if (hasEnded(certificate)) return { invalid: 'CERT_HAS_EXPIRED' }
  return { fingerprint: createHash('sha256').update(certificate.raw).digest('base64url') }
}

function isTls(socket: unknown): socket is TLSSocket {
  return socket instanceof Socket && 'getPeerX509Certificate' in socket
}

function hasEnded({ validTo }: X509Certificate): boolean {
  return Date.parse(validTo) < Date.now()
}
