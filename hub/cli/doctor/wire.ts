import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { HUB_HOST } from '../../contract/enrolment.ts'
import { reasonOf } from '../../contract/errors.ts'

/** What a probe says to a peer over the network, and no more than it has to. */

export interface Peer {
  host: string
  port: number
}

export interface Trust {
  /** PEM: who vouches for the hub; undefined: whoever this machine trusts. */
  authority: string | undefined
  /** PEM: who we are. */
  identity?: { certificate: string; key: string }
}

/**
 * CONNECT with a protocol level that no broker speaks: it answers with CONNACK 1 (MQTT-3.1.2-2) before anybody is logged in,
 * so that no account is needed, no session ends, and no failed login is in the audit log.
 */
const CONNECT = Buffer.from([0x10, 13, 0, 4, ...Buffer.from('MQTT'), 127, 2, 0, 10, 0, 1, 0x64])
const CONNACK = 0x20

/** Why there is no TCP connection; undefined: there is one. */
export function reach(peer: Peer, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...reachable(peer), signal })
    socket.once('error', (error) => resolve(reasonOf(error)))
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
  })
}

/** Why no broker answers there; undefined: one does. */
export function askBroker(peer: Peer, trust: Trust | undefined, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const where = reachable(peer)
    const { authority, identity } = trust ?? {}
    const socket = trust
      ? connectTls({
          ...where,
          // A hub is known by its name in its own authority, whatever address it has.
          ...(authority === undefined ? {} : { ca: authority, servername: HUB_HOST }),
          ...(identity ? { cert: identity.certificate, key: identity.key } : {}),
        })
      : connect(where)
    const end = (reason: string | undefined) => {
      socket.destroy()
      resolve(reason)
    }
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
    socket.once('error', (error) => end(reasonOf(error)))
    socket.once('close', () => end('closed without an answer'))
    socket.once('data', (bytes: Buffer) =>
      end(bytes[0] === CONNACK ? undefined : 'what answers there is no MQTT broker'),
    )
    socket.once(trust ? 'secureConnect' : 'connect', () => socket.write(CONNECT))
  })
}

/** Where to knock when a server listens on every address. */
function reachable({ host, port }: Peer): Peer {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return { host: host === '::' ? '::1' : host, port }
}
