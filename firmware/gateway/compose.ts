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
import type { GpioKernel } from '../adapters/gpio/kernel.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Identity } from '../identity/identity.ts'
import { type Moment, momentNow } from '../moment.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import type { OpenCameraServer } from '../ports/camera-server.ts'
import type { Logger } from '../ports/logger.ts'
import { type Access, openAccess } from './access.ts'
import { cameraAddress } from './cameras/cameras.ts'
import { COMMAND_LANE } from './command-memory.ts'
import { Commands } from './commands.ts'
import type { GatewayConfig } from './config.ts'
import { type Configuration, configurable } from './configuration.ts'
import { createDrivers } from './drivers.ts'
import { createHardware } from './hardware.ts'
import { Outbox, SENT_LANES, SPOOL_LANES } from './outbox.ts'
import { openProfiles, type ReadProfiles } from './parks.ts'
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
  /** @throws {LinliError} when the spool cannot be opened */
  start(): Promise<void>
  /** Outputs off, what was said in the spool, a goodbye to the hub. */
  close(): Promise<void>
}

/** Entries sent and not acknowledged: what a kill can send twice. */
const WINDOW = 100
const TELEMETRY_EVERY_MS = 60_000

type Closers = Array<() => Promise<void> | void>

export function createGateway(deps: GatewayDeps, config: GatewayConfig): Gateway {
  const closers: Closers = []
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
        await startGateway(deps, config, closers)
      } catch (error) {
        await close()
        throw error
      }
    },
    close,
  }
}

async function startGateway(deps: GatewayDeps, config: GatewayConfig, closers: Closers): Promise<void> {
  const { log, bootid, version } = deps
  const startedAt = momentNow()
  const { telemetryEvery_ms = TELEMETRY_EVERY_MS } = config
  const profiles = openProfiles(config, deps.readProfiles)
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
  const outbox = new Outbox({ log: spool, logger: log, bootid, startedAt, timeQuality, onFault })
  closers.push(() => outbox.close())

  const self = new Self({ ...deps, outbox, address, startedAt, timeQuality, telemetryEvery_ms })
  const onStatus = self.onBoard.bind(self)
  const hardware = createHardware({ ...deps, onStatus }, config)
  closers.push(() => hardware.closeBuses())
  self.begin(hardware.boards)
  let access: Access | undefined
  const onEvent: Access['heard'] = (device, event) => access?.heard(device, event)
  const onOffline: Access['wentOffline'] = (device) => access?.wentOffline(device)
  const drivers = createDrivers({ outbox, hardware, profiles, held, log, version, onEvent, onOffline }, config)
  const cameras = (config.cameras?.list ?? []).map((camera) => cameraAddress(address, camera))
  clearAbandoned(outbox, held, [address, ...drivers.map((driver) => driver.address), ...cameras])
  for (const driver of drivers) {
    outbox.meta(driver.address, driver.meta)
    driver.start()
    closers.push(() => driver.close())
  }

  const onCredentials = self.onCredentials.bind(self)
  const onReaders = self.onReaders.bind(self)
  const accessDeps = { ...deps, spool, outbox, drivers, timeQuality, onCredentials, onReaders }
  access = await openAccess(accessDeps, address, config)
  const { configuration } = deps
  const own = configuration ? configurable(address, configuration, access?.intake) : access?.intake
  const targets = own ? [...drivers, own] : drivers
  const byPath = new Map<string, Driver>(targets.map((driver) => [addressPath(driver.address), driver]))
  const commands = new Commands({ drivers: byPath, outbox, timeQuality, log })
  closers.push(() => commands.close())
  commands.restore(handled)

  const uplink = createUplink(deps, config, {
    spool,
    address,
    outbox,
    correctTime: (payload) => clock.synced && correctTime(payload, { bootid, startedAt, synced: clock.synced }),
    onMessage(topic, payload, retain) {
      if (!access?.onMessage(topic, payload, retain)) commands.onMessage(topic, payload, retain)
    },
  })
  uplinks.push(uplink)
  watchClock(clock, [outbox, self, uplink], self)
  closers.push(() => clock.close())
  outbox.setDirect((entry) => uplink.sendDirect(entry))
  closers.push(() => uplink.close())
  const timer = setInterval(() => self.reportVitals(spool), telemetryEvery_ms)
  closers.push(() => clearInterval(timer))
  closers.push(() => hardware.closeBoards())
  hardware.start()
  closers.push(() => access?.close())
  access?.start()
  uplink.start()
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
  parts: { spool: Log; address: Address; outbox: Outbox } & Pick<UplinkDeps, 'onMessage' | 'correctTime'>,
): Uplink {
  const { spool, address, outbox, onMessage, correctTime } = parts
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
          cursorName: 'uplink',
          lanes: [...SENT_LANES],
          window: WINDOW,
          send: ({ entry }) => send(entry),
          onError,
        }),
      logger: deps.log,
      onConnected() {
        // At the first connection the spool holds what the drivers said when they started.
        if (hasBeenConnected) outbox.repeatAvailability()
        hasBeenConnected = true
      },
      onMessage,
      correctTime,
    },
    {
      availabilityTopic,
      filters: [
        `${gatewayPath(config.site, config.gateway)}/+/+/cmd/+/+`,
        ...(config.cameras ? [plateFilter(config.site, config.gateway)] : []),
      ],
    },
  )
}

/** What is retained of devices that are no longer configured would look like devices for ever. */
function clearAbandoned(outbox: Outbox, held: Entry[], present: Address[]): void {
  const paths = new Set(present.map(addressPath))
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
