import { createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes'
import { maySubscribe, type Principal } from '../auth/access.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { mayHoldPlate } from '../contract/plate.ts'
import { createExpress } from './express.ts'
import { createFront, type FrontEvents } from './front/front.ts'
import { FRONT_LIMITS, type FrontLimits } from './front/limits.ts'
import { REFUSALS } from './front/refusal.ts'
import { createSubscriptionQuota } from './front/subscription-quota.ts'
import type { Inbound, Ingest } from './ingest.ts'
import { grantedQos, mend, type Persistence } from './mended-persistence.ts'
import { createPlatePost } from './plate-post.ts'

/**
 * The MQTT 3.1.1 broker: Aedes with in-memory persistence. What must outlive it is the journal's, written inside
 * `authorizePublish`, the only place that runs before Aedes sends the PUBACK.
 */

export interface BrokerLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

export interface BrokerEvents extends FrontEvents {
  connected(principal: Principal): void
  disconnected(principal: Principal): void
  /** QoS 0 messages not handed to a subscriber that does not read. */
  shed(principal: Principal | undefined): void
}

export interface Broker {
  /** Listens on TCP. Rejects with MQTT_PORT_IN_USE or MQTT_PORT_FORBIDDEN. */
  listen(options: { host: string; port: number }): Promise<{ port: number }>
  /** Serves one connection that is already there (in-memory transport, tests in virtual time). */
  handle(connection: Duplex): void
  /** Publishes in the hub's own name; the caller has journaled it. */
  publish(message: { topic: string; payload: Uint8Array; retain: boolean }): Promise<void>
  isConnected(name: string): boolean
  /** Connections that are open, let in or not. */
  connections(): number
  close(): Promise<void>
}

/**
 * How many deliveries may be under way at once. With the default of 100 one frozen subscriber holds up everybody
 * (measured: 5 s); with 10,000 the others go on (31 ms).
 */
const DELIVERIES_MAX = 10_000
/** A subscriber that has not drained its socket for this long is disconnected; QoS 0 is shed from the first moment. */
const DRAIN_TIMEOUT_MS = 5_000
/** A peer that vanished without a word is noticed by TCP, also with MQTT's keep alive off. */
const TCP_KEEP_ALIVE_MS = 60_000
/** Messages that were acknowledged but are not for delivery go here: no client can subscribe to it. */
const NOWHERE = '$linli/nowhere'

type PrincipalClient = Client & { principal?: Principal }
/** Not in Aedes' types: as whose a message is delivered. */
interface PublishingBroker {
  publish(packet: PublishPacket, from: Client | null, done: (error?: Error) => void): void
}
/** Not in Aedes' types. */
type SubscribedClient = Client & { subscriptions: Record<string, { qos: number }> }

export async function createBroker(deps: {
  ingest: Ingest
  authenticate: Authenticator
  log: BrokerLog
  events: BrokerEvents
  limits?: Partial<FrontLimits>
}): Promise<Broker> {
  const { ingest, log, events } = deps
  const limits: FrontLimits = { ...FRONT_LIMITS, ...deps.limits }
  const front = createFront({ log, events }, limits)
  const quota = createSubscriptionQuota(limits.subscriptions_max)
  const plates = createPlatePost()

  /** Journaled, and what of it is for subscribers, if anything. Rejects when the connection must be closed. */
  async function decide(principal: Principal, inbound: Inbound): Promise<Buffer | undefined> {
    const verdict = await ingest.accept(principal, inbound)
    if (verdict.kind === 'deliver') return toBuffer(verdict.payload)
    if (verdict.kind === 'to-gateway') plates.hand(verdict.topic, inbound.topic, toBuffer(verdict.payload))
    return undefined
  }

  function logClosing(client: string | undefined, topic: string, error: unknown): void {
    const code = error instanceof LinliError ? error.code : undefined
    const shown = mayHoldPlate(topic) ? undefined : topic
    log.warn({ client, topic: shown, code }, `connection closed: ${reasonOf(error)}`)
  }

  const express = createExpress(async (client: PrincipalClient, { topic, payload, retain }) => {
    try {
      if (!client.principal) throw new Error('a message without a connection')
      const deliverable = await decide(client.principal, { topic, payload, retain })
      if (deliverable === undefined) return true
      // What is retained stays, and must not keep the socket's whole buffer with it.
      const kept = retain ? Buffer.from(deliverable) : deliverable
      // Not waited for: a subscriber that does not read holds up nobody else.
      delivered({ cmd: 'publish', topic, payload: kept, qos: 1, retain, dup: false }, client).catch((error: unknown) =>
        log.warn({ client: client.id, topic }, `not delivered: ${reasonOf(error)}`),
      )
      return true
    } catch (error) {
      if (!client.conn.destroyed) logClosing(client.id, topic, error)
      client.conn.destroy()
      return false
    }
  })
  const aedes = await Aedes.createBroker({
    concurrency: DELIVERIES_MAX,
    drainTimeout: DRAIN_TIMEOUT_MS,
    maxClientsIdLength: limits.client_id_length_max,
    // The front is there first.
    connectTimeout: 2 * limits.connect_ms_max,

    authenticate(client, username, password, done) {
      deps
        .authenticate({ clientId: client.id, username: username ?? undefined, password: password ?? undefined })
        .then((principal) => {
          if (!principal) {
            log.warn({ client: client.id, username }, 'connection refused: unknown account or wrong secret')
            return done(notAuthorised(), false)
          }
          ;(client as PrincipalClient).principal = principal
          front.authenticated(client.conn as Duplex)
          done(null, true)
        })
        .catch((error: unknown) =>
          done(Object.assign(new Error(reasonOf(error)), { returnCode: 3 }) as AuthenticateError, false),
        )
    },

    // What does not go the short way: QoS 0 and 2, wills.
    authorizePublish(client, packet, done) {
      const principal = (client as PrincipalClient | null)?.principal
      if (!principal) return done(new Error('a message without a connection'))
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
      decide(principal, { topic: packet.topic, payload, retain: packet.retain === true }).then(
        (deliverable) => {
          packet.payload = deliverable ?? Buffer.alloc(0)
          if (deliverable === undefined) {
            packet.topic = NOWHERE
            packet.retain = false
          }
          done(null)
        },
        (error: unknown) => {
          logClosing(client?.id, packet.topic, error)
          done(error as Error)
        },
      )
    },

    authorizeSubscribe(client, subscription, done) {
      const principal = (client as PrincipalClient).principal
      const allowed =
        principal !== undefined &&
        !subscription.topic.startsWith('$linli') &&
        maySubscribe(principal, subscription.topic)
      if (!allowed) log.warn({ client: client.id, filter: subscription.topic }, 'subscription refused')
      if (!allowed || !quota.take(client, subscription.topic)) {
        if (allowed) front.report(client.conn as Duplex, REFUSALS.subscriptions)
        return done(null, null)
      }
      plates.subscribed(client, subscription.topic)
      done(null, subscription)
    },

    authorizeForward(client, packet) {
      const socket = client.conn as Duplex
      if (packet.qos === 0 && socket.writableNeedDrain) {
        events.shed((client as PrincipalClient).principal)
        return null
      }
      if (!packet.retain) return packet
      const granted = grantedQos((client as SubscribedClient).subscriptions, packet.topic)
      return granted < packet.qos ? { ...packet, qos: granted as 0 | 1 } : packet
    },
  })

  mend((aedes as unknown as { persistence: Persistence }).persistence)

  /** To whoever subscribed, and to what is retained; resolves when it is with their sockets. */
  function delivered(packet: PublishPacket, from: Client | null): Promise<void> {
    return new Promise((resolve, reject) => {
      ;(aedes as unknown as PublishingBroker).publish(packet, from, (error) => (error ? reject(error) : resolve()))
    })
  }
  const connected = new Map<string, number>()
  aedes.on('client', (client: PrincipalClient) => {
    if (!client.principal) return
    connected.set(client.principal.name, (connected.get(client.principal.name) ?? 0) + 1)
    events.connected(client.principal)
  })
  aedes.on('connackSent', ({ returnCode }, client) => {
    if (returnCode !== 0) return
    front.accepted(client.conn as Duplex)
    express.open(client)
  })
  aedes.on('unsubscribe', (filters, client) => {
    plates.unsubscribed(client, filters)
    quota.give(client, filters)
  })
  aedes.on('clientDisconnect', (client: PrincipalClient) => {
    plates.gone(client)
    if (!client.principal) return
    const left = (connected.get(client.principal.name) ?? 1) - 1
    if (left <= 0) connected.delete(client.principal.name)
    else connected.set(client.principal.name, left)
    events.disconnected(client.principal)
  })
  aedes.on('clientError', (client, error) => log.info({ client: client.id }, `client error: ${error.message}`))
  aedes.on('connectionError', (_client, error) => log.info({}, `connection error: ${error.message}`))

  let server: Server | undefined
  return {
    async listen({ host, port }) {
      const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS }
      const listening = createServer(options, (socket) => {
        // A socket may die before Aedes has its own handler in place.
        socket.on('error', () => undefined)
        if (front.admit(socket)) aedes.handle(socket)
      })
      server = listening
      return { port: await bind(listening, host, port) }
    },
    handle(connection) {
      if (front.admit(connection)) aedes.handle(connection)
    },
    publish: ({ topic, payload, retain }) =>
      delivered({ cmd: 'publish', topic, payload: toBuffer(payload), qos: 1, retain, dup: false }, null),
    isConnected: (name) => connected.has(name),
    connections: () => front.connections(),
    async close() {
      front.close()
      const listening = server
      const stopped = listening ? new Promise<void>((resolve) => listening.close(() => resolve())) : undefined
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
      await stopped
    },
  }
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        reject(
          new LinliError(
            'MQTT_PORT_IN_USE',
            `MQTT port ${port} on ${host} is already in use; choose another with --mqtt-port`,
            { kind: 'caller' },
          ),
        )
      } else {
        reject(
          new LinliError('MQTT_PORT_FORBIDDEN', `cannot listen on ${host}:${port}: ${error.message}`, {
            kind: 'caller',
          }),
        )
      }
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** MQTT 3.1.1 §3.2.2.3: return code 5, not authorised. */
function notAuthorised(): AuthenticateError {
  return Object.assign(new Error('not authorised'), { returnCode: 5 }) as AuthenticateError
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
