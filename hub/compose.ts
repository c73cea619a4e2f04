import type { Duplex } from 'node:stream'
import packageFile from '../package.json' with { type: 'json' }
import type { Principal } from './auth/access.ts'
import type { Authenticator } from './auth/authenticator.ts'
import { type Broker, type BrokerLog, createBroker } from './broker/broker.ts'
import { createIngest, type Inbound, type Ingest, type Verdict } from './broker/ingest.ts'
import { type CommandDesk, createDesk } from './commands/desk.ts'
import { type CommandMessage, isCredentialCommand, ownerOf } from './commands/own-commands.ts'
import { decodeMessage, type Message } from './contract/decode.ts'
import { encodeJson } from './contract/encode.ts'
import { LinliError, reasonOf } from './contract/errors.ts'
import type { Site } from './contract/topic.ts'
import { createDistributor } from './credentials/distributor.ts'
import { type CredentialSource, createCredentialSource } from './credentials/source.ts'
import { createDevices, type Devices } from './devices/devices.ts'
import { createEvacuation, type Evacuation } from './evacuation/evacuation.ts'
import { createGatewayLife, type GatewayLife } from './gateway-life/gateway-life.ts'
import type { Log } from './journal/types.ts'
import { createOwnVoice, type OwnVoice } from './own-voice.ts'
import { gatewayKey, type Registry } from './registry/registry.ts'
import { createForwarder, type Forwarder, type ForwarderStatus } from './upstream/forwarder.ts'

/**
 * One hub, wired. Everything that touches the world (disk, sockets, clock, randomness) comes in through `deps`, so that
 * the same hub runs in a process of its own and on virtual time.
 */

export interface HubDeps {
  log: Log
  registry: Registry
  authenticate: Authenticator
  logger: HubLogger
  counters: HubCounters
  random: () => number
  now_ms: () => number
  newId: () => string
  /** In-memory transport to the upstream, for virtual time. */
  connectUpstream?: () => Duplex
}

export interface HubLogger extends BrokerLog {
  error(details: object, message: string): void
}

export interface HubCounters {
  accepted(kind: string): void
  rejected(code: string): void
  duplicate(): void
  telemetryLost(): void
  shed(): void
  clientRefused(cause: string): void
  clientThrottled(): void
}

export interface HubSettings {
  site: Site
  name: string
  dev: boolean
  upstream: { url: string; window: number } | undefined
  /** `keyId` of the site key; without it this hub has no credentials to distribute. */
  credentialKey?: string
}

/** A message that is in the journal, for those who watch the hub from inside. */
export type AcceptedListener = (message: Message) => void

export interface Hub {
  readonly broker: Broker
  readonly devices: Devices
  readonly desk: CommandDesk
  readonly forwarder: Forwarder | undefined
  readonly credentials: CredentialSource | undefined
  /** For what the hub itself has to say of the world. */
  readonly own: OwnVoice
  onAccepted(listener: AcceptedListener): () => void
  onUpstream(listener: (status: ForwarderStatus) => void): () => void
  /** Restores what is retained, then starts forwarding. */
  start(): Promise<void>
  close(): Promise<void>
}

export async function createHub(deps: HubDeps, settings: HubSettings): Promise<Hub> {
  const devices = createDevices()
  const self = hubPrincipal(settings)
  const credentials = await openCredentials(deps, settings)
  const acceptedListeners = new Set<AcceptedListener>()
  const upstreamListeners = new Set<(status: ForwarderStatus) => void>()
  const own = createOwnVoice(
    deps,
    (message) => onAccepted(message),
    () => broker,
  )
  const life = createGatewayLife({
    devices,
    say: (topic, availability) => own.say(topic, availability, true),
    now_ms: deps.now_ms,
  })
  const desk = createDesk({
    now_ms: deps.now_ms,
    newId: deps.newId,
    gatewayOnline: (address) => devices.gatewayOnline(address),
    answer: (topic, payload) => own.send(topic, payload, false),
    submit: (topic, payload) => submit(self, { topic, payload, retain: false }),
  })
  const evacuation = createHubEvacuation(deps, settings, { devices, desk, own })
  const distributor = credentials && createHubDistributor(deps, credentials, devices, desk)
  const ingest = createHubIngest(deps, settings, {
    self,
    desk,
    life,
    evacuation,
    accepted(message) {
      life.heard(message.topic)
      onAccepted(message)
    },
  })
  const broker = await createBroker({
    ingest,
    authenticate: deps.authenticate,
    log: deps.logger,
    events: {
      connected: () => undefined,
      disconnected: () => undefined,
      shed: deps.counters.shed,
      refused: deps.counters.clientRefused,
      throttled: deps.counters.clientThrottled,
    },
  })
  const forwarder =
    settings.upstream &&
    createUpstream(deps, settings, settings.upstream, {
      listeners: upstreamListeners,
      submit,
      state: evacuation.hubState,
    })

  function onAccepted(message: Message): void {
    devices.apply(message)
    if (message.kind === 'meta') deps.registry.learn(message.topic, message.meta)
    distributor?.heard(message)
    evacuation.heard(message)
    for (const listener of acceptedListeners) listener(message)
  }
  async function submit(principal: Principal, inbound: Inbound): Promise<void> {
    const verdict: Verdict = await ingest.accept(principal, inbound)
    if (verdict.kind === 'deliver')
      await broker.publish({ topic: inbound.topic, payload: verdict.payload, retain: inbound.retain })
  }

  return {
    broker,
    devices,
    desk,
    forwarder,
    credentials,
    own,
    onAccepted: (listener) => subscribe(acceptedListeners, listener),
    onUpstream: (listener) => subscribe(upstreamListeners, listener),
    async start() {
      await restoreRetained(deps, devices, broker)
      life.start()
      await evacuation.start()
      forwarder?.start()
    },
    async close() {
      life.close()
      evacuation.close()
      distributor?.close()
      desk.close()
      await broker.close()
      await forwarder?.close()
      await deps.registry.flush()
      await deps.log.close()
    },
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

async function openCredentials(deps: HubDeps, settings: HubSettings): Promise<CredentialSource | undefined> {
  if (settings.credentialKey === undefined) return undefined
  const source = {
    log: deps.log,
    now_s: () => Math.floor(deps.now_ms() / 1000),
    onFault: (fault: LinliError) => deps.logger.error({ code: fault.code }, fault.message),
  }
  return createCredentialSource(source, { key: settings.credentialKey })
}

function createHubEvacuation(
  deps: HubDeps,
  settings: HubSettings,
  { devices, desk, own }: { devices: Devices; desk: CommandDesk; own: OwnVoice },
): Evacuation {
  return createEvacuation(
    {
      log: deps.log,
      devices,
      desk,
      say: own.send,
      now_ms: deps.now_ms,
      onFault: (fault) => deps.logger.error({ code: fault.code }, fault.message),
    },
    {
      address: { ...settings.site, gateway: 'hub', class: 'hub', device: settings.name },
      version: packageFile.version,
    },
  )
}

function createHubDistributor(deps: HubDeps, source: CredentialSource, devices: Devices, desk: CommandDesk) {
  return createDistributor({
    source,
    devices,
    send: (request) => desk.send(request),
    onServed: (gateway, version) => deps.logger.info({ gateway, version }, 'credentials are up to date'),
    onFault: (gateway, fault) => deps.logger.warn({ gateway, code: fault.code }, fault.message),
  })
}

/** Not the district's, not a flow's. */
function refusedCommand(self: Principal, principal: Principal, message: CommandMessage): LinliError | undefined {
  const { actor, name } = message.command
  const owner = ownerOf(message)
  const isOurs = principal === self && actor.kind === owner?.kind && actor.id === owner.id
  if (!owner || isOurs) return undefined
  return new LinliError('ACCESS_DENIED', `${name} comes from the hub itself and from nobody else`, { kind: 'caller' })
}

/** Ten thousand commands are kept for the record: it does not need the credentials a second time. */
function withoutArguments(command: CommandMessage['command']): Uint8Array {
  return encodeJson({ ...command, args: {} })
}

/** In whose name the hub's own commands (flows, rules) pass the door. */
function hubPrincipal(settings: HubSettings): Principal {
  return settings.dev
    ? { role: 'dev', name: settings.name }
    : { role: 'platform', name: settings.name, site: settings.site }
}

function createHubIngest(
  deps: HubDeps,
  settings: HubSettings,
  rooms: {
    self: Principal
    desk: CommandDesk
    life: GatewayLife
    evacuation: Evacuation
    accepted: (message: Message) => void
  },
): Ingest {
  const refusals = createRefusalLog(deps.logger)
  return createIngest({
    log: deps.log,
    now_ms: deps.now_ms,
    intercept(message) {
      if (message.kind === 'command') {
        const kind = rooms.desk.onCommand(message)
        if (message.topic.class === 'hub' && kind === 'continue')
          return { kind, first: rooms.evacuation.onCommand(message) }
        return isCredentialCommand(message) ? { kind, record: withoutArguments(message.command) } : { kind }
      }
      if (message.kind === 'result') return { kind: rooms.desk.onResult(message) }
      if (message.kind !== 'availability') return { kind: 'continue' }
      // Said before the will itself is written, so that nothing the gateway says on its next connection can come before it.
      if (message.topic.class === 'gateway' && message.availability.status === 'offline') rooms.life.died(message.topic)
      if (message.availability.since === undefined) {
        // A will is written before the fact, so it cannot know since when.
        const since = new Date(deps.now_ms()).toISOString()
        message.availability = { ...message.availability, since }
        return { kind: 'continue', payload: encodeJson(message.availability) }
      }
      return { kind: 'continue' }
    },
    admit(principal, message) {
      if (message.kind === 'command') return refusedCommand(rooms.self, principal, message)
      const key = gatewayKey(message.topic)
      if (deps.registry.knowsGateway(key)) return undefined
      if (!settings.dev && principal.role !== 'gateway') {
        return new LinliError('GATEWAY_UNKNOWN', `gateway ${key} is not registered`, { kind: 'caller' })
      }
      deps.registry.addGateway(key)
      return undefined
    },
    events: {
      passed: (message) => deps.counters.accepted(message.kind),
      accepted(message) {
        deps.counters.accepted(message.kind)
        rooms.accepted(message)
      },
      rejected(principal, inbound, error) {
        deps.counters.rejected(error.code)
        refusals(principal.name, inbound.topic, error)
      },
      duplicate: () => deps.counters.duplicate(),
      telemetryLost: () => deps.counters.telemetryLost(),
    },
  })
}

/** Logs each cause of each sender once, then at every thousandth: a broken device must not fill the disk with its errors. */
function createRefusalLog(logger: BrokerLog): (sender: string, topic: string, error: LinliError) => void {
  const counts = new Map<string, number>()
  const SENDERS_MAX = 1_000
  return (sender, topic, error) => {
    const key = `${sender} ${error.code}`
    const count = (counts.get(key) ?? 0) + 1
    if (counts.size >= SENDERS_MAX && !counts.has(key)) counts.clear()
    counts.set(key, count)
    if (count === 1 || count % 1000 === 0) {
      logger.warn(
        { client: sender, topic: topic.slice(0, 200), code: error.code, path: error.path, count },
        `message refused: ${error.message}`,
      )
    }
  }
}

function createUpstream(
  deps: HubDeps,
  settings: HubSettings,
  upstream: { url: string; window: number },
  rooms: {
    listeners: Set<(status: ForwarderStatus) => void>
    submit: (principal: Principal, inbound: Inbound) => Promise<void>
    state: () => unknown
  },
): Forwarder {
  const platform: Principal = { role: 'platform', name: 'upstream', site: settings.site }
  return createForwarder(
    {
      log: deps.log,
      random: deps.random,
      now_ms: deps.now_ms,
      ...(deps.connectUpstream ? { connect: deps.connectUpstream } : {}),
      onStatus(status) {
        deps.logger.info(
          { upstream: redacted(upstream.url), reason: status.reason },
          status.connected ? 'upstream connected' : 'upstream disconnected',
        )
        for (const listener of rooms.listeners) listener(status)
      },
      onCommand(topic, payload, retain) {
        rooms
          .submit(platform, { topic, payload, retain })
          .catch((error: unknown) => deps.logger.warn({ topic }, `command from upstream refused: ${reasonOf(error)}`))
      },
      state: rooms.state,
      onError: (error) => deps.logger.warn({}, `forwarding: ${reasonOf(error)}`),
    },
    { url: upstream.url, site: settings.site, hub: settings.name, window: upstream.window },
  )
}

/** A URL for logs and pages: without user name and password. */
export function redacted(text: string): string {
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return url.toString()
}

/** Retained messages live in the journal's compacted lane; the broker and the device view are filled from it. */
async function restoreRetained(deps: HubDeps, devices: Devices, broker: Broker): Promise<void> {
  for (const entry of await deps.log.list('state')) {
    const decoded = decodeMessage(entry.topic, entry.payload, true)
    if (!decoded.ok) {
      deps.logger.warn(
        { topic: entry.topic, code: decoded.error.code },
        `a retained message of an older contract is left out: ${decoded.error.message}`,
      )
      continue
    }
    devices.apply(decoded.value)
    await broker.publish({ topic: entry.topic, payload: entry.payload, retain: true })
  }
}
