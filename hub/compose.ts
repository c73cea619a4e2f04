import packageFile from '../package.json' with { type: 'json' }
import { type Audit, openAudit } from './audit/audit.ts'
import { auditedLogin, denialNotes } from './audit/door-notes.ts'
import { seldomHead } from './audit/seldom-head.ts'
import type { Principal } from './auth/access.ts'
import { WHOLE_ESTATE } from './auth/grants.ts'
import { createAvailabilityRoom } from './availability/availability.ts'
import { type Broker, createBroker } from './broker/broker.ts'
import type { Inbound, Ingest, Verdict } from './broker/ingest.ts'
import { openSessions, type Sessions } from './broker/persistence/sessions.ts'
import { journalStore } from './broker/persistence/store.ts'
import { type CommandDesk, createDesk } from './commands/desk.ts'
import type { Message } from './contract/decode.ts'
import { type LinliError, reasonOf } from './contract/errors.ts'
import type { TimeQuality } from './contract/event.ts'
import type { HubState } from './contract/hub.ts'
import type { Address } from './contract/topic.ts'
import { createDistributor } from './credentials/distributor.ts'
import { type CredentialSource, createCredentialSource } from './credentials/source.ts'
import { createDevices, type Devices } from './devices/devices.ts'
import { createHubIngest } from './door.ts'
import { createEvacuation, type Evacuation } from './evacuation/evacuation.ts'
import { createGatewayLife } from './gateway-life/gateway-life.ts'
import { createHomeAssistant, type HomeAssistant } from './home-assistant/bridge.ts'
import type { AcceptedListener, Hub, HubDeps, HubSettings } from './hub.ts'
import { createArchive } from './incidents/archive/store.ts'
import { incidentConfig } from './incidents/config.ts'
import { createIncidents } from './incidents/incidents.ts'
import { createIncidentPlaces, type IncidentPlaces, withIncidentPlaces } from './incidents/places.ts'
import type { Incidents } from './incidents/room.ts'
import { journalState } from './journal-health.ts'
import { createOwnVoice, type OwnVoice } from './own-voice.ts'
import { restoreRetained } from './retained.ts'
import { createSelfState, type SelfState } from './self-state.ts'
import { createReplays } from './upstream/replay.ts'
import { openUpstreams, type Upstreams } from './upstream/upstreams.ts'

/**
 * One hub, wired. Everything that touches the world (disk, sockets, clock, randomness) comes in through `deps`, so that
 * the same hub runs in a process of its own and on virtual time.
 */

export async function createHub(deps: HubDeps, settings: HubSettings): Promise<Hub> {
  const devices = createDevices()
  const places = createIncidentPlaces()
  const self = hubPrincipal(settings)
  const audit = await openHubAudit(deps)
  const credentials = await openCredentials(deps, settings)
  const sessions = await openHubSessions(deps)
  const acceptedListeners = new Set<AcceptedListener>()
  const upstreamListeners = new Set<(name: string) => void>()
  const own = createOwnVoice(
    { ...deps, sessions },
    (message) => onAccepted(message),
    () => broker,
  )
  const availability = createAvailabilityRoom(
    { devices, say: (topic, value) => own.say(topic, value, true), now_ms: deps.now_ms },
    settings.flapping,
  )
  const life = createGatewayLife({ devices, conclude: availability.conclude, now_ms: deps.now_ms })
  const desk = createHubDesk(deps, { audit, self, devices, own, submit })
  const selfState = createHubSelfState(deps, settings, own, [
    () => upstreams.state(),
    () => journalState(deps.log),
    () => evacuation.state(),
    seldomHead(audit),
  ])
  const evacuation = createHubEvacuation(deps, settings, { audit, devices, desk, own, selfState })
  const replays = createReplays({ ...deps, desk, upstreams: () => upstreams, hub: settings.name })
  const incidents = createHubIncidents(deps, settings, { audit, devices, desk, own, places, acceptedListeners })
  const distributor = credentials && createHubDistributor(deps, credentials, devices, desk)
  const homeAssistant = createHubHomeAssistant(deps, settings, { devices, desk, acceptedListeners }, () => broker)
  const ingest = createHubIngest(deps, settings, {
    self,
    sessions,
    desk,
    life,
    evacuation,
    availability,
    heldBack(message) {
      life.heard(message.topic)
      distributor?.heard(message)
      evacuation.heard(message)
    },
    replays,
    incidents,
    asked: places.asked,
    beside: homeAssistant?.accept,
    denied: denialNotes(audit),
    accepted(message) {
      life.heard(message.topic)
      onAccepted(message)
    },
  })
  const broker = await createHubBroker(deps, { ingest, audit, sessions, places })
  const upstreams = await openHubUpstreams(deps, settings, { selfState, listeners: upstreamListeners, submit })
  deps.registry.onClient((name, entry, before) => {
    if (before) broker.endAccount(name, entry ? 'changed' : 'removed')
    const gateway = before?.role === 'gateway' && !entry ? before.gateway : undefined
    if (gateway !== undefined) life.removed({ ...settings.site, gateway, class: 'gateway', device: gateway })
  })

  function onAccepted(message: Message): void {
    devices.apply(message)
    availability.heard(message)
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
    audit,
    upstreams,
    credentials,
    incidents,
    own,
    onAccepted: (listener) => subscribe(acceptedListeners, listener),
    problems: () => [...evacuation.problems(), ...incidents.problems()],
    flowsChanged: selfState.show,
    onUpstream: (listener) => subscribe(upstreamListeners, listener),
    async start() {
      await restoreRetained(deps, devices, places, broker)
      availability.start()
      await desk.start()
      life.start()
      publishWills(deps, broker)
      homeAssistant?.start()
      await evacuation.start()
      await incidents.start()
      selfState.start()
      upstreams.start()
    },
    async close() {
      life.close()
      availability.close()
      evacuation.close()
      await incidents.close()
      selfState.close()
      distributor?.close()
      desk.close()
      await broker.close()
      await upstreams.close()
      // A failure was told when it happened.
      await deps.registry.flush().catch(() => undefined)
      await audit.close()
      await deps.log.close()
    },
  }
}

function openHubSessions({ log, now_ms, logger }: HubDeps): Promise<Sessions> {
  return openSessions({ store: journalStore(log, now_ms), now_ms, log: logger })
}

/** Not waited for: what is said afterwards stands behind them in the journal. */
function publishWills({ logger }: HubDeps, broker: Broker): void {
  broker.publishWills().catch((error: unknown) => logger.error({}, `wills: ${reasonOf(error)}`))
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function createHubBroker(
  deps: HubDeps,
  { ingest, audit, sessions, places }: { ingest: Ingest; audit: Audit; sessions: Sessions; places: IncidentPlaces },
): Promise<Broker> {
  return createBroker({
    ingest,
    sessions,
    authenticate: auditedLogin(audit, withIncidentPlaces(deps.authenticate, places)),
    log: deps.logger,
    events: {
      connected: () => undefined,
      disconnected: () => undefined,
      shed: deps.counters.shed,
      refused: deps.counters.clientRefused,
      throttled: deps.counters.clientThrottled,
    },
  })
}

function createHubSelfState(
  { logger, flowsState }: HubDeps,
  settings: HubSettings,
  own: OwnVoice,
  parts: ReadonlyArray<() => Partial<HubState>>,
): SelfState {
  const onFault = (error: unknown) => logger.error({}, `what the hub says of itself cannot be kept: ${reasonOf(error)}`)
  const config = { address: hubAddress(settings), version: packageFile.version }
  const all = [...parts, () => flowsPart(flowsState?.())]
  return createSelfState({ say: own.keep, onFault, parts: all }, config)
}

function createHubDesk(
  deps: HubDeps,
  rooms: {
    audit: Audit
    self: Principal
    devices: Devices
    own: OwnVoice
    submit: (principal: Principal, inbound: Inbound) => Promise<void>
  },
): CommandDesk {
  const { audit, self, devices, own, submit } = rooms
  return createDesk({
    now_ms: deps.now_ms,
    newId: deps.newId,
    log: deps.log,
    audit,
    self,
    // Incidents are the hub's own.
    gatewayOnline: (address) => address.class === 'incident' || devices.gatewayOnline(address),
    answer: (topic, payload) => own.keep(topic, payload, false),
    submit: (topic, payload) => submit(self, { topic, payload, retain: false }),
    onFault: (fault) => deps.logger.error({ code: fault.code }, fault.message),
  })
}

function flowsPart(flows: HubState['flows']): Partial<HubState> {
  return flows ? { flows } : {}
}

/** Who has not measured it cannot trust it. */
function timeQualityOf({ timeQuality }: HubDeps): () => TimeQuality {
  return timeQuality ?? (() => 'unsynced')
}

function openHubAudit(deps: HubDeps): Promise<Audit> {
  return openAudit({
    log: deps.log,
    now_ms: deps.now_ms,
    timeQuality: timeQualityOf(deps),
    onFault: (fault) => deps.logger.error({ code: fault.code }, fault.message),
    ...(deps.keepAuditHead ? { keepHead: deps.keepAuditHead } : {}),
  })
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
  rooms: { audit: Audit; devices: Devices; desk: CommandDesk; own: OwnVoice; selfState: SelfState },
): Evacuation {
  const { audit, devices, desk, own, selfState } = rooms
  return createEvacuation(
    {
      log: deps.log,
      audit,
      devices,
      desk,
      say: own.send,
      show: selfState.show,
      now_ms: deps.now_ms,
      timeQuality: timeQualityOf(deps),
      onFault: (fault) => deps.logger.error({ code: fault.code }, fault.message),
    },
    { address: hubAddress(settings) },
  )
}

function createHubIncidents(
  deps: HubDeps,
  settings: HubSettings,
  rooms: {
    audit: Audit
    devices: Devices
    desk: CommandDesk
    own: OwnVoice
    places: IncidentPlaces
    acceptedListeners: Set<AcceptedListener>
  },
): Incidents {
  const { audit, devices, desk, own, places } = rooms
  const shipped = incidentConfig()
  const incidents = createIncidents(
    {
      log: deps.log,
      archive: deps.incidentArchive ?? createArchive(),
      keep: own.keep,
      desk,
      audit,
      placeOf: (address) => devices.get(address)?.meta?.place,
      places,
      devices,
      config: deps.incidentConfig ?? (() => shipped),
      now_ms: deps.now_ms,
      timeQuality: timeQualityOf(deps),
      machine: deps.machine ?? { boot: deps.newId(), monotonic_ms: () => performance.now() },
      onFault: (fault) => deps.logger.error({ code: fault.code }, fault.message),
    },
    settings,
  )
  rooms.acceptedListeners.add(incidents.heard)
  return incidents
}

function hubAddress(settings: HubSettings): Address {
  return { ...settings.site, gateway: 'hub', class: 'hub', device: settings.name }
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

function createHubHomeAssistant(
  deps: HubDeps,
  settings: HubSettings,
  rooms: {
    devices: Devices
    desk: CommandDesk
    acceptedListeners: Set<AcceptedListener>
  },
  broker: () => Broker,
): HomeAssistant | undefined {
  if (!settings.homeAssistant) return undefined
  const made = createHomeAssistant(
    {
      devices: rooms.devices,
      publish: (message) => broker().publish(message),
      send: (request) => rooms.desk.send(request),
      refuse: (topic, principal, error) => rooms.desk.refuse(topic, principal, error),
      log: deps.logger,
      newId: deps.newId,
    },
    { ...settings.homeAssistant, site: settings.site, version: packageFile.version },
  )
  rooms.acceptedListeners.add(made.heard)
  return made
}

/** In whose name the hub's own commands (flows, rules) pass the door. */
function hubPrincipal(settings: HubSettings): Principal {
  return settings.dev
    ? { role: 'dev', name: settings.name }
    : { role: 'platform', name: settings.name, site: settings.site, grants: WHOLE_ESTATE }
}

function openHubUpstreams(
  deps: HubDeps,
  settings: HubSettings,
  rooms: {
    selfState: SelfState
    listeners: Set<(name: string) => void>
    submit: (principal: Principal, inbound: Inbound) => Promise<void>
  },
): Promise<Upstreams> {
  return openUpstreams(
    {
      log: deps.log,
      logger: deps.logger,
      random: deps.random,
      now_ms: deps.now_ms,
      ...(deps.connectUpstream ? { connect: deps.connectUpstream } : {}),
      submit: rooms.submit,
      hubState: rooms.selfState.read,
      onStatus(name) {
        rooms.selfState.showSoon()
        for (const listener of rooms.listeners) listener(name)
      },
      onChange: rooms.selfState.showSoon,
    },
    { upstreams: settings.upstreams ?? [], site: settings.site, hub: settings.name },
  )
}
