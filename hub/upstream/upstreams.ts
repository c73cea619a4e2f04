import type { Duplex } from 'node:stream'
import type { Principal } from '../auth/access.ts'
import { WHOLE_ESTATE } from '../auth/grants.ts'
import type { BrokerLog } from '../broker/broker.ts'
import type { Inbound } from '../broker/ingest.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { HubState } from '../contract/hub.ts'
import { parseTopic, type Site } from '../contract/topic.ts'
import type { Entry, Log } from '../journal/types.ts'
import { backlogs, forgetCursor, openCursor } from './cursor.ts'
import { type DeadLetters, openDeadLetters } from './dead-letters.ts'
import { createForwarder, type Forwarder, type ForwarderStatus } from './forwarder.ts'
import { redacted } from './redacted.ts'
import type { UpstreamSettings } from './settings.ts'

/** All upstreams of a hub: each with its own connection, filter, window and place in the journal. */

export interface UpstreamReport extends ForwarderStatus {
  name: string
  /** Without credentials. */
  url: string
  /** Entries that it has not acknowledged, by lane; what its filter leaves out is among them until it is passed. */
  backlog: Record<string, number>
  /** Acknowledged since start, by lane. */
  delivered: ReadonlyMap<string, number>
  deadLetters: number
}

/** An upstream that is configured no more, and for which the journal still keeps entries. */
export interface LeftUpstream {
  name: string
  /** In all lanes. */
  entries: number
}

export type AcknowledgedListener = (upstream: string, entry: Entry) => void

export interface Upstreams {
  readonly deadLetters: DeadLetters
  start(): void
  close(): Promise<void>
  reports(): UpstreamReport[]
  left(): LeftUpstream[]
  forwarder(name: string): Forwarder | undefined
  names(): string[]
  /** Through which upstream a command came; undefined when through none. */
  askedThrough(commandId: string): string | undefined
  /** What the journal keeps for one that is configured no more may go. Throws UPSTREAM_IN_USE, UPSTREAM_UNKNOWN. */
  forget(name: string): void
  /** Sends a dead letter once more; it is off the list when it was acknowledged. */
  resend(id: string): Promise<void>
  /** Whoever wants to know what an upstream has; returns the way to stop listening. */
  onAcknowledged(listener: AcknowledgedListener): () => void
  /** Their part of what the hub says of itself. */
  state(): Pick<HubState, 'upstreams'>
}

export interface UpstreamsDeps {
  log: Log
  logger: BrokerLog & { error(details: object, message: string): void }
  random: () => number
  now_ms: () => number
  connect?: () => Duplex
  /** Puts a command of an upstream through the hub's own door. */
  submit: (principal: Principal, inbound: Inbound) => Promise<void>
  hubState: () => unknown
  /** An upstream came or went. */
  onStatus: (name: string) => void
  /** Its part of the hub's state changed otherwise. */
  onChange: () => void
}

/** Commands remembered with the upstream that they came through. */
const ASKED_MAX = 1_000

export async function openUpstreams(
  deps: UpstreamsDeps,
  config: { upstreams: readonly UpstreamSettings[]; site: Site; hub: string },
): Promise<Upstreams> {
  const { log, now_ms } = deps
  const asked = new Map<string, string>()
  const deadLetters = await openDeadLetters({ log, now_ms, onChange: deps.onChange })
  const forwarders = new Map<string, Forwarder>()
  const acknowledged = new Set<AcknowledgedListener>()
  for (const settings of config.upstreams) {
    await openCursor(log, settings.name, settings.start)
    forwarders.set(settings.name, openForwarder(settings))
  }
  for (const { name, entries } of left()) {
    deps.logger.warn(
      { upstream: name, entries },
      'the journal keeps entries for an upstream that is configured no more: see linli upstream forget',
    )
  }

  function openForwarder(settings: UpstreamSettings): Forwarder {
    const { name } = settings
    const about = { upstream: name, url: redacted(settings.url) }
    const platform: Principal = { role: 'platform', name, site: config.site, grants: WHOLE_ESTATE }
    return createForwarder(
      {
        log,
        deadLetters,
        random: deps.random,
        now_ms,
        ...(deps.connect ? { connect: deps.connect } : {}),
        onStatus({ connected, reason }) {
          deps.logger.info({ ...about, reason }, connected ? 'upstream connected' : 'upstream disconnected')
          deps.onStatus(name)
        },
        onCommand(topic, payload, retain) {
          const parsed = parseTopic(topic)
          if (parsed.ok && parsed.value.channel === 'cmd') remember(parsed.value.id, name)
          deps.submit(platform, { topic, payload, retain }).catch((error: unknown) => {
            deps.logger.warn({ upstream: name, topic }, `command from upstream refused: ${reasonOf(error)}`)
          })
        },
        state: deps.hubState,
        onAcknowledged(entry) {
          for (const listener of acknowledged) listener(name, entry)
        },
        onDeadLetter(entry, why) {
          deps.logger.error(
            { ...about, ...entry, ...why },
            'the upstream cannot take a message: see linli upstream dead-letters',
          )
        },
        onError: (error) => deps.logger.warn(about, `forwarding: ${reasonOf(error)}`),
      },
      { ...settings, site: config.site, hub: config.hub },
    )
  }

  function remember(command: string, upstream: string): void {
    if (asked.size >= ASKED_MAX) asked.clear()
    asked.set(command, upstream)
  }

  function left(): LeftUpstream[] {
    return [...backlogs(log)]
      .filter(([name]) => !forwarders.has(name))
      .map(([name, lanes]) => ({ name, entries: Object.values(lanes).reduce((sum, lag) => sum + lag, 0) }))
  }

  function reports(): UpstreamReport[] {
    const lags = backlogs(log)
    return config.upstreams.map(({ name, url }) => {
      const forwarder = forwarders.get(name)
      return {
        name,
        url: redacted(url),
        ...(forwarder?.status() ?? {
          connected: false,
          since: new Date(now_ms()).toISOString(),
          reason: 'not started',
        }),
        backlog: lags.get(name) ?? {},
        delivered: forwarder?.delivered() ?? new Map(),
        deadLetters: deadLetters.count(name),
      }
    })
  }

  /** State is told as it is now or not at all: an old one would be taken for the present one. */
  async function entryOf(id: string): Promise<{ upstream: string; entry: Entry }> {
    const { upstream, lane, position, topic, payload, time_ms } = await deadLetters.get(id)
    if (lane === 'state' && (await log.read(lane, position - 1, 1))[0]?.position !== position) {
      const message = `${id} is no longer what holds on ${topic}: drop it`
      throw new LinliError('DEAD_LETTER_STALE', message, { kind: 'caller' })
    }
    return { upstream, entry: { lane, position, topic, payload, time_ms } }
  }

  return {
    deadLetters,
    start() {
      for (const forwarder of forwarders.values()) forwarder.start()
    },
    async close() {
      await Promise.all([...forwarders.values()].map((forwarder) => forwarder.close()))
    },
    reports,
    left,
    forwarder: (name) => forwarders.get(name),
    names: () => [...forwarders.keys()],
    askedThrough: (command) => asked.get(command),
    forget(name) {
      if (forwarders.has(name)) {
        const message = `${name} is configured: take it out of the configuration and restart the hub first`
        throw new LinliError('UPSTREAM_IN_USE', message, { kind: 'caller' })
      }
      forgetCursor(log, name)
      deps.logger.info({ upstream: name }, 'an upstream is forgotten')
    },
    async resend(id) {
      const { upstream, entry } = await entryOf(id)
      const forwarder = forwarders.get(upstream)
      if (!forwarder) {
        const message = `${id} is of ${upstream}, which is configured no more`
        throw new LinliError('UPSTREAM_UNKNOWN', message, { kind: 'caller' })
      }
      if (!forwarder.status().connected) {
        const message = `${upstream} is not connected: ${forwarder.status().reason ?? ''}`
        throw new LinliError('UPSTREAM_LOST', message, { kind: 'fault' })
      }
      await forwarder.sendAgain([entry])
      await deadLetters.remove(id)
    },
    onAcknowledged(listener) {
      acknowledged.add(listener)
      return () => acknowledged.delete(listener)
    },
    state: () => ({
      upstreams: reports().map(({ name, connected, since, deadLetters }) => ({
        name,
        status: connected ? ('connected' as const) : ('disconnected' as const),
        since,
        deadletters: deadLetters,
      })),
    }),
  }
}
