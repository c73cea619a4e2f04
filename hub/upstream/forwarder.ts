import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { encodeJson } from '../contract/encode.ts'
import { markReplayed, payloadToSend } from '../contract/replayed.ts'
import { type Address, formatTopic, type Site, sitePath } from '../contract/topic.ts'
import { createMqttLink, type MqttLink } from '../journal/shipper/mqtt-link.ts'
import { type Admission, createPump, type Shipment } from '../journal/shipper/pump.ts'
import type { Entry, Log } from '../journal/types.ts'
import { cursorOf, FORWARDED_LANES } from './cursor.ts'
import type { DeadLetters } from './dead-letters.ts'
import { createFilter } from './filter.ts'
import {
  createPoisonState,
  mayGo,
  type Place,
  type PoisonConfig,
  type PoisonEffect,
  type PoisonInput,
  stepPoison,
} from './poison-machine.ts'
import type { UpstreamSettings } from './settings.ts'
import { createSideFeed } from './side-feed.ts'

/**
 * Drains the journal to one upstream broker: alarm lane first, in order per lane, at most `window` unacknowledged, the
 * cursor moved only by PUBACK. The upstream may be any MQTT 3.1.1 broker.
 */

export interface ForwarderConfig extends UpstreamSettings {
  site: Site
  /** Name of this hub, a topic segment. */
  hub: string
}

export interface ForwarderStatus {
  connected: boolean
  /** RFC 3339: since when. */
  since: string
  /** Why it is not connected. */
  reason: string | undefined
}

export interface Forwarder {
  readonly name: string
  start(): void
  close(): Promise<void>
  status(): ForwarderStatus
  /** By lane, since start. */
  delivered(): ReadonlyMap<string, number>
  /** Sent a second time, marked as replayed, behind everything else; resolves with how many were acknowledged. */
  sendAgain(entries: AsyncIterable<Entry> | Iterable<Entry>): Promise<number>
  wants(entry: Entry): boolean
}

export interface ForwarderDeps {
  log: Log
  deadLetters: DeadLetters
  random: () => number
  now_ms: () => number
  /** In-memory transport for virtual time; TCP or TLS by url when absent. */
  connect?: () => Duplex
  onStatus: (status: ForwarderStatus) => void
  /** What the hub says of itself: told at each connection, to a broker that may have forgotten. */
  state: () => unknown
  onCommand: (topic: string, payload: Uint8Array, retain: boolean) => void
  /** A message was given up: it is among the dead letters. */
  onDeadLetter: (entry: Place, why: { tries: number; reason: string }) => void
  onError: (error: unknown) => void
}

/** A pump that stopped although the link stands is started again after this. */
const RETRY_MS = 1_000
const TICK_MS = 1_000
const GOODBYE_MS_MAX = 1_000
/** A broker that is asked to keep messages safe acknowledges in a second or two even on a slow disk. */
const ANSWER_MS = 15_000
/** Longer than the round trip of a bad mobile line. */
const QUIET_MS = 1_000
const ALONE_MS = 2_000

export function createForwarder(deps: ForwarderDeps, config: ForwarderConfig): Forwarder {
  const { deadLetters, log } = deps
  const { name } = config
  const self: Address = { ...config.site, gateway: 'hub', class: 'hub', device: config.hub }
  const availability = formatTopic({ ...self, channel: 'avail' })
  const delivered = new Map<string, number>()
  const wants = config.filter ? createFilter(config.filter) : () => true
  const search: PoisonConfig = {
    lanes: FORWARDED_LANES,
    tries: config.tries,
    quiet_ms: QUIET_MS,
    answer_ms: ANSWER_MS,
    alone_ms: ALONE_MS,
  }
  const poison = createPoisonState()
  let status: ForwarderStatus = { connected: false, since: now(), reason: 'starting' }
  let online = ''
  let ticker: ReturnType<typeof setInterval> | undefined
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let stopping: Promise<void> = Promise.resolve()

  const link = openLink(deps, config, availability)
  const pump = createPump({
    log,
    cursorName: cursorOf(name),
    lanes: [...FORWARDED_LANES],
    window: config.window,
    admit,
    send,
    onError(error) {
      deps.onError(error)
      // The link stands, so nobody else starts it again: the journal could not be read, or the broker refused one message.
      if (link.connected) retryTimer = setTimeout(resume, RETRY_MS)
    },
  })
  const side = createSideFeed({
    publish: ({ topic, payload, lane }) =>
      link.publish(topic, markReplayed(payload), { qos: 1, retain: lane === 'state' }),
    isFree: () => link.connected && poison.doubtful.size === 0 && pump.drained(),
  })

  function now(): string {
    return new Date(deps.now_ms()).toISOString()
  }

  function admit(entry: Entry): Admission {
    const isAllowed = mayGo(search, poison, entry, performance.now())
    if (!wants(entry) || deadLetters.has(name, entry)) return 'pass'
    return isAllowed ? 'send' : 'wait'
  }

  async function send({ entry, backlog }: Shipment): Promise<void> {
    const { lane, position } = entry
    feed({ type: 'sent', lane, position })
    const payload = payloadToSend(entry.payload, backlog, deps.now_ms() - entry.time_ms)
    await link.publish(entry.topic, payload, { qos: 1, retain: lane === 'state' })
    feed({ type: 'acknowledged', lane, position })
    delivered.set(lane, (delivered.get(lane) ?? 0) + 1)
  }

  function feed(input: PoisonInput): void {
    for (const effect of stepPoison(search, poison, input, performance.now())) perform(effect)
  }

  function perform(effect: PoisonEffect): void {
    if (effect.type === 'ask') ask()
    else if (effect.type === 'drop') link.drop(effect.reason)
    else if (effect.type === 'poke') {
      pump.poke()
      side.poke()
    } else void bury(effect)
  }

  /** A message of our own that every broker takes. */
  function ask(): void {
    const asked_ms = performance.now()
    link
      .publish(availability, encodeJson({ status: 'online', since: online }), { qos: 1, retain: true })
      .then(() => feed({ type: 'answered', asked_ms }))
      .catch(deps.onError)
  }

  async function bury({ lane, position, tries, reason }: PoisonEffect & { type: 'bury' }): Promise<void> {
    try {
      const [entry] = await log.read(lane, position - 1, 1)
      if (entry?.position === position) {
        await deadLetters.add(name, entry, { tries, reason })
        deps.onDeadLetter({ lane, position }, { tries, reason })
      }
      feed({ type: 'buried', lane, position })
    } catch (error) {
      deps.onError(error)
      feed({ type: 'not-buried', lane, position })
    }
  }

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
    status = { connected, since: now(), reason }
    deps.onStatus(status)
  }

  async function announce(): Promise<void> {
    await link.publish(formatTopic({ ...self, channel: 'state' }), encodeJson(deps.state()), { qos: 1, retain: true })
    const commands = commandFilter(config, self)
    if (commands !== undefined) await link.subscribe(commands, 1)
  }

  link.onUp(() => {
    online = now()
    feed({ type: 'up' })
    ask()
    ticker = setInterval(() => feed({ type: 'tick' }), TICK_MS)
    say(true, undefined)
    resume()
    announce().catch(deps.onError)
  })
  link.onDown((reason) => {
    clearInterval(ticker)
    pause().catch(deps.onError)
    feed({ type: 'down', reason })
    say(false, reason)
  })
  link.onMessage((message) => deps.onCommand(message.topic, message.payload, message.retain))

  return {
    name,
    start: () => link.start(),
    async close() {
      clearInterval(ticker)
      side.close()
      await pause()
      if (link.connected) await sayGoodbye(link, availability, now()).catch(deps.onError)
      await link.close()
    },
    status: () => status,
    delivered: () => delivered,
    sendAgain: (entries) => side.send(entries),
    wants,
  }
}

function openLink(deps: ForwarderDeps, config: ForwarderConfig, availability: string): MqttLink {
  const { keepalive_s, secrets } = config
  return createMqttLink(
    { random: deps.random, ...(deps.connect ? { connect: deps.connect } : {}) },
    {
      url: config.url,
      clientId: clientIdOf(config),
      clean: true,
      ...(keepalive_s === undefined ? {} : { keepalive_s }),
      ...(secrets ? { secrets } : {}),
      will: {
        topic: availability,
        payload: encodeJson({ status: 'offline', reason: 'connection-lost' }),
        qos: 1,
        retain: true,
      },
    },
  )
}

/** Estates of one district often have the same name, and one hub may reach one broker as two upstreams. */
function clientIdOf({ site, hub, name }: ForwarderConfig): string {
  const whole = createHash('sha256').update(`${sitePath(site)}/${hub}/${name}`).digest('hex')
  return `linli-${site.estate}-${hub}-${whole.slice(0, 8)}`
}

/** What the upstream may ask for, as the topics that are subscribed to there. */
function commandFilter({ commands, site }: ForwarderConfig, self: Address): string | undefined {
  if (commands === 'none') return undefined
  if (commands === 'all') return `${sitePath(site)}/+/+/+/cmd/+/+`
  return `${sitePath(site)}/${self.gateway}/${self.class}/${self.device}/cmd/replay/+`
}

/** A clean end sends no will, so it is said; a broker that does not answer must not hold up the end. */
async function sayGoodbye(link: MqttLink, availability: string, since: string): Promise<void> {
  const offline = { status: 'offline', reason: 'hub-stopped', since }
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GOODBYE_MS_MAX)
  })
  try {
    await Promise.race([link.publish(availability, encodeJson(offline), { qos: 1, retain: true }), timeout])
  } finally {
    clearTimeout(timer)
  }
}
