import { randomInt, randomUUID } from 'node:crypto'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import packageFile from '../package.json' with { type: 'json' }
import { writeHead } from './audit/head-file.ts'
import { accountRequest, atAccounts } from './auth/accounts-counter.ts'
import { devAuthenticator, registryAuthenticator } from './auth/authenticator.ts'
import { editorUsers, newPassword } from './auth/editor-users.ts'
import { createHub } from './compose.ts'
import type { HubConfig } from './config.ts'
import { keyId } from './contract/credentials.ts'
import { LinliError, reasonOf } from './contract/errors.ts'
import { parseTopic } from './contract/topic.ts'
import { type Counter, openCounter } from './counter/counter.ts'
import { atCredentials, credentialRequest } from './credentials/counter.ts'
import { openSiteKey } from './credentials/site-key.ts'
import { createStation, type Station } from './derived/station.ts'
import { createFlowsHost, type FlowsHost } from './flows-host/host.ts'
import { hubForFlows } from './flows-port.ts'
import { createHistory, type History } from './history/history.ts'
import { createThreadBackend } from './history/thread.ts'
import type { Hub, HubLogger } from './hub.ts'
import { openFileLog } from './journal/open.ts'
import type { Log } from './journal/types.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { atReaders, readerRequest } from './readers/counter.ts'
import { durableJson } from './registry/durable-json.ts'
import { createRegistry, type Registry, type RegistryData } from './registry/registry.ts'
import { FORWARDED_LANES, UPSTREAM_CURSOR } from './upstream/forwarder.ts'
import { redacted } from './upstream/redacted.ts'
import { freePort } from './web/free-port.ts'
import { createMetrics, type Readings } from './web/metrics.ts'
import { createWebServer } from './web/server.ts'

/** The process around one hub: disk, sockets, signals. */

/** Unacknowledged messages towards the upstream: more hides more latency, and is what a crash may send twice. */
const UPSTREAM_WINDOW = 200

/** Of MQTT over WebSocket, where most clients look for it. */
const MQTT_PATH = '/mqtt'

export async function runHub(config: HubConfig, logger: HubLogger): Promise<void> {
  const stopped = stopSignal()
  prepareDataDir(config.dataDir)
  const faults: string[] = []
  const flowsPort = config.flows && (await freePort('--flows-port', '127.0.0.1', config.flows.port))
  const log = await openFileLog(join(config.dataDir, 'journal'), {
    lanes: JOURNAL_LANES,
    onFault(fault) {
      faults.push(reasonOf(fault))
      logger.error({ fault: reasonOf(fault) }, 'journal fault')
    },
  })
  const registry = await openRegistry(config, logger)
  const siteKey = openSiteKey(config.dataDir)
  const history = openHistory(config, log, logger)
  const running: { hub?: Hub; flows?: FlowsHost } = {}
  const metrics = createMetrics(() => readings(log, history, running))
  const hub = await createHub(
    {
      log,
      registry,
      authenticate: config.dev ? devAuthenticator : registryAuthenticator(registry, config.site),
      logger,
      counters: metrics,
      random: () => randomInt(2 ** 32) / 2 ** 32,
      now_ms: Date.now,
      newId: randomUUID,
      keepAuditHead: (head) => writeHead(config.dataDir, head),
    },
    {
      site: config.site,
      name: config.name,
      dev: config.dev,
      upstream: config.upstream === undefined ? undefined : { url: config.upstream, window: UPSTREAM_WINDOW },
      credentialKey: keyId(siteKey.key),
      ...(config.homeAssistant ? { homeAssistant: config.homeAssistant } : {}),
    },
  )
  running.hub = hub
  if (siteKey.isNew && (hub.credentials?.count ?? 0) > 0)
    logger.error({}, 'the site key was lost: no card is known any more until credentials.key is restored')
  const counter = await openedCounter(config.dataDir, hub, registry, logger)
  await hub.start()
  await history.start()
  const station = startStation(config, hub, history, logger)
  const web = createWebServer({
    health: () => health(faults, log, history, running),
    metrics,
    history: { history, placeOf: (device) => placeOf(hub, device), now_ms: Date.now },
    upgrades: { [MQTT_PATH]: hub.broker.upgrade },
  })
  const mqtt = await hub.broker.listen({ host: config.host, port: config.mqttPort })
  const http = await web.listen({ host: config.host, port: config.httpPort })
  const flows = flowsPort === undefined ? undefined : await startFlows(config, flowsPort, hub, log, logger)
  if (flows) running.flows = flows
  logger.info(
    {
      mqtt: mqtt.port,
      http: http.port,
      upstream: config.upstream === undefined ? undefined : redacted(config.upstream),
    },
    'ready',
  )
  process.stdout.write(`${JSON.stringify({ type: 'ready', mqttPort: mqtt.port, httpPort: http.port, flowsPort })}\n`)
  await stopped
  logger.info({}, 'stopping')
  await flows?.close()
  await web.close()
  await counter?.close()
  await station.close()
  await history.close()
  await hub.close()
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

function openRegistry(config: HubConfig, logger: HubLogger): Promise<Registry> {
  const adapter = durableJson<RegistryData>(join(config.dataDir, 'registry.json'), {
    onFallback: (details) => logger.error(details, 'the registry was damaged: running on its last good copy'),
  })
  return createRegistry({
    adapter,
    onError: (error) => logger.error({ error: reasonOf(error) }, 'the registry could not be written'),
  })
}

/** Without it nobody can ask a running hub for credentials and readers; alarms come and go all the same. */
async function openedCounter(
  dir: string,
  hub: Hub,
  registry: Registry,
  logger: HubLogger,
): Promise<Counter | undefined> {
  const { credentials, desk, devices } = hub
  try {
    return await openCounter(dir, (value) => {
      const request = readerRequest(value)
      if (request) return atReaders({ devices, send: (command) => desk.send(command) }, request)
      const accounts = accountRequest(value)
      if (accounts) return atAccounts(registry, accounts)
      if (credentials) return atCredentials(credentials, credentialRequest(value))
      throw new LinliError('CREDENTIALS_KEY', 'this hub has no credentials', { kind: 'fault' })
    })
  } catch (error) {
    logger.error({ error: reasonOf(error) }, 'linli client, credential and reader cannot reach this hub while it runs')
    return undefined
  }
}

async function startFlows(config: HubConfig, port: number, hub: Hub, log: Log, logger: HubLogger): Promise<FlowsHost> {
  const passwords = {
    admin: process.env.LINLI_FLOWS_PASSWORD ?? newPassword(),
    viewer: process.env.LINLI_FLOWS_VIEWER_PASSWORD ?? newPassword(),
  }
  if (process.env.LINLI_FLOWS_PASSWORD === undefined) {
    // Nothing is stored: each start without LINLI_FLOWS_PASSWORD has its own passwords, told here and nowhere else.
    process.stderr.write(`flow editor: admin ${passwords.admin}  viewer ${passwords.viewer}\n`)
  }
  const host = createFlowsHost(
    {
      hub: hubForFlows(hub, config.upstream === undefined ? undefined : redacted(config.upstream), () => backlog(log)),
      log: logger,
      onStatus: (status) => logger.info({ status }, 'flows'),
    },
    { port, data_dir: join(config.dataDir, 'flows'), users: await editorUsers(passwords) },
  )
  host.start()
  return host
}

function backlog(log: Log): number {
  return FORWARDED_LANES.reduce((sum, lane) => sum + (log.stats().lanes[lane]?.lag[UPSTREAM_CURSOR] ?? 0), 0)
}

function readings(log: Log, history: History, running: { hub?: Hub; flows?: FlowsHost }): Readings {
  const stats = log.stats()
  return {
    lanes: Object.entries(stats.lanes).map(([lane, reading]) => ({
      lane,
      depth: reading.depth,
      lag: reading.lag[UPSTREAM_CURSOR] ?? 0,
      dropped: reading.dropped,
      refused: reading.refused,
    })),
    journalBytes: stats.bytes,
    mqttConnections: running.hub?.broker.connections() ?? 0,
    mqttRetained: running.hub?.broker.retained() ?? { messages: 0, bytes: 0 },
    sessions: running.hub?.broker.sessions(),
    upstreamConnected: running.hub?.forwarder?.status().connected ?? false,
    delivered: running.hub?.forwarder?.delivered() ?? new Map(),
    devices: running.hub?.devices.all() ?? [],
    history: historyReading(history),
    flows: running.flows && flowsReadings(running.flows),
  }
}

function flowsReadings(flows: FlowsHost): NonNullable<Readings['flows']> {
  const { lost, rss_bytes } = flows.metrics()
  return { running: flows.status().status === 'running', restarts: new Map(Object.entries(lost)), rssBytes: rss_bytes }
}

function health(faults: string[], log: Log, history: History, running: { hub?: Hub; flows?: FlowsHost }) {
  const upstream = running.hub?.forwarder?.status()
  return {
    problems: [...faults.slice(-5), ...historyProblems(history)],
    details: {
      history: { behind: history.status().behind, fault: history.status().fault?.code },
      upstream: upstream
        ? { connected: upstream.connected, since: upstream.since, reason: upstream.reason, backlog: backlog(log) }
        : 'none',
      flows: running.flows?.status() ?? 'off',
    },
  }
}

function openHistory(config: HubConfig, log: Log, logger: HubLogger): History {
  return createHistory({
    log,
    backend: createThreadBackend({ folder: join(config.dataDir, 'history'), retention: config.retention }),
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
