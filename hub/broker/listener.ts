import { createServer, type Server, type Socket } from 'node:net'
import type { TlsOptions, Server as TlsServer } from 'node:tls'
import { LinliError } from '../contract/errors.ts'

// An import would read all exports, and one of them is the list of the authorities that Node knows: 2 MB that stay.
const { createServer: createTlsServer } = process.getBuiltinModule('node:tls')

/** The sockets that the broker listens on: plain TCP, and TLS with the hub's certificate. */

/** PEM: what the hub presents, and whose certificates it believes of its clients. */
export interface TlsIdentity {
  certificate: string
  key: string
  authority: string
}

export interface Listener {
  readonly port: number
  /** For the connections from now on: a certificate was renewed. */
  present(identity: TlsIdentity): void
  /** No new connections; resolves when the last one has ended. */
  close(): Promise<void>
}

/** A peer that vanished without a word is noticed by TCP, also with MQTT's keep alive off. */
export const TCP_KEEP_ALIVE_MS = 60_000
const SOCKET = { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS }

/**
 * TLS as the hub serves it everywhere: 1.2 or 1.3 (RFC 9325 §3.1.1), forward secrecy only. A client may show a certificate
 * of the site's own authority; one without may still log in with a password, so the handshake does not end over it. Whoever
 * shows one that proves nothing is refused at CONNECT (auth/peer.ts), where the refusal has a name.
 */
export function tlsOptions({ certificate, key, authority }: TlsIdentity): TlsOptions {
  return {
    cert: certificate,
    key,
    ca: authority,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20',
  }
}

/** Rejects with MQTT_PORT_IN_USE or MQTT_PORT_FORBIDDEN. */
export async function listenOn(
  where: { host: string; port: number; option: string; connections_max: number; handshake_ms_max: number },
  identity: TlsIdentity | undefined,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const server =
    identity === undefined
      ? createServer(SOCKET, accept)
      : createTlsServer({ ...SOCKET, ...tlsOptions(identity), handshakeTimeout: where.handshake_ms_max }, accept)
  // Who has not ended the handshake is counted nowhere else.
  server.maxConnections = where.connections_max
  const port = await bind(server, where)
  return {
    port,
    present(next) {
      if (identity) (server as TlsServer).setSecureContext(tlsOptions(next))
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

function bind(server: Server, { host, port, option }: { host: string; port: number; option: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE'
      const message = isTaken
        ? `MQTT port ${port} on ${host} is already in use; choose another with ${option}`
        : `cannot listen on ${host}:${port}: ${error.message}`
      reject(new LinliError(isTaken ? 'MQTT_PORT_IN_USE' : 'MQTT_PORT_FORBIDDEN', message, { kind: 'caller' }))
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
