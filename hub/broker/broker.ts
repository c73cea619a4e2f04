import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Aedes, type AuthenticateError } from 'aedes'
import { mayLeaveWill, maySubscribe, type Principal, sessionName } from '../auth/access.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { peerOf } from '../auth/peer.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { mayHoldPlate } from '../contract/plate.ts'
import { createAccounts } from './accounts.ts'
import { createDelivery, type PrincipalClient } from './delivery.ts'
import { createFront, type FrontEvents } from './front/front.ts'
import { FRONT_LIMITS, type FrontLimits } from './front/limits.ts'
import { REFUSALS } from './front/refusal.ts'
import { createRetainedQuota } from './front/retained-quota.ts'
import { createSubscriptionQuota } from './front/subscription-quota.ts'
import { createInOrder } from './in-order.ts'
import type { Ingest } from './ingest.ts'
import { type Listener, listenOn, TCP_KEEP_ALIVE_MS, type TlsIdentity } from './listener.ts'
import { mend, type Persistence, SESSION_MARK } from './mended-persistence.ts'
import { createPlatePost } from './plate-post.ts'
import { type Comer, createTakeover } from './takeover.ts'
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
  /** Listens on TCP, with an identity on TLS. Rejects with MQTT_PORT_IN_USE or MQTT_PORT_FORBIDDEN. */
  listen(options: { host: string; port: number; tls?: TlsIdentity }): Promise<{ port: number }>
  /** The certificate was renewed. */
  present(identity: TlsIdentity): void
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
const KEEPS_NOTHING = { giveBack: () => undefined }
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
  const inOrder = createInOrder()
  const takeover = createTakeover()
  const overrun = new WeakSet<object>()
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
        .authenticate({
          clientId: client.id,
          username: username ?? undefined,
          password: password ?? undefined,
          address: (client.conn as Partial<Socket>).remoteAddress,
          peer: peerOf((client.conn as { carrier?: unknown }).carrier ?? client.conn),
        })
        .then((principal) => {
          if (!principal) {
            front.report(client.conn as Duplex, REFUSALS.login, { client: client.id, account: username ?? undefined })
            return done(notAuthorised(), false)
          }
          const will = (client as WillingClient)._will
          if (will && !mayLeaveWill(principal, will.topic)) {
            front.report(client.conn as Duplex, REFUSALS.willDenied, { account: principal.name, topic: will.topic })
            return done(notAuthorised(), false)
          }
          ;(client as PrincipalClient).principal = principal
          client.id = sessionName(principal, client.id)
          delivery.prepare(client)
          front.authenticated(client.conn as Duplex)
          takeover.enter(client as unknown as Comer, () => done(null, true))
        })
        .catch((error: unknown) => {
          front.report(client.conn as Duplex, REFUSALS.loginFailed, { error: reasonOf(error) })
          done(Object.assign(new Error(reasonOf(error)), { returnCode: 3 }) as AuthenticateError, false)
        })
    },

    authorizePublish(client, packet, done) {
      const principal = (client as PrincipalClient | null)?.principal
      if (!principal) return done(new Error('a message without a connection'))
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
      const place = packet.retain && payload.length > 0 ? retained.take(packet.topic, payload.length) : KEEPS_NOTHING
      if (!place) {
        front.report(client?.conn as Duplex, REFUSALS.retained, { account: principal.name, topic: packet.topic })
        toNowhere(packet)
        return inOrder.after(
          client as PrincipalClient,
          Promise.resolve(() => done(null)),
        )
      }
      // MQTT-3.3.1-3: whether it came again concerns nobody else.
      packet.dup = false
      const settled = ingest.accept(principal, { topic: packet.topic, payload, retain: packet.retain === true }).then(
        (verdict) => () => {
          if (verdict.kind === 'deliver') {
            packet.payload = toBuffer(verdict.payload)
            if (packet.retain && verdict.payload.length === 0) retained.forget(packet.topic)
          } else {
            place.giveBack()
            if (verdict.kind === 'to-gateway') plates.hand(verdict.topic, packet.topic, toBuffer(verdict.payload))
            toNowhere(packet)
          }
          done(null)
        },
        (error: unknown) => () => {
          place.giveBack()
          const topic = mayHoldPlate(packet.topic) ? undefined : packet.topic
          const cause = error instanceof LinliError ? error.code : 'publish-failed'
          front.report(client?.conn as Duplex, { cause, reason: reasonOf(error) }, { account: principal.name, topic })
          done(error as Error)
        },
      )
      inOrder.after(client as PrincipalClient, settled)
    },

    authorizeSubscribe(client, subscription, done) {
      if (subscription.topic === SESSION_MARK) return done(null, null)
      const principal = (client as PrincipalClient).principal
      const allowed =
        principal !== undefined &&
        !subscription.topic.startsWith('$linli') &&
        maySubscribe(principal, subscription.topic)
      if (!allowed || !quota.take(client, subscription.topic)) {
        const refusal = allowed ? REFUSALS.subscriptions : REFUSALS.subscriptionDenied
        front.report(client.conn as Duplex, refusal, { account: principal?.name, filter: subscription.topic })
        return done(null, null)
      }
      plates.subscribed(client, subscription.topic)
      done(null, subscription)
    },

    authorizeForward: (client, packet) => delivery.forward(client, packet),
  })

  mend((aedes as unknown as { persistence: Persistence }).persistence)
  aedes.on('client', (client: PrincipalClient) => {
    const isGone = client.closed
    takeover.registered(client as unknown as Comer)
    // Gone while it was let in: struck off again by nobody else.
    if (isGone) return strikeOff(aedes, client)
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
    takeover.left(client as unknown as Comer)
    accounts.left(client)
    if (client.principal) events.disconnected(client.principal)
  })
  aedes.on('clientError', (client, error) => {
    // Each packet behind the one too many has its own error.
    const tooMany = error.message.startsWith('maxInflightInbound')
    if (tooMany && overrun.has(client)) return
    if (tooMany) {
      overrun.add(client)
      front.report(client.conn as Duplex, REFUSALS.incomingQos2)
    }
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
  const listeners: Listener[] = []
  return {
    async listen({ host, port, tls }) {
      const option = tls ? '--mqtts-port' : '--mqtt-port'
      const { connections_max, connect_ms_max } = limits
      const where = { host, port, option, connections_max, handshake_ms_max: connect_ms_max }
      const listener = await listenOn(where, tls, (socket) => {
        // A socket may die before Aedes has its own handler in place.
        socket.on('error', () => undefined)
        if (front.admit(socket)) aedes.handle(socket)
      })
      listeners.push(listener)
      return { port: listener.port }
    },
    present(identity) {
      for (const listener of listeners) listener.present(identity)
    },
    handle(connection) {
      if (front.admit(connection)) aedes.handle(connection)
    },
    upgrade: webSockets.upgrade,
    publish({ topic, payload, retain }) {
      // What the hub itself says is counted and never refused.
      if (retain && payload.length > 0) retained.take(topic, payload.length)
      else if (retain) retained.forget(topic)
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
      const stopped = Promise.all(listeners.map((listener) => listener.close()))
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
      await stopped
    },
  }
}

/** Not in Aedes' types. */
function strikeOff(aedes: Aedes, client: PrincipalClient): void {
  const { clients } = aedes as unknown as { clients: Record<string, unknown> }
  if (clients[client.id] === client) delete clients[client.id]
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
