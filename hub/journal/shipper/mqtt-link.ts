import type { Duplex } from 'node:stream'
import mqtt, { type IClientOptions, type IPublishPacket, MqttClient } from 'mqtt'
import { writeToStream } from 'mqtt-packet'
import { type LinliError, reasonOf } from '../../contract/errors.ts'
import { BACKOFF_DEFAULT, type BackoffConfig, backoff_ms } from './backoff.ts'
import { connectError, linkError, parseBrokerUrl, requestError } from './link-errors.ts'
import { type Answered, createOutgoing, type Outgoing } from './outgoing.ts'

// A buffer for each number up to 65,535, made at the first packet: 8 MB and 30 ms, to save what a packet id costs.
writeToStream.cacheNumbers = false

/** What a broker asks of us before it lets us in, and what we ask of it. */
export interface LinkSecrets {
  username?: string
  password?: string
  /** PEM. The broker's authority when it is not a public one, and our own certificate. */
  tls?: {
    ca?: string
    cert?: string
    key?: string
    /** The name that the broker's certificate must have when it is not the one in the url. */
    servername?: string
  }
}

/**
 * One MQTT 3.1.1 session that comes back by itself. A transport and nothing more: what is published while there is no
 * connection is refused at once and nothing is ever resent here, because the library's queue sits in memory and its packet
 * ids wrap at 65,535 (of 70,000 queued 64,657 arrived, without an error). Each connection has a fresh client.
 */

export interface LinkMessage {
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  /** The broker kept it; it may be old. */
  retain: boolean
  /** The broker may have sent it before. */
  dup: boolean
}

export interface MqttLinkConfig extends LinkSecrets {
  /** `mqtt://host:port`, `mqtts://host:port`. */
  url: string
  clientId: string
  clean: boolean
  /** Asked at each try to connect, in place of those given here, so that a renewed certificate needs no restart. */
  secrets?: () => LinkSecrets
  /** What the broker says for us when the connection breaks. */
  will?: { topic: string; payload: Uint8Array; qos: 0 | 1; retain: boolean }
  /** A connection on which nothing comes back for one and a half times this long is given up; 10. */
  keepalive_s?: number
  /** From the first byte to CONNACK; 10,000. */
  connectTimeout_ms?: number
  backoff?: BackoffConfig
}

export interface MqttLink {
  readonly connected: boolean
  start(): void
  /** Breaks the connection, if there is one, as if it had broken by itself: it comes back. */
  drop(reason: string): void
  /** Says goodbye (no will is sent) if that is possible, and stays closed. */
  close(): Promise<void>
  /**
   * QoS 1: resolves on PUBACK. QoS 0: when handed to the socket. Rejects with UPSTREAM_LOST at once when there is no
   * connection, and when the connection breaks before the PUBACK: the message may or may not have arrived.
   */
  publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1; retain: boolean }): Promise<void>
  /** The same at QoS 1, for many: `answered` is called in the turn of the PUBACK, or of the error. */
  send(topic: string, payload: Uint8Array, retain: boolean, answered: Answered): void
  /** For this connection only: subscribe again in onUp. Rejects with UPSTREAM_REFUSED or UPSTREAM_LOST. */
  subscribe(filter: string, qos: 0 | 1): Promise<void>
  /** Rejects as subscribe does. */
  unsubscribe(filter: string): Promise<void>
  /**
   * A QoS 1 message is acknowledged when the listeners' promises have resolved, and not at all when one rejects: the broker sends
   * it again after a reconnect if the session is not clean. The next packet is looked at only then, PUBACKs of our own
   * publishes included, so a listener must not wait for a publish on this link.
   */
  onMessage(listener: (message: LinkMessage) => void | Promise<void>): void
  /** After CONNACK. `sessionPresent`: the broker still has our subscriptions. */
  onUp(listener: (sessionPresent: boolean) => void): void
  /** Once per change of reason, not at each try. */
  onDown(listener: (reason: string, error: LinliError) => void): void
}

export interface MqttLinkDeps {
  /** [0, 1), for the jitter. */
  random: () => number
  /** In-memory transport for virtual time; TCP or TLS by url when absent. */
  connect?: () => Duplex
  /** Told of messages that a listener failed on. */
  onError?: (error: unknown) => void
}

const KEEPALIVE_S = 10
const CONNECT_TIMEOUT_MS = 10_000
/** How long close waits for the goodbye to leave. */
const CLOSE_MS_MAX = 1_000

interface Listeners {
  message: ((message: LinkMessage) => void | Promise<void>)[]
  up: ((sessionPresent: boolean) => void)[]
  down: ((reason: string, error: LinliError) => void)[]
}

/** Throws UPSTREAM_URL_INVALID. */
export function createMqttLink(deps: MqttLinkDeps, config: MqttLinkConfig): MqttLink {
  const { address } = parseBrokerUrl(config.url)
  const listeners: Listeners = { message: [], up: [], down: [] }
  /** Rejects of everything that waits for the broker's answer on the present connection. */
  const waiting = new Set<(error: LinliError) => void>()
  let client: MqttClient | undefined
  /** Of the present client. */
  let outgoing: Outgoing | undefined
  let isUp = false
  let isClosed = false
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let reported: string | undefined

  function open(): void {
    timer = undefined
    try {
      const { connect } = deps
      const options = clientOptions({ ...config, ...config.secrets?.() })
      const made = connect
        ? new MqttClient(connect as () => MqttClient['stream'], options)
        : mqtt.connect(config.url, options)
      client = made
      listenTo(made)
    } catch (error) {
      down(connectError(address, error))
    }
  }

  function listenTo(made: MqttClient): void {
    withoutDelay(made.stream)
    outgoing = createOutgoing(made)
    let why: unknown
    made.handleMessage = (packet, acknowledge) => hand(packet, acknowledge)
    made.on('connect', ({ sessionPresent }) => {
      if (made !== client) return
      isUp = true
      failures = 0
      reported = undefined
      for (const listener of listeners.up) listener(sessionPresent)
    })
    made.on('error', (error) => {
      why ??= error
      end(made, why)
    })
    // The library keeps some of the socket's errors to itself, a refused client certificate among them.
    made.stream.on('error', (error) => {
      why ??= error
    })
    made.on('close', () => end(made, why))
  }

  /** The first sign of an end ends the connection; later ones are of a client that is already gone. */
  function end(made: MqttClient, why: unknown): void {
    if (made !== client) return
    const wasUp = isUp
    abandon(made)
    const broken = why === undefined ? 'the broker closed it' : reasonOf(why)
    const lost = linkError('UPSTREAM_LOST', `the connection to ${address} broke: ${broken}`, why)
    down(wasUp ? lost : connectError(address, why ?? new Error('it closes the connection before CONNACK')))
  }

  function abandon(made: MqttClient): void {
    client = undefined
    isUp = false
    made.end(true)
    // Whatever is still in its socket must go as well: the next connection starts from nothing.
    made.stream.destroy()
  }

  function down(error: LinliError): void {
    refuseWaiting(error)
    if (isClosed) return
    failures += 1
    timer = setTimeout(open, backoff_ms(config.backoff ?? BACKOFF_DEFAULT, failures, deps.random))
    if (error.message === reported) return
    reported = error.message
    for (const listener of listeners.down) listener(error.message, error)
  }

  function refuseWaiting(error: LinliError): void {
    const rejects = [...waiting]
    waiting.clear()
    for (const reject of rejects) reject(error)
    outgoing?.refuse(error)
  }

  function hand(packet: IPublishPacket, acknowledge: (error?: Error) => void): void {
    const { topic, qos, retain, dup, payload } = packet
    const message = { topic, qos, retain, dup, payload: typeof payload === 'string' ? Buffer.from(payload) : payload }
    Promise.all(listeners.message.map(async (listener) => listener(message))).then(
      () => acknowledge(),
      (error: unknown) => {
        deps.onError?.(error)
        acknowledge(error instanceof Error ? error : new Error(String(error)))
      },
    )
  }

  function send(topic: string, payload: Uint8Array, retain: boolean, answered: Answered): void {
    if (isUp && outgoing) outgoing.publish(topic, payload, retain, answered)
    else answered(linkError('UPSTREAM_LOST', `there is no connection to ${address}`))
  }

  /** Runs one request on the connection; answered by the broker or refused when the connection ends. */
  function ask(request: (using: MqttClient, done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!client || !isUp) {
        reject(linkError('UPSTREAM_LOST', `there is no connection to ${address}`))
        return
      }
      waiting.add(reject)
      request(client, (error) => {
        if (!waiting.delete(reject)) return
        if (error) reject(requestError(address, error))
        else resolve()
      })
    })
  }

  return {
    get connected() {
      return isUp
    },
    start() {
      if (!client && !timer && !isClosed) open()
    },
    drop(reason) {
      if (client && isUp) end(client, new Error(reason))
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      const last = client
      const wasUp = isUp
      client = undefined
      isUp = false
      refuseWaiting(linkError('UPSTREAM_LOST', `the connection to ${address} was closed here`))
      if (last) await sayGoodbye(last, wasUp)
    },
    publish(topic, payload, { qos, retain }) {
      if (qos === 1)
        return new Promise((resolve, reject) => {
          send(topic, payload, retain, (error) => (error ? reject(error) : resolve()))
        })
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
      return ask((using, done) => using.publish(topic, bytes, { qos, retain }, (error) => done(error)))
    },
    send,
    subscribe: (filter, qos) => ask((using, done) => using.subscribe(filter, { qos }, (error) => done(error))),
    unsubscribe: (filter) => ask((using, done) => using.unsubscribe(filter, (error) => done(error ?? null))),
    onMessage: (listener) => listeners.message.push(listener),
    onUp: (listener) => listeners.up.push(listener),
    onDown: (listener) => listeners.down.push(listener),
  }
}

function clientOptions(config: MqttLinkConfig): IClientOptions {
  const { will } = config
  return {
    protocolVersion: 4,
    protocolId: 'MQTT',
    clientId: config.clientId,
    clean: config.clean,
    keepalive: config.keepalive_s ?? KEEPALIVE_S,
    connectTimeout: config.connectTimeout_ms ?? CONNECT_TIMEOUT_MS,
    // Coming back is done here, with a new client: the old one's stores would resend behind the pump's back.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
    // The library's tracing formats its arguments even when nobody listens: 4 % of the CPU of a busy hub.
    log: () => undefined,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
    ...(will ? { will: { ...will, payload: Buffer.from(will.payload) } } : {}),
    ...config.tls,
  }
}

/** mqtt.js never turns Nagle's algorithm off; with the peer's delayed ACK that costs 40 ms per message. */
function withoutDelay(stream: MqttClient['stream']): void {
  if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true)
}

async function sayGoodbye(client: MqttClient, wasUp: boolean): Promise<void> {
  let timeout: ReturnType<typeof setTimeout> | undefined
  const gone = new Promise<void>((resolve) => {
    client.once('close', () => resolve())
    timeout = setTimeout(() => {
      client.stream.destroy()
      resolve()
    }, CLOSE_MS_MAX)
  })
  if (wasUp) {
    // The library would wait for the answers of what is in flight; nobody listens to them any more.
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id))
    client.end(false)
  } else {
    client.end(true)
    client.stream.destroy()
  }
  await gone
  clearTimeout(timeout)
}
