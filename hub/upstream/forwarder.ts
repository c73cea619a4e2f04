import type { Duplex } from 'node:stream'
import { encodeJson } from '../contract/encode.ts'
import { payloadToSend } from '../contract/replayed.ts'
import { formatTopic, type Site, sitePath } from '../contract/topic.ts'
import { createMqttLink, type MqttLink } from '../journal/shipper/mqtt-link.ts'
import { createPump } from '../journal/shipper/pump.ts'
import type { Log } from '../journal/types.ts'

/**
 * Drains the journal to one upstream broker: alarm lane first, in order per lane, at most `window` unacknowledged, the
 * cursor moved only by PUBACK. The upstream may be any MQTT 3.1.1 broker.
 */

export interface ForwarderConfig {
  url: string
  site: Site
  /** Name of this hub, a topic segment. */
  hub: string
  /** Unacknowledged messages at most; a crash sends five times as many twice at worst, with the same ids. */
  window: number
  username?: string
  password?: string
}

export interface ForwarderStatus {
  connected: boolean
  /** RFC 3339: since when. */
  since: string
  /** Why it is not connected. */
  reason: string | undefined
}

export interface Forwarder {
  start(): void
  close(): Promise<void>
  status(): ForwarderStatus
  delivered(): ReadonlyMap<string, number>
}

/** What is forwarded, most urgent first. Commands and refused messages stay here. */
export const FORWARDED_LANES = ['alarm', 'state', 'telemetry'] as const
export const UPSTREAM_CURSOR = 'upstream'
/** A pump that stopped although the link stands is started again after this. */
const RETRY_MS = 1_000
/** So many windows may wait for the cursor to be on disk: on a slow card that takes as long as hundreds of PUBACKs. */
const UNSETTLED_WINDOWS = 5
const GOODBYE_MS_MAX = 1_000

export function createForwarder(
  deps: {
    log: Log
    random: () => number
    now_ms: () => number
    /** In-memory transport for virtual time; TCP or TLS by url when absent. */
    connect?: () => Duplex
    onStatus: (status: ForwarderStatus) => void
    /** What the hub says of itself: told at each connection, to a broker that may have forgotten. */
    state: () => unknown
    onCommand: (topic: string, payload: Uint8Array, retain: boolean) => void
    onError: (error: unknown) => void
  },
  config: ForwarderConfig,
): Forwarder {
  const self = { ...config.site, gateway: 'hub', class: 'hub', device: config.hub } as const
  const availability = formatTopic({ ...self, channel: 'avail' })
  const delivered = new Map<string, number>()
  let status: ForwarderStatus = { connected: false, since: new Date(deps.now_ms()).toISOString(), reason: 'starting' }

  const link: MqttLink = createMqttLink(
    { random: deps.random, ...(deps.connect ? { connect: deps.connect } : {}) },
    {
      url: config.url,
      clientId: `linli-${config.site.estate}-${config.hub}`,
      clean: true,
      ...(config.username === undefined ? {} : { username: config.username }),
      ...(config.password === undefined ? {} : { password: config.password }),
      will: {
        topic: availability,
        payload: encodeJson({ status: 'offline', reason: 'connection-lost' }),
        qos: 1,
        retain: true,
      },
    },
  )

  const pump = createPump({
    log: deps.log,
    cursorName: UPSTREAM_CURSOR,
    lanes: [...FORWARDED_LANES],
    ...{ window: config.window, unsettled_max: config.window * UNSETTLED_WINDOWS },
    async send({ entry, backlog }) {
      const payload = payloadToSend(entry.payload, backlog, deps.now_ms() - entry.time_ms)
      await link.publish(entry.topic, payload, { qos: 1, retain: entry.lane === 'state' })
      delivered.set(entry.lane, (delivered.get(entry.lane) ?? 0) + 1)
    },
    onError(error) {
      deps.onError(error)
      // The link stands, so nobody else starts it again: the journal could not be read, or the broker refused one message.
      if (link.connected) retryTimer = setTimeout(resume, RETRY_MS)
    },
  })
  let stopping: Promise<void> = Promise.resolve()
  let retryTimer: ReturnType<typeof setTimeout> | undefined

  /** A pump is started again only when it has stopped. */
  function resume(): void {
    stopping.then(() => link.connected && pump.start()).catch(deps.onError)
  }
  function pause(): Promise<void> {
    clearTimeout(retryTimer)
    stopping = stopping.then(() => pump.stop())
    return stopping
  }

  function say(connected: boolean, reason: string | undefined): void {
    status = { connected, since: new Date(deps.now_ms()).toISOString(), reason }
    deps.onStatus(status)
  }

  async function announce(): Promise<void> {
    const online = { status: 'online', since: new Date(deps.now_ms()).toISOString() }
    await link.publish(availability, encodeJson(online), { qos: 1, retain: true })
    await link.publish(formatTopic({ ...self, channel: 'state' }), encodeJson(deps.state()), { qos: 1, retain: true })
    await link.subscribe(`${sitePath(config.site)}/+/+/+/cmd/+/+`, 1)
  }

  /** A clean end sends no will, so it is said; a broker that does not answer must not hold up the end. */
  async function sayGoodbye(): Promise<void> {
    const offline = { status: 'offline', reason: 'hub-stopped', since: new Date(deps.now_ms()).toISOString() }
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, GOODBYE_MS_MAX)
    })
    const said = link.publish(availability, encodeJson(offline), { qos: 1, retain: true }).catch(deps.onError)
    await Promise.race([said, timeout])
    clearTimeout(timer)
  }

  link.onUp(() => {
    say(true, undefined)
    resume()
    announce().catch(deps.onError)
  })
  link.onDown((reason) => {
    pause().catch(deps.onError)
    say(false, reason)
  })
  link.onMessage((message) => deps.onCommand(message.topic, message.payload, message.retain))

  return {
    start: () => link.start(),
    async close() {
      await pause()
      if (link.connected) await sayGoodbye()
      await link.close()
    },
    status: () => status,
    delivered: () => delivered,
  }
}
