import { randomInt, randomUUID } from 'node:crypto'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import packageFile from '../package.json' with { type: 'json' }
import { type AlarmWays, openAlarmWays } from './alarm-ways.ts'
import { writeHead } from './audit/head-file.ts'
import { devAuthenticator, registryAuthenticator } from './auth/authenticator.ts'
import { createLoginQueue } from './auth/login-queue.ts'
import { verifySecret } from './auth/secret.ts'
import { FLAPPING } from './availability/machine.ts'
import type { Cameras } from './cameras/cameras.ts'
import { openCameras } from './cameras/open.ts'
import type { PictureStore } from './cameras/store.ts'
import { openCommissioning } from './commissioning/room.ts'
import { createHub } from './compose.ts'
import type { HubConfig } from './config.ts'
import { keyId } from './contract/credentials.ts'
import { LinliError, reasonOf } from './contract/errors.ts'
import type { TimeQuality } from './contract/event.ts'
import type { HubState } from './contract/hub.ts'
import { parseTopic } from './contract/topic.ts'
import type { Counter } from './counter/counter.ts'
import { type Door, doorsOf, type HubReport } from './counter/report.ts'
import { type CounterParts, openedCounter } from './counter-desk.ts'
import { openSiteKey } from './credentials/site-key.ts'
import { createDatabaseThread, type DatabaseThread } from './database-thread/caller.ts'
import { createStation, type Station } from './derived/station.ts'
import { createFlowsHost, type FlowsHost } from './flows-host/host.ts'
import { flowVersions } from './flows-host/versions.ts'
import { flowsState, hubForFlows } from './flows-port.ts'
import { createHistory, type History } from './history/history.ts'
import { createThreadBackend } from './history/thread.ts'
import type { Hub, HubLogger, HubSettings } from './hub.ts'
import { incidentParts } from './incidents/open.ts'
import { createChangeStream } from './incidents/stream.ts'
import { openFileLog } from './journal/open.ts'
import type { Log } from './journal/types.ts'
import { journalHealth } from './journal-health.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { createTimeQuality, openKernelClock } from './kernel-clock.ts'
import { openPeopleSide, type PeopleSide, type PeopleSideDeps } from './people/side.ts'
import { durableJson } from './registry/durable-json.ts'
import { createRegistry, type Registry, type RegistryData } from './registry/registry.ts'
import { openSecureSide, type SecureSide } from './secure-side.ts'
import { openRunningSite, type RunningSite } from './site/running.ts'
import type { UpstreamReport } from './upstream/upstreams.ts'
import { openDesk } from './web/desk.ts'
import { createMetrics, type Readings } from './web/metrics.ts'
import { createWebServer, type Routes, type WebServer } from './web/server.ts'

/** The process around one hub: disk, sockets, signals. */

/** What a hub consists of once it is there. */
interface Running {
  hub?: Hub
  flows?: FlowsHost
  secure?: SecureSide
  site?: RunningSite
  doors?: readonly Door[]
  ways?: AlarmWays
}

const AT_REST = new URL('./at-rest/thread.ts', import.meta.url)
/** Of MQTT over WebSocket, where most clients look for it. */
const MQTT_PATH = '/mqtt'

export async function runHub(config: HubConfig, logger: HubLogger): Promise<void> {
  const stopped = stopSignal()
  prepareDataDir(config.dataDir)
  const log = await openJournal(config, logger)
  const registry = await openRegistry(config, logger)
  const siteKey = openSiteKey(config.dataDir)
  const databases = createDatabaseThread()
  const history = openHistory(config, { log, databases, logger })
  const running: Running = {}
  // One for accounts and people: what is checked at once is bounded by the machine.
  const verify = createLoginQueue(verifySecret)
  const metrics = createMetrics(() => readings(log, history, running))
  const timeQuality = createTimeQuality(await openKernelClock((message) => logger.warn({}, message)))
  const hub = await createHub(
    {
      log,
      registry,
      authenticate: config.dev ? devAuthenticator : registryAuthenticator(registry, config.site, verify),
      logger,
      counters: metrics,
      random: () => randomInt(2 ** 32) / 2 ** 32,
      now_ms: Date.now,
      newId: randomUUID,
      timeQuality,
      ...incidentParts(config.dataDir, () => running.site?.store.config, databases),
      flowsState: () => running.flows && flowsState(running.flows.status()),
      keepAuditHead: (head) => writeHead(config.dataDir, head),
    },
    settingsOf(config, siteKey.key),
  )
  running.hub = hub
  if (siteKey.isNew && (hub.credentials?.count ?? 0) > 0)
    logger.error({}, 'the site key was lost: no card is known any more until credentials.key is restored')
  const site = await openRunningSite({ dataDir: config.dataDir, audit: hub.audit, logger })
  if (site) running.site = site
  const { cameras, pictures } = openCamerasOf(config, hub, site, logger)
  const people = await openPeopleOf(config, { audit: hub.audit, verify, logger })
  const commissioning = openCommissioning(hub, { ...config, timeQuality, authority: () => running.secure?.authority })
  const atCounter = { hub, log, history: history.backend, registry, people, site, commissioning }
  const counter = await openCounterOf(config, atCounter, { history, running, logger })
  const desk = await openDesk({ hub, log, now_ms: Date.now }, config)
  const ways = await openAlarmWays(config, { log, hub, logger })
  running.ways = ways
  await hub.start()
  await history.start()
  const station = startStation(config, hub, history, logger)
  const routes: Routes = {
    health: () => health(log, history, running),
    metrics,
    history: { history, placeOf: (device) => placeOf(hub, device), now_ms: Date.now },
    people: people.desk,
    incidents: incidentRoutes(hub, config),
    desk: desk.rooms,
    flows: () => running.flows?.door(),
    pictures: { incidents: hub.incidents, store: pictures, audit: hub.audit },
    upgrades: { [MQTT_PATH]: hub.broker.upgrade },
  }
  const web = createWebServer(routes)
  const ports = await openDoors(config, web, { hub, registry, logger, running, routes })
  if (config.flows) running.flows = startFlows(config, hub, timeQuality, logger)
  running.doors = doorsOf(config, ports)
  logger.info({ ...ports, upstreams: hub.upstreams.reports().map(({ name, url }) => ({ name, url })) }, 'ready')
  process.stdout.write(`${JSON.stringify({ type: 'ready', ...ports })}\n`)
  ways.lifeline.ready()
  await stopped
  logger.info({}, 'stopping')
  ways.lifeline.close()
  for (const part of [running.flows, web, running.secure, counter, people, desk, cameras, site, station, history, hub])
    await part?.close()
}

/** What an incident asks of the cameras of its place; nothing else speaks to them. */
function openCamerasOf(
  config: HubConfig,
  { incidents }: Hub,
  site: RunningSite | undefined,
  log: HubLogger,
): { cameras: Cameras; pictures: PictureStore } {
  const opened = openCameras(config.dataDir, {
    cameras: () => site?.store.config.cameras ?? {},
    limits: () => site?.store.config.pictures,
    now_ms: Date.now,
    told: (picture) => incidents.pictured({ type: 'picture', ...picture }),
    log,
  })
  incidents.onFetch(opened.cameras.fetch)
  opened.cameras.start()
  return opened
}

/** What the command line may ask while this hub runs. */
function openCounterOf(
  { dataDir }: HubConfig,
  parts: Omit<CounterParts, 'secure' | 'report' | 'flows'>,
  { history, running, logger }: { history: History; running: Running; logger: HubLogger },
): Promise<Counter | undefined> {
  const secure = () => running.secure
  const report = () => reportOf(parts.log, history, running)
  const reload = async () => (await running.flows?.reload()) ?? false
  const flows = { versions: flowVersions(dataDir), audit: parts.hub.audit, reload }
  return openedCounter(dataDir, { ...parts, secure, report, flows }, logger)
}

function openPeopleOf(
  config: HubConfig,
  parts: Pick<PeopleSideDeps, 'audit' | 'verify' | 'logger'>,
): Promise<PeopleSide> {
  // To a terminal and not to the log, which is kept.
  const terminal = process.stderr.isTTY ? (text: string) => void process.stderr.write(text) : undefined
  return openPeopleSide({ ...config, ...parts, terminal, devPeople: process.env.LINLI_DEV_PEOPLE })
}

function settingsOf(config: HubConfig, key: Uint8Array): HubSettings {
  return {
    site: config.site,
    name: config.name,
    dev: config.dev,
    upstreams: config.upstreams,
    credentialKey: keyId(key),
    flapping: { ...FLAPPING, changes: config.flapChanges },
    ...(config.homeAssistant ? { homeAssistant: config.homeAssistant } : {}),
  }
}

function incidentRoutes({ incidents, desk }: Hub, { site }: HubConfig): Routes['incidents'] {
  const stream = createChangeStream(incidents.onChange, randomUUID().slice(0, 8))
  return { incidents, stream, send: desk.send, site, newId: randomUUID }
}

/** From here on others can come in. */
async function openDoors(
  config: HubConfig,
  web: WebServer,
  parts: {
    hub: Hub
    registry: Registry
    logger: HubLogger
    running: Running
    routes: Routes
  },
): Promise<Record<string, number | undefined>> {
  const { host, mqttPort, httpPort, tls } = config
  const mqtt = mqttPort === undefined ? undefined : await parts.hub.broker.listen({ host, port: mqttPort })
  const http = await web.listen({ host, port: httpPort })
  const secure = tls && (await openSecureSide({ ...config, tls }, parts))
  if (secure) parts.running.secure = secure
  if (secure && parts.running.site) pushParts(parts.running.site, parts.hub, config, secure)
  const { mqttsPort, httpsPort } = secure ?? {}
  return { mqttPort: mqtt?.port, httpPort: http.port, mqttsPort, httpsPort }
}

/** Each gateway gets its part of the site, signed with what it trusts since it enrolled. */
function pushParts(site: RunningSite, hub: Hub, config: HubConfig, { authority }: SecureSide): void {
  const { devices, desk } = hub
  const own = { ...config.site, gateway: 'hub', class: 'hub', device: config.name } as const
  const isHeld = () => (devices.get(own)?.state as HubState | undefined)?.evacuation !== undefined
  const pusher = site.push({ site: config.site, devices, send: desk.send, isHeld, sign: authority.sign })
  hub.onAccepted(pusher.heard)
}

function prepareDataDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    accessSync(dir, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new LinliError(
      'DATA_UNWRITABLE',
      `cannot write to the data folder ${dir}: ${reasonOf(error)}; choose another with --data or change its owner`,
      { kind: 'caller' },
    )
  }
}

function openJournal(config: HubConfig, logger: HubLogger): Promise<Log> {
  const onFault = (fault: unknown) => logger.error({ fault: reasonOf(fault) }, 'journal fault')
  return openFileLog(join(config.dataDir, 'journal'), { lanes: JOURNAL_LANES, onFault, beside: AT_REST })
}

function openRegistry(config: HubConfig, logger: HubLogger): Promise<Registry> {
  const adapter = durableJson<RegistryData>(join(config.dataDir, 'registry.json'), {
    onFallback: (details) => logger.error(details, 'the registry was damaged: running on its last good copy'),
  })
  return createRegistry({
    adapter,
    onError: (error) => logger.error({ error: reasonOf(error) }, 'the registry could not be written'),
  })
}

function startFlows(config: HubConfig, hub: Hub, timeQuality: () => TimeQuality, logger: HubLogger): FlowsHost {
  const host = createFlowsHost(
    {
      hub: hubForFlows(hub, { ...config, timeQuality }),
      log: logger,
      onStatus(status) {
        logger.info({ status }, 'flows')
        if (flowsState(status)) hub.flowsChanged()
      },
    },
    { data_dir: join(config.dataDir, 'flows'), language: config.language === 'en' ? 'en-US' : 'zh-CN' },
  )
  host.start()
  return host
}

function readings(log: Log, history: History, running: Running): Readings {
  const stats = log.stats()
  return {
    lanes: Object.entries(stats.lanes).map(([lane, reading]) => ({
      lane,
      depth: reading.depth,
      dropped: reading.dropped,
      refused: reading.refused,
    })),
    journalBytes: stats.bytes,
    journalFault: stats.fault?.code,
    journalRecoveries: stats.recoveries,
    commands: running.hub?.desk.counts() ?? { open: 0, remembered: 0 },
    auditMissed: running.hub?.audit.missed() ?? 0,
    mqttConnections: running.hub?.broker.connections() ?? 0,
    upstreams: running.hub?.upstreams.reports() ?? [],
    left: running.hub?.upstreams.left() ?? [],
    mqttRetained: running.hub?.broker.retained() ?? { messages: 0, bytes: 0 },
    sessions: running.hub?.broker.sessions(),
    devices: running.hub?.devices.all() ?? [],
    incidents: running.hub?.incidents,
    history: historyReading(history),
    alarmWays: running.ways?.ages() ?? {},
    flows: running.flows && flowsReadings(running.flows),
  }
}

function flowsReadings(flows: FlowsHost): NonNullable<Readings['flows']> {
  const { lost, rss_bytes, fell_back } = flows.metrics()
  return {
    running: flows.status().status === 'running',
    restarts: new Map(Object.entries(lost)),
    rssBytes: rss_bytes,
    fellBack: fell_back,
  }
}

function reportOf(log: Log, history: History, running: Running): HubReport {
  return { type: 'report', pid: process.pid, doors: running.doors ?? [], ...health(log, history, running) }
}

function health(log: Log, history: History, running: Running) {
  const journal = journalHealth(log)
  const site = running.site?.health()
  return {
    problems: [
      ...journal.problems,
      ...historyProblems(history),
      ...(running.hub?.problems() ?? []),
      ...(site?.problems ?? []),
    ],
    details: {
      site: site?.details ?? 'none',
      journal: journal.details,
      history: { behind: history.status().behind, fault: history.status().fault?.code },
      upstreams: running.hub?.upstreams.reports().map(upstreamHealth) ?? [],
      /** Configured no more, and still kept for: `linli upstream forget`. */
      left: running.hub?.upstreams.left() ?? [],
      flows: running.flows?.status() ?? 'off',
      alarmWays: running.ways?.ages() ?? {},
    },
  }
}

function upstreamHealth({ delivered, ...report }: UpstreamReport) {
  return { ...report, delivered: Object.fromEntries(delivered) }
}

function openHistory(
  config: HubConfig,
  { log, databases, logger }: { log: Log; databases: DatabaseThread; logger: HubLogger },
): History {
  return createHistory({
    log,
    backend: createThreadBackend({ folder: join(config.dataDir, 'history'), retention: config.retention }, databases),
    now_ms: Date.now,
    onFault(fault) {
      if (fault) logger.error({ code: fault.code }, fault.message)
      else logger.info({}, 'the history is written again')
    },
  })
}

function startStation(config: HubConfig, hub: Hub, history: History, logger: HubLogger): Station {
  const station = createStation(
    {
      history,
      device: (address) => hub.devices.get(address),
      say: hub.own.say,
      now_ms: Date.now,
      monotonic_ms: () => performance.now(),
      newId: randomUUID,
      onError: (message) => logger.error({}, message),
    },
    { site: config.site, version: packageFile.version },
  )
  station.start()
  return station
}

function historyReading(history: History): NonNullable<Readings['history']> {
  const { fault, ...counts } = history.status()
  return { ...counts, failing: fault !== undefined }
}

function historyProblems(history: History): string[] {
  const { fault } = history.status()
  return fault ? [fault.message] : []
}

function placeOf(hub: Hub, device: string) {
  const parsed = parseTopic(`${device}/tele`)
  return parsed.ok ? hub.devices.get(parsed.value)?.meta?.place : undefined
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
    // Started by another program that is gone: nobody could end us any more.
    process.once('disconnect', () => resolve())
  })
}
