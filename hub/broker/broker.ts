import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { Aedes, type AuthenticateError } from 'aedes'
import { mayLeaveWill, maySubscribe, type Principal, sessionName } from '../auth/access.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { mayHoldPlate } from '../contract/plate.ts'
import { createAccounts } from './accounts.ts'
import { createDelivery, type PrincipalClient } from './delivery.ts'
import { createFront, type FrontEvents } from './front/front.ts'
import { FRONT_LIMITS, type FrontLimits } from './front/limits.ts'
import { REFUSALS } from './front/refusal.ts'
import { createRetainedQuota } from './front/retained-quota.ts'
import { createSubscriptionQuota } from './front/subscription-quota.ts'
import type { Ingest } from './ingest.ts'
import { mend, type Persistence } from './mended-persistence.ts'
import { createPlatePost } from './plate-post.ts'
import { createWebSocketDoor } from './websocket.ts'

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
  /** Takes over an HTTP request for MQTT over WebSocket (§6); whoever serves HTTP or HTTPS hands it in. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Publishes in the hub's own name; the caller has journaled it. */
  publish(message: { topic: string; payload: Uint8Array; retain: boolean }): Promise<void>
  isConnected(name: string): boolean
  /** An account was changed or removed: its connections end, and whoever comes back is asked again. */
  endAccount(name: string, left: 'changed' | 'removed'): void
  /** Connections that are open, let in or not. */
  connections(): number
  retained(): { messages: number; bytes: number }
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

/** Not in Aedes' types. */
type WillingClient = PrincipalClient & { _will?: { topic: string } }

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
  const accounts = createAccounts()
  const retained = createRetainedQuota(limits)
  const delivery = createDelivery(
    {
      shed: events.shed,
      overrun(client) {
        front.report(client.conn as Duplex, REFUSALS.inFlight)
        client.close()
      },
    },
    limits,
  )
  const aedes = await Aedes.createBroker({
    concurrency: DELIVERIES_MAX,
    drainTimeout: DRAIN_TIMEOUT_MS,
    // The front is there first.
    maxClientsIdLength: Number.MAX_SAFE_INTEGER,
    connectTimeout: 2 * limits.connect_ms_max,
    maxInflightInbound: limits.incoming_qos2_max,

    authenticate(client, username, password, done) {
      deps
        .authenticate({ clientId: client.id, username: username ?? undefined, password: password ?? undefined })
        .then((principal) => {
          if (!principal) {
            log.warn({ client: client.id, username }, 'connection refused: unknown account or wrong secret')
            return done(notAuthorised(), false)
          }
          const will = (client as WillingClient)._will
          if (will && !mayLeaveWill(principal, will.topic)) {
            front.report(client.conn as Duplex, REFUSALS.willDenied)
            return done(notAuthorised(), false)
          }
          ;(client as PrincipalClient).principal = principal
          client.id = sessionName(principal, client.id)
          delivery.prepare(client)
          front.authenticated(client.conn as Duplex)
          done(null, true)
        })
        .catch((error: unknown) =>
          done(Object.assign(new Error(reasonOf(error)), { returnCode: 3 }) as AuthenticateError, false),
        )
    },

    authorizePublish(client, packet, done) {
      const principal = (client as PrincipalClient | null)?.principal
      if (!principal) return done(new Error('a message without a connection'))
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
      const retains = packet.retain === true && payload.length > 0
      if (retains && !retained.take(packet.topic, payload.length)) {
        front.report(client?.conn as Duplex, REFUSALS.retained)
        toNowhere(packet)
        return done(null)
      }
      ingest.accept(principal, { topic: packet.topic, payload, retain: packet.retain === true }).then(
        (verdict) => {
          if (verdict.kind === 'deliver') {
            packet.payload = toBuffer(verdict.payload)
            if (packet.retain && verdict.payload.length === 0) retained.give(packet.topic)
          } else {
            if (retains) retained.give(packet.topic)
            if (verdict.kind === 'to-gateway') plates.hand(verdict.topic, packet.topic, toBuffer(verdict.payload))
            toNowhere(packet)
          }
          done(null)
        },
        (error: unknown) => {
          if (retains) retained.give(packet.topic)
          const topic = mayHoldPlate(packet.topic) ? undefined : packet.topic
          log.warn(
            { client: client?.id, topic, code: error instanceof LinliError ? error.code : undefined },
            `connection closed: ${reasonOf(error)}`,
          )
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

    authorizeForward: (client, packet) => delivery.forward(client, packet),
  })

  mend((aedes as unknown as { persistence: Persistence }).persistence)
  aedes.on('client', (client: PrincipalClient) => {
    if (!client.principal) return
    accounts.came(client)
    events.connected(client.principal)
  })
  aedes.on('ack', (_packet, client) => delivery.acknowledged(client))
  aedes.on('connackSent', ({ returnCode }, client) => {
    if (returnCode === 0) front.accepted(client.conn as Duplex)
  })
  aedes.on('unsubscribe', (filters, client) => {
    plates.unsubscribed(client, filters)
    quota.give(client, filters)
  })
  aedes.on('clientDisconnect', (client: PrincipalClient) => {
    plates.gone(client)
    accounts.left(client)
    if (client.principal) events.disconnected(client.principal)
  })
  aedes.on('clientError', (client, error) => {
    if (error.message.startsWith('maxInflightInbound')) front.report(client.conn as Duplex, REFUSALS.incomingQos2)
    log.info({ client: client.id }, `client error: ${error.message}`)
  })
  aedes.on('connectionError', (_client, error) => log.info({}, `connection error: ${error.message}`))

  const webSockets = createWebSocketDoor({
    report: (address, refusal) => front.reportAddress(address, refusal),
    serve(connection, socket) {
      if (front.admit(connection, socket)) aedes.handle(connection)
    },
    packet_bytes_max: limits.packet_bytes_max,
    keep_alive_ms: TCP_KEEP_ALIVE_MS,
  })
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
    upgrade: webSockets.upgrade,
    publish({ topic, payload, retain }) {
      // What the hub itself says is counted and never refused.
      if (retain && payload.length > 0) retained.take(topic, payload.length)
      else if (retain) retained.give(topic)
      return new Promise((resolve, reject) => {
        aedes.publish({ cmd: 'publish', topic, payload: toBuffer(payload), qos: 1, retain, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        )
      })
    },
    isConnected: accounts.isConnected,
    endAccount(name, left) {
      const count = accounts.end(name, left)
      if (count > 0) log.warn({ account: name, count }, `connections closed: the account was ${left}`)
    },
    connections: () => front.connections(),
    retained: () => ({ messages: retained.count(), bytes: retained.bytes() }),
    async close() {
      front.close()
      webSockets.close()
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

/** Acknowledged, and passed on to nobody. */
function toNowhere(packet: { topic: string; payload: string | Buffer; retain: boolean }): void {
  packet.topic = NOWHERE
  packet.payload = Buffer.alloc(0)
  packet.retain = false
}

/** MQTT 3.1.1 §3.2.2.3: return code 5, not authorised. */
function notAuthorised(): AuthenticateError {
  return Object.assign(new Error('not authorised'), { returnCode: 5 }) as AuthenticateError
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
