import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { encodeJson } from '../contract/encode.ts'
import { markReplayed, payloadToSend } from '../contract/replayed.ts'
import { type Address, formatTopic, type Site, sitePath } from '../contract/topic.ts'
import { createMqttLink, type MqttLink } from '../journal/shipper/mqtt-link.ts'
import type { Answered } from '../journal/shipper/outgoing.ts'
import { type Admission, createPump, type Shipment } from '../journal/shipper/pump.ts'
import type { Entry, Log } from '../journal/types.ts'
import { createAhead } from './ahead.ts'
import { cursorOf, FORWARDED_LANES } from './cursor.ts'
import type { DeadLetters } from './dead-letters.ts'
import { createFilter } from './filter.ts'
import type { Place } from './poison-machine.ts'
import { createPoisonWatch } from './poison-watch.ts'
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
  /** The upstream has it. */
  onAcknowledged: (entry: Entry) => void
  /** A message was given up: it is among the dead letters. */
  onDeadLetter: (entry: Place, why: { tries: number; reason: string }) => void
  onError: (error: unknown) => void
}

/** A pump that stopped although the link stands is started again after this. */
const RETRY_MS = 1_000
/** So many windows may wait for the cursor to be on disk: on a slow card that takes as long as hundreds of PUBACKs. */
const UNSETTLED_WINDOWS = 5
const GOODBYE_MS_MAX = 1_000
/** How poison is looked for. */
const SEARCH = {
  /** A broker that keeps messages safe acknowledges in a second or two even on a slow disk. */
  answer_ms: 15_000,
  /** Longer than the round trip of a bad mobile line. */
  quiet_ms: 1_000,
  alone_ms: 2_000,
}

export function createForwarder(deps: ForwarderDeps, config: ForwarderConfig): Forwarder {
  const { deadLetters, log } = deps
  const { name } = config
  const self: Address = { ...config.site, gateway: 'hub', class: 'hub', device: config.hub }
  const availability = formatTopic({ ...self, channel: 'avail' })
  const delivered = new Map<string, number>()
  const wants = config.filter ? createFilter(config.filter) : () => true
  let status: ForwarderStatus = { connected: false, since: now(), reason: 'starting' }
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let stopping: Promise<void> = Promise.resolve()

  const link = openLink(deps, config, availability)
  const windows = windowsOf(config)
  const pump = createPump({ log, cursorName: cursorOf(name), ...windows, admit, send, onError: onStopped })
  const isCalm = () => link.connected && poison.isCalm()
  const goAhead = (entry: Entry, answered: Answered) => publish(entry, false, answered)
  const ahead = createAhead({ log, pump, wants, mayGo: isCalm, publish: goAhead }, windows)
  const side = createSideFeed({
    publish: ({ topic, payload, lane }) => link.publish(topic, markReplayed(payload), optionsOf(lane)),
    isFree: () => isCalm() && pump.drained(),
  })

  function now(): string {
    return new Date(deps.now_ms()).toISOString()
  }

  const poison = createPoisonWatch(
    {
      ask: sayOnline,
      drop: link.drop,
      bury,
      poke() {
        pump.poke()
        side.poke()
      },
      onError: deps.onError,
    },
    { lanes: FORWARDED_LANES, tries: config.tries, ...SEARCH },
  )

  function sayOnline(): Promise<void> {
    return link.publish(availability, encodeJson({ status: 'online', since: status.since }), { qos: 1, retain: true })
  }

  function onStopped(error: unknown): void {
    // A link that is down has said so, and starts it again.
    if (!link.connected) return
    deps.onError(error)
    // The journal could not be read, or the broker refused one message.
    retryTimer = setTimeout(resume, RETRY_MS)
  }

  function admit(entry: Entry): Admission {
    const isAllowed = poison.mayGo(entry)
    if (!wants(entry) || deadLetters.has(name, entry)) return 'pass'
    return isAllowed ? 'send' : 'wait'
  }

  function send({ entry, backlog }: Shipment, answered: Answered): void {
    poison.sent(entry)
    const done: Answered = (error) => {
      if (error === undefined) {
        poison.acknowledged(entry)
        delivered.set(entry.lane, (delivered.get(entry.lane) ?? 0) + 1)
        deps.onAcknowledged(entry)
      }
      answered(error)
    }
    if (!ahead.answerTo(entry, done)) publish(entry, backlog, done)
  }

  function publish({ topic, payload, time_ms, lane }: Entry, waited: boolean, answered: Answered): void {
    link.send(topic, payloadToSend(payload, waited, deps.now_ms() - time_ms), lane === 'state', answered)
  }

  async function bury({ lane, position }: Place, why: { tries: number; reason: string }): Promise<void> {
    const [entry] = await log.read(lane, position - 1, 1)
    // Gone meanwhile: evicted, or a newer state took its place.
    if (entry?.position !== position) return
    await deadLetters.add(name, entry, why)
    deps.onDeadLetter({ lane, position }, why)
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
    say(true, undefined)
    poison.up()
    resume()
    announce().catch(deps.onError)
  })
  link.onDown((reason) => {
    pause().catch(deps.onError)
    ahead.down()
    poison.down(reason)
    say(false, reason)
  })
  link.onMessage((message) => deps.onCommand(message.topic, message.payload, message.retain))

  return {
    name,
    start: () => link.start(),
    async close() {
      poison.close()
      side.close()
      ahead.close()
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

function windowsOf({ window }: ForwarderConfig) {
  return { lanes: FORWARDED_LANES, window, unsettled_max: window * UNSETTLED_WINDOWS }
}

function optionsOf(lane: string): { qos: 1; retain: boolean } {
  return { qos: 1, retain: lane === 'state' }
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
  const whole = createHash('sha256')
    .update(`${sitePath(site)}/${hub}/${name}`)
    .digest('hex')
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
