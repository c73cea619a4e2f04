import { createHash } from 'node:crypto'
import { TLSSocket } from 'node:tls'

/** What the other end of a TLS connection has proven with its certificate. */
export interface Peer {
  /** SHA-256 of the certificate (DER), base64url: its name in the registry. */
  fingerprint: string
}

/** Undefined without TLS, without a certificate, and with one that our authority did not sign or that has ended. */
export function peerOf(socket: unknown): Peer | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const certificate = socket.getPeerX509Certificate()
  return certificate && { fingerprint: createHash('sha256').update(certificate.raw).digest('base64url') }
}
