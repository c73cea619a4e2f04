import type { Duplex } from 'node:stream'
import { encodeJson } from '../../hub/contract/encode.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { plateFilter } from '../../hub/contract/plate.ts'
import { type Address, addressPath, formatTopic, gatewayPath, parseTopic } from '../../hub/contract/topic.ts'
import type { Folder } from '../../hub/journal/folder.ts'
import type { LinkSecrets } from '../../hub/journal/shipper/mqtt-link.ts'
import { createMqttLink } from '../../hub/journal/shipper/mqtt-link.ts'
import { createPump } from '../../hub/journal/shipper/pump.ts'
import type { Entry, Log, LogConfig } from '../../hub/journal/types.ts'
import type { Lifeline } from '../../hub/lifeline/lifeline.ts'
import type { GpioKernel } from '../adapters/gpio/kernel.ts'
import type { Identity } from '../identity/identity.ts'
import { type Moment, momentNow } from '../moment.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import type { OpenCameraServer } from '../ports/camera-server.ts'
import type { Logger } from '../ports/logger.ts'
import { type AlarmWay, type AlarmWayDeps, createAlarmWay } from './alarm-way.ts'
import { COMMAND_LANE } from './command-memory.ts'
import { Commands } from './commands.ts'
import type { GatewayConfig } from './config.ts'
import { type Configuration, createOwnTarget } from './configuration.ts'
import { addressesOf, createInstallation, type InstallationDeps } from './installation.ts'
import { Outbox, SENT_LANES, SPOOL_LANES } from './outbox.ts'
import type { ReadProfiles } from './parks.ts'
import { Self } from './self.ts'
import { correctTime } from './time-correction.ts'
import { createTimeQuality, type TimeQualityWatch } from './time-quality.ts'
import { Uplink, type UplinkDeps } from './uplink.ts'

/** One gateway, put together. Everything that touches the world is handed in, so that it runs on virtual time whole. */

export interface GatewayDeps {
  openPort: BytePortFactory
  /** The kernel's GPIO devices; asked for only when a device names a chip. */
  openGpio(): Promise<GpioKernel>
  /** hub/journal/open.ts: a folder in production, memory in virtual time. */
  openSpool(config: LogConfig): Promise<Log>
  /** In-memory transport to the hub for virtual time; TCP or TLS by the configured url when absent. */
  connect?: () => Duplex
  /** Where its hub is and what it shows it, of a gateway that has enrolled; else the configuration says. */
  identity?: Pick<Identity, 'url' | 'secrets'>
  /** Where its hub's configuration for it arrives; absent: it takes none. */
  configuration?: Pick<Configuration, 'have' | 'take'>
  /** What is fed while the way of alarms is proven. */
  lifeline?: Pick<Lifeline, 'onTest' | 'prove'> & Pick<AlarmWayDeps, 'isHubHere'>
  /** A folder of the gateway's data, for what is no log. */
  openFolder(name: string): Promise<Folder>
  /** Where cameras bring plates; only called when the configuration has a port for them. */
  openCameraServer: OpenCameraServer
  /** The bytes of a key file. @throws when it cannot be read */
  readKey(file: string): Uint8Array
  /** Profiles of park sensors, those in a folder of the installer included. @throws {LinliError} PROFILE_INVALID */
  readProfiles: ReadProfiles
  random: () => number
  /** Unpredictable bytes, for challenges. */
  randomBytes(count: number): Uint8Array
  /** 16 hex digits, new at every start. */
  bootid: string
  /** Whether the wall clock follows a time source; undefined when that cannot be known. */
  clockSynced: () => boolean | undefined
  rss_bytes: () => number
  version: string
  log: Logger
}

export interface Gateway {
  /** @throws {LinliError} when the spool cannot be opened, or the configuration not be had */
  start(): Promise<void>
  /**
   * Runs on another configuration from now on; what that does not touch goes on undisturbed. After a failure it may be
   * given another one.
   * @throws {LinliError}
   */
  apply(config: GatewayConfig): Promise<void>
  /** Outputs off, what was said in the spool, a goodbye to the hub. */
  close(): Promise<void>
}

/** The hub's place in the spool. */
const CURSOR = 'uplink'
/** Entries sent and not acknowledged: what a kill can send twice. */
const WINDOW = 100
const TELEMETRY_EVERY_MS = 60_000

type Closers = Array<() => Promise<void> | void>
type Apply = Gateway['apply']

export function createGateway(deps: GatewayDeps, config: GatewayConfig): Gateway {
  const closers: Closers = []
  let apply: Apply | undefined
  /** In reverse order of opening. */
  async function close(): Promise<void> {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer()
      } catch (error) {
        deps.log.error({ error: reasonOf(error) }, 'while closing')
      }
    }
  }
  return {
    async start() {
      try {
        const made = await openGateway(deps, config, closers)
        apply = made.apply
        await apply(config)
        made.connect()
      } catch (error) {
        await close()
        throw error
      }
    },
    apply: async (next) => apply?.(next),
    close,
  }
}

/** A gateway without devices that has not yet called its hub. */
async function openGateway(
  deps: GatewayDeps,
  config: GatewayConfig,
  closers: Closers,
): Promise<{ apply: Apply; connect(): void }> {
  const { log, bootid } = deps
  const startedAt = momentNow()
  const address: Address = { ...config.site, gateway: config.gateway, class: 'gateway', device: config.gateway }
  const spool = await deps.openSpool({ lanes: SPOOL_LANES })
  closers.push(() => spool.close())
  const held = await spool.list('state')
  const handled = await spool.list(COMMAND_LANE.name)

  const uplinks: Uplink[] = []
  const onFault = (fault: LinliError | undefined) => {
    for (const uplink of uplinks) uplink.setAvailability(availabilityOf(fault))
  }
  const clock = createTimeQuality(deps.clockSynced)
  const timeQuality = clock.now
  let way: AlarmWay | undefined
  const onKept = () => way?.kept()
  const outbox = new Outbox({ log: spool, logger: log, bootid, startedAt, timeQuality, onFault, onKept })
  closers.push(() => outbox.close())

  const boards = () => installation.boards
  const self = new Self({ ...deps, outbox, address, startedAt, timeQuality, boards })
  const onClosed = (path: string) => commands.abandon(path)
  const installation = createInstallation(
    { ...deps, spool, held, outbox, timeQuality, onClosed, ...toldTo(self) },
    address,
  )
  closers.push(() => installation.close())

  const own = createOwnTarget(address, deps.configuration, () => installation.access?.intake)
  const ownPath = addressPath(address)
  const drivers = { get: (path: string) => (path === ownPath ? own : installation.drivers.get(path)) }
  const commands = new Commands({ drivers, outbox, timeQuality, log })
  closers.push(() => commands.close())
  commands.restore(handled)

  const uplink = createUplink(deps, config, {
    spool,
    address,
    outbox,
    onAcknowledged: () => way?.acknowledged(),
    correctTime: (payload) => clock.synced && correctTime(payload, { bootid, startedAt, synced: clock.synced }),
    onMessage(topic, payload, retain) {
      if (!installation.access?.onMessage(topic, payload, retain)) commands.onMessage(topic, payload, retain)
    },
  })
  uplinks.push(uplink)
  watchClock(clock, [outbox, self, uplink], self)
  closers.push(() => clock.close())
  outbox.setDirect((entry) => uplink.sendDirect(entry))
  closers.push(() => uplink.close())
  let timer: ReturnType<typeof setInterval> | undefined
  closers.push(() => clearInterval(timer))
  if (deps.lifeline) {
    const isPending = () => outbox.holdsAlarms || (spool.stats().lanes.alarm?.lag[CURSOR] ?? 0) > 0
    way = createAlarmWay({ ...deps.lifeline, outbox, isPending }, address)
    deps.lifeline.onTest(way.test)
  }
  self.begin()
  clearAbandoned(outbox, held, address, config)
  return {
    async apply(next) {
      await installation.apply(next)
      const { telemetryEvery_ms = TELEMETRY_EVERY_MS } = next
      self.onConfiguration(telemetryEvery_ms)
      uplink.setCameras(next.cameras !== undefined)
      clearInterval(timer)
      timer = setInterval(() => self.reportVitals(spool), telemetryEvery_ms)
    },
    connect: () => uplink.start(),
  }
}

function toldTo(self: Self): Pick<InstallationDeps, 'onStatus' | 'onCredentials' | 'onReaders'> {
  return {
    onStatus: self.onBoard.bind(self),
    onCredentials: self.onCredentials.bind(self),
    onReaders: self.onReaders.bind(self),
  }
}

/** What was dated by a clock that was not set yet is told again, dated right, once it is. */
function watchClock(clock: TimeQualityWatch, dated: Array<{ clockSet(synced: Moment): void }>, self: Self): void {
  let isToldSet = clock.now() !== 'unsynced'
  clock.start((quality) => {
    if (clock.synced && !isToldSet) {
      isToldSet = true
      for (const one of dated) one.clockSet(clock.synced)
    }
    self.onTimeQuality(quality)
  })
}

function availabilityOf(fault: LinliError | undefined) {
  if (!fault) return { status: 'online' } as const
  return { status: 'fault', reason: fault.code === 'JOURNAL_FULL' ? 'spool-full' : 'spool-failed' } as const
}

function createUplink(
  deps: GatewayDeps,
  config: GatewayConfig,
  parts: { spool: Log; address: Address; outbox: Outbox } & Pick<
    UplinkDeps,
    'onMessage' | 'onAcknowledged' | 'correctTime'
  >,
): Uplink {
  const { spool, address, outbox, ...heard } = parts
  let hasBeenConnected = false
  const { url, secrets } = deps.identity ?? byConfig(config)
  const availabilityTopic = formatTopic({ ...address, channel: 'avail' })
  const link = createMqttLink(
    { random: deps.random, ...(deps.connect ? { connect: deps.connect } : {}) },
    {
      url,
      // One session per gateway: a second one of the same name takes over, and shows as flapping.
      clientId: `linli-${config.site.estate}-${config.gateway}`,
      // Commands missed during an outage are the hub's to answer: none may fire late.
      clean: true,
      secrets,
      will: {
        topic: availabilityTopic,
        payload: encodeJson({ status: 'offline', reason: 'connection-lost' }),
        qos: 1,
        retain: true,
      },
    },
  )
  return new Uplink(
    {
      log: spool,
      link,
      createPump: (send, onError) =>
        createPump({
          log: spool,
          cursorName: CURSOR,
          lanes: [...SENT_LANES],
          window: WINDOW,
          send: ({ entry }, answered) => void send(entry).then(() => answered(), answered),
          onError,
        }),
      logger: deps.log,
      onConnected() {
        // At the first connection the spool holds what the drivers said when they started.
        if (hasBeenConnected) outbox.repeatAvailability()
        hasBeenConnected = true
      },
      ...heard,
    },
    {
      availabilityTopic,
      commands: `${gatewayPath(config.site, config.gateway)}/+/+/cmd/+/+`,
      plates: plateFilter(config.site, config.gateway),
    },
  )
}

/** What is retained of devices that are no longer configured would look like devices for ever. */
function clearAbandoned(outbox: Outbox, held: Entry[], gateway: Address, config: GatewayConfig): void {
  const paths = new Set([gateway, ...addressesOf(gateway, config)].map(addressPath))
  for (const { topic } of held) {
    const parsed = parseTopic(topic)
    if (parsed.ok && !paths.has(addressPath(parsed.value))) outbox.clear(topic)
  }
}

/** Without an identity: user name and password, as the configuration has them. @throws {LinliError} CONFIG_INVALID */
function byConfig({ uplink }: GatewayConfig): { url: string; secrets: () => LinkSecrets } {
  if (!uplink) {
    const message =
      'this gateway has not enrolled at a hub and /uplink is missing: linli gateway claim, or say where the hub is'
    throw new LinliError('CONFIG_INVALID', message, { kind: 'caller', path: '/uplink' })
  }
  const { url, ...secrets } = uplink
  return { url, secrets: () => secrets }
}
