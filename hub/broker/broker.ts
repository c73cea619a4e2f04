import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes'
import { mayLeaveWill, maySubscribe, type Principal, sessionName } from '../auth/access.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { peerOf } from '../auth/peer.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { mayHoldPlate } from '../contract/plate.ts'
import { createAccounts } from './accounts.ts'
import { createAudience, type Router } from './audience.ts'
import { createDelivery, type PrincipalClient } from './delivery.ts'
import { createFront, type Front, type FrontEvents } from './front/front.ts'
import { FRONT_LIMITS, type FrontLimits } from './front/limits.ts'
import { REFUSALS } from './front/refusal.ts'
import { createRetainedQuota } from './front/retained-quota.ts'
import { createSubscriptionQuota } from './front/subscription-quota.ts'
import { createInOrder } from './in-order.ts'
import type { Inbound, Ingest, Verdict } from './ingest.ts'
import { type Listener, listenOn, TCP_KEEP_ALIVE_MS, type TlsIdentity } from './listener.ts'
import { claimSession, openPersistence } from './persistence/open.ts'
import { NO_SUBSCRIPTION } from './persistence/persistence.ts'
import type { SessionReadings, Sessions } from './persistence/sessions.ts'
import { createPlatePost, type PlatePost } from './plate-post.ts'
import { createShortWay } from './short-way.ts'
import { type Comer, createTakeover } from './takeover.ts'
import { createWebSocketDoor } from './websocket.ts'
import { publishWills } from './wills.ts'

/**
 * The MQTT 3.1.1 broker: Aedes with a persistence of ours. What must outlive it is the journal's, written inside
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
  /** What is retained already: to be called before anybody connects. */
  restoreRetained(message: { topic: string; payload: Uint8Array }): void
  /** Of clients that were connected when the last process ended. */
  publishWills(): Promise<void>
  isConnected(name: string): boolean
  /** An account was changed or removed: its connections end, and whoever comes back is asked again. */
  endAccount(name: string, left: 'changed' | 'removed'): void
  /** Connections that are open, let in or not. */
  connections(): number
  retained(): { messages: number; bytes: number }
  sessions(): SessionReadings
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
type AuthorizedPacket = PublishPacket & { messageId?: number }
type WillingClient = PrincipalClient & { _will?: { topic: string } }

export async function createBroker(deps: {
  ingest: Ingest
  authenticate: Authenticator
  log: BrokerLog
  events: BrokerEvents
  limits?: Partial<FrontLimits>
  /** Those of this process alone when absent. */
  sessions?: Sessions
}): Promise<Broker> {
  const { ingest, log, events } = deps
  const limits: FrontLimits = { ...FRONT_LIMITS, ...deps.limits }
  const front = createFront({ log, events }, limits)
  const [accounts, quota] = [createAccounts(), createSubscriptionQuota(limits.subscriptions_max)]
  const [inOrder, takeover] = [createInOrder(), createTakeover()]
  const [plates, retained] = [createPlatePost(), createRetainedQuota(limits)]
  const { sessions, persistence, queues } = await openPersistence(deps, front)
  const delivery = createDelivery({ shed: events.shed, queue: queues.forward })
  const aedes = await Aedes.createBroker({
    concurrency: DELIVERIES_MAX,
    drainTimeout: DRAIN_TIMEOUT_MS,
    // The front is there first.
    maxClientsIdLength: Number.MAX_SAFE_INTEGER,
    connectTimeout: 2 * limits.connect_ms_max,
    maxInflightInbound: limits.incoming_qos2_max,
    persistence,

    authenticate(client, username, password, done) {
      accounts.asking(client)
      const peer = peerOf((client.conn as { carrier?: unknown }).carrier ?? client.conn)
      deps
        .authenticate({
          clientId: client.id,
          username: username ?? undefined,
          password: password ?? undefined,
          address: (client.conn as Partial<Socket>).remoteAddress,
          peer,
        })
        .then((principal) => {
          if (!principal) {
            const refusal = peer ? REFUSALS.certificate : REFUSALS.login
            const invalid = peer && 'invalid' in peer ? peer.invalid : undefined
            front.report(client.conn as Duplex, refusal, { client: client.id, account: username ?? undefined, invalid })
            return done(notAuthorised(), false)
          }
          const will = (client as WillingClient)._will
          if (will && !mayLeaveWill(principal, will.topic)) {
            front.report(client.conn as Duplex, REFUSALS.willDenied, { account: principal.name, topic: will.topic })
            return done(notAuthorised(), false)
          }
          ;(client as PrincipalClient).principal = principal
          client.id = sessionName(principal, client.id)
          delivery.prepare(client, aedes.id)
          front.authenticated(client.conn as Duplex)
          takeover.enter(client as unknown as Comer, () => {
            claimSession(sessions, client as PrincipalClient, log).then(
              (granted) => (granted ? done(null, true) : done(unavailable(), false)),
              () => done(unavailable(), false),
            )
          })
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
      const settle = inOrder.place(client as PrincipalClient)
      const place = packet.retain && payload.length > 0 ? retained.take(packet.topic, payload.length) : KEEPS_NOTHING
      if (!place) {
        front.report(client?.conn as Duplex, REFUSALS.retained, { account: principal.name, topic: packet.topic })
        toNowhere(packet)
        return settle(() => done(null))
      }
      // MQTT-3.3.1-3: whether it came again concerns nobody else.
      packet.dup = false
      const known = packet.qos === 2 && client ? persistence.knownIncoming(client, packet.messageId ?? 0) : undefined
      const accepted = known
        ? known.then((): Verdict => ({ kind: 'swallow' })) // MQTT-4.3.3-2: the same PUBLISH again is answered and goes no further.
        : ingest.accept(principal, inboundOf(client, packet, payload))
      const act = (verdict: Verdict) => {
        if (verdict.kind === 'deliver') {
          packet.payload = sameBuffer(sessions, verdict.payload)
          if (packet.retain && verdict.payload.length === 0) retained.forget(packet.topic)
        } else {
          place.giveBack()
          swallowed(verdict, packet.topic)
          toNowhere(packet)
        }
        shortWay.flush(client as PrincipalClient)
        done(null)
      }
      const refuse = (error: unknown) => {
        place.giveBack()
        failed(client as PrincipalClient, principal, packet.topic, error)
        done(error as Error)
      }
      accepted.then(
        (verdict) => settle(() => act(verdict)),
        (error: unknown) => settle(() => refuse(error)),
      )
    },

    authorizeSubscribe(client, subscription, done) {
      if (subscription.topic === NO_SUBSCRIPTION.topic) return done(null, null)
      const principal = (client as PrincipalClient).principal
      const allowed =
        principal !== undefined &&
        !subscription.topic.startsWith('$linli') &&
        maySubscribe(principal, subscription.topic)
      if (!allowed || !quota.take(client, subscription.topic)) {
        const refusal = allowed ? REFUSALS.subscriptions : REFUSALS.subscriptionDenied
        front.report(client.conn as Duplex, refusal, { account: principal?.name, filter: subscription.topic })
        queues.revoked(client, subscription.topic)
        return done(null, null)
      }
      persistence.authorised(subscription)
      plates.subscribed(client, subscription.topic)
      done(null, subscription)
    },

    authorizeForward: (client, packet) => delivery.forward(client, packet),
  })

  const { swallowed, failed } = outcomesOf(front, plates)
  const isHeard = createAudience((aedes as unknown as { mq: Router }).mq)
  const shortWay = createShortWay({ ingest, inOrder, isHeard, swallowed, failed, publish })

  aedes.on('client', (client: PrincipalClient) => {
    const isGone = client.closed
    takeover.registered(client as unknown as Comer)
    // Gone while it was let in: struck off again by nobody else.
    if (isGone) return strikeOff(aedes, client)
    if (!client.principal) return
    if (accounts.came(client)) return events.connected(client.principal)
    delete client.principal
    client.close()
  })
  aedes.on('connackSent', ({ returnCode }, client) => {
    if (returnCode !== 0) return
    front.accepted(client.conn as Duplex, shortWay.open(client as PrincipalClient))
    queues.connected(client)
  })
  aedes.on('unsubscribe', (filters, client) => {
    plates.unsubscribed(client, filters)
    quota.give(client, filters)
  })
  aedes.on('clientDisconnect', (client: PrincipalClient) => {
    plates.gone(client)
    queues.gone(client)
    takeover.left(client as unknown as Comer)
    accounts.left(client)
    if (client.principal) events.disconnected(client.principal)
  })
  tellErrors(aedes, front, log)

  const webSockets = createWebSocketDoor({
    report: (address, refusal) => front.reportAddress(address, refusal),
    serve(connection, socket) {
      if (front.admit(connection, socket)) aedes.handle(connection)
    },
    packet_bytes_max: limits.packet_bytes_max,
    keep_alive_ms: TCP_KEEP_ALIVE_MS,
  })
  function publish(message: Pick<Inbound, 'topic' | 'payload' | 'retain'> & { qos: 0 | 1 | 2 }): Promise<void> {
    const { topic, payload, retain, qos } = message
    // What the hub itself says is counted and never refused.
    if (retain && payload.length > 0) retained.take(topic, payload.length)
    else if (retain) retained.forget(topic)
    const packet = { cmd: 'publish', topic, payload: sameBuffer(sessions, payload), qos, retain, dup: false } as const
    return new Promise((resolve, reject) => {
      aedes.publish(packet, (error) => (error ? reject(error) : resolve()))
    })
  }

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
    publish: ({ topic, payload, retain }) => publish({ topic, payload, retain, qos: 1 }),
    restoreRetained({ topic, payload }) {
      if (payload.length > 0) retained.take(topic, payload.length)
      sessions.retain({ topic, payload, qos: 1 })
    },
    publishWills: () => publishWills({ sessions, ingest, log, publish }),
    isConnected: accounts.isConnected,
    endAccount(name, left) {
      const count = accounts.end(name, left)
      if (count > 0) log.warn({ account: name, count }, `connections closed: the account was ${left}`)
    },
    connections: () => front.connections(),
    sessions: () => sessions.stats(),
    retained: () => ({ messages: retained.count(), bytes: retained.bytes() }),
    async close() {
      front.close()
      webSockets.close()
      const stopped = Promise.all(listeners.map((listener) => listener.close()))
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
      sessions.close()
      await stopped
    },
  }
}

function tellErrors(aedes: Aedes, front: Front, log: BrokerLog): void {
  const overrun = new WeakSet<object>()
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
}

/** What becomes of messages that are not passed on, by whichever way they came. */
function outcomesOf(front: Front, plates: PlatePost) {
  return {
    swallowed(verdict: Verdict, topic: string): void {
      if (verdict.kind === 'to-gateway') plates.hand(verdict.topic, topic, toBuffer(verdict.payload))
    },
    failed(client: PrincipalClient, principal: Principal, name: string, error: unknown): void {
      const topic = mayHoldPlate(name) ? undefined : name
      const cause = error instanceof LinliError ? error.code : 'publish-failed'
      front.report(client.conn as Duplex, { cause, reason: reasonOf(error) }, { account: principal.name, topic })
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

/** MQTT 3.1.1 §3.2.2.3: return code 3, server unavailable. */
function unavailable(): AuthenticateError {
  return Object.assign(new Error('no session for this client'), { returnCode: 3 }) as AuthenticateError
}

function inboundOf(client: Client | null, packet: AuthorizedPacket, payload: Uint8Array): Inbound {
  const { topic, retain, qos, messageId } = packet
  const isOfSession = qos === 2 && client?.clean === false && messageId !== undefined
  return {
    topic,
    payload,
    retain: retain === true,
    qos,
    ...(isOfSession ? { from: { client: client.id, packet_id: messageId } } : {}),
  }
}

/** Sessions know by its bytes that they have a message; Aedes wants a Buffer. */
function sameBuffer(sessions: Sessions, bytes: Uint8Array): Buffer {
  const buffer = toBuffer(bytes)
  if (sessions.isKept(bytes)) sessions.markKept(buffer)
  return buffer
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
