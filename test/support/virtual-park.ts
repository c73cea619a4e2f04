import type { Duplex } from 'node:stream'
import { readProfiles } from '../../firmware/drivers/park-sensor/profile/folder.ts'
import { createGateway, type Gateway } from '../../firmware/gateway/compose.ts'
import { decodeConfig } from '../../firmware/gateway/config.ts'
import type { ByteConnection, BytePortFactory } from '../../firmware/ports/byte-port.ts'
import { decodeConfig as decodeSimConfig } from '../../hardware-sim/config.ts'
import { createRandom, forkRandom, type Random } from '../../hardware-sim/random.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import { createWorld, type World } from '../../hardware-sim/world.ts'
import { devAuthenticator } from '../../hub/auth/authenticator.ts'
import { createHub, type Hub } from '../../hub/compose.ts'
import { LinliError } from '../../hub/contract/errors.ts'
import { createStoreBackend } from '../../hub/history/backend.ts'
import { createHistory, type History } from '../../hub/history/history.ts'
import { type RawReading, RETENTION } from '../../hub/history/types.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import { JOURNAL_LANES } from '../../hub/journal-lanes.ts'
import { createRegistry } from '../../hub/registry/registry.ts'
import { SITE } from './estate.ts'
import { memoryPorts } from './memory-port.ts'
import { createReadingLedger, type LedgerReading } from './reading-ledger.ts'
import { createPath, type VirtualPath } from './virtual-network.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * A pocket park on virtual time: sensors of the simulator on a Modbus line, the real gateway with the real bus master, the
 * real hub and its history, over memory instead of disks, lines and sockets.
 */

const COMMIT_MS = 2
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
const BUS = 'bus-1'
/** Readings asked of the history at once. */
const PAGE = 5000

/** Of one unit: its name, and both its model in the simulator and its profile at the gateway. */
export interface ParkUnit {
  id: string
  profile: string
}

export class VirtualPark {
  /** What the drivers said and the gateway's disk holds. */
  readonly told = createReadingLedger()
  readonly random: Random
  readonly uplink: VirtualPath
  /** Packs that the hub did not take. */
  readonly rejected: string[] = []
  readonly #time: VirtualTime
  readonly #world: World<MemoryEndpoint>
  readonly #units: readonly ParkUnit[]
  readonly #spool = createMemoryDisk()
  readonly #journal = createMemoryDisk()
  /** Outlives the hub, as its file would. */
  readonly #past = createStoreBackend({ retention: RETENTION })
  #boots = 0
  #hub: { hub: Hub; history: History; kill: () => void } | undefined
  #gateway: { gateway: Gateway; kill: () => void } | undefined

  constructor(time: VirtualTime, seed: number, units: readonly ParkUnit[]) {
    this.#time = time
    this.#units = units
    this.random = createRandom(seed)
    const devices = units.map(({ id, profile }, index) => ({
      kind: 'park-sensor',
      id,
      unit: index + 1,
      park: 'p1',
      model: profile,
    }))
    const config = decodeSimConfig({
      seed,
      boards: [],
      parks: [{ id: 'p1' }],
      buses: [{ id: BUS, baud: 19_200, port: `/virtual/${BUS}`, devices }],
    })
    this.#world = createWorld(config, {
      endpoints: 'memory',
      random: forkRandom(this.random),
      emit: () => undefined,
    })
    this.uplink = createPath((end: Duplex) => {
      if (this.#hub) this.#hub.hub.broker.handle(end)
      else end.destroy()
    }, time.touch)
  }

  async start(): Promise<void> {
    this.#world.start()
    await this.startHub()
    await this.startGateway()
  }

  /** One step of the simulator, now. */
  do(step: Record<string, unknown>): void {
    this.#world.apply({ at_ms: 0, ...step } as Parameters<World<MemoryEndpoint>['apply']>[0])
  }

  async startHub(): Promise<void> {
    const log = await openMemoryLog(this.#journal, { lanes: JOURNAL_LANES, commit_ms: COMMIT_MS })
    const registry = await createRegistry({
      adapter: { read: async () => null, write: async () => undefined },
      onError: (error) => {
        throw error
      },
    })
    const hub = await createHub(
      {
        log,
        registry,
        authenticate: devAuthenticator,
        logger: silent,
        counters: {
          accepted() {},
          rejected: (code) => void this.rejected.push(code),
          duplicate() {},
          telemetryLost() {},
          shed() {},
          clientRefused() {},
          clientThrottled() {},
        },
        random: forkRandom(this.random),
        now_ms: Date.now,
        newId: () => `command-${Date.now()}`,
      },
      { site: SITE, name: 'hub-1', dev: true, upstream: undefined },
    )
    const history = createHistory({
      log,
      backend: { ...this.#past, close: async () => undefined },
      now_ms: Date.now,
      onFault: (fault) => {
        if (fault) throw fault
      },
    })
    await this.#finish(hub.start())
    await this.#finish(history.start())
    this.#hub = { hub, history, kill: () => log.kill() }
  }

  /** As kill -9: what was not committed is gone, every connection drops. */
  killHub(): void {
    const running = this.#hub
    this.#hub = undefined
    running?.kill()
    this.uplink.cut()
    // Its disk is dead already, so nothing that these do can be seen.
    void running?.history.close()
    void running?.hub.close()
  }

  async startGateway(): Promise<void> {
    const decoded = decodeConfig(JSON.stringify(this.#gatewayConfig()))
    if (!decoded.ok) throw decoded.error
    let kill = () => {}
    const ports = mortalPorts(memoryPorts(this.#world, (path) => path.slice('/virtual/'.length), this.#time.touch))
    const gateway = createGateway(
      {
        openPort: ports.openPort,
        openSpool: async (settings) => {
          const spool = await openMemoryLog(this.#spool, { ...settings, commit_ms: COMMIT_MS })
          kill = () => spool.kill()
          return this.told.listenTo(spool)
        },
        connect: () => this.uplink.connect(),
        openFolder: () => Promise.reject(new Error('this gateway has no credentials')),
        readKey: () => new Uint8Array(),
        readProfiles,
        openGpio: () => Promise.reject(new Error('this gateway has no GPIO lines')),
        openCameraServer: () => Promise.reject(new Error('this gateway has no cameras')),
        randomBytes: (count) => new Uint8Array(count),
        random: forkRandom(this.random),
        bootid: String(++this.#boots).padStart(16, '0'),
        clockSynced: () => true,
        rss_bytes: () => 0,
        version: '0.1.0',
        log: silent,
      },
      decoded.value,
    )
    await this.#finish(gateway.start())
    this.#gateway = {
      gateway,
      kill: () => {
        kill()
        ports.die()
      },
    }
  }

  killGateway(): void {
    const running = this.#gateway
    this.#gateway = undefined
    running?.kill()
    this.uplink.cut()
    void running?.gateway.close()
  }

  /** Every reading of a park sensor that the history holds, once what is under way has arrived. */
  async past(): Promise<LedgerReading[]> {
    await this.#finish(this.#hub?.history.flush() ?? Promise.resolve())
    const series = new Map((await this.#past.series()).map((one) => [one.id, one]))
    const held: LedgerReading[] = []
    for (let after: { t_ms: number; series: number } | null = null; ; ) {
      const page: RawReading[] = await this.#past.raw({ from_ms: 0, to_ms: Date.now() + 1 }, after, PAGE)
      for (const { series: id, ...reading } of page) {
        const { device, quantity } = series.get(id) ?? { device: '', quantity: '' }
        const [kind, name = ''] = device.split('/').slice(-2)
        if (kind === 'park-sensor') held.push({ ...reading, device: name, quantity })
      }
      const last = page.at(-1)
      if (last === undefined) return held
      after = { t_ms: last.t_ms, series: last.series }
    }
  }

  async close(): Promise<void> {
    if (this.#gateway) await this.#finish(this.#gateway.gateway.close())
    if (this.#hub) {
      await this.#finish(this.#hub.history.close())
      await this.#finish(this.#hub.hub.close())
    }
    await this.#past.close()
    this.#world.close()
  }

  /** Starting and closing take virtual time, which somebody has to let pass. */
  async #finish(work: Promise<void>): Promise<void> {
    let done = false
    let failed: { error: unknown } | undefined
    work.then(
      () => {
        done = true
      },
      (error: unknown) => {
        failed = { error }
      },
    )
    for (let step = 0; step < 200 && !done && !failed; step++) await this.#time.advance(50)
    if (failed) throw failed.error
    if (!done) throw new Error('a part of the park does not get ready, or does not end')
  }

  #gatewayConfig(): object {
    return {
      gateway: 'gw-1',
      site: SITE,
      data: '/virtual/gw-1',
      uplink: { url: 'mqtt://hub:1883' },
      boards: [],
      buses: [{ id: BUS, port: `/virtual/${BUS}`, baud: 19_200 }],
      devices: this.#units.map(({ id, profile }, index) => ({
        kind: 'park-sensor',
        id,
        place: { spot: 'pocket park' },
        park: 'p1',
        bus: BUS,
        unit: index + 1,
        profile,
      })),
      telemetryEvery_ms: 3_600_000,
    }
  }
}

/** Ports that end with their process. What is left of it in this one must not be a second master on the line. */
function mortalPorts(open: BytePortFactory): { openPort: BytePortFactory; die: () => void } {
  const connections: ByteConnection[] = []
  let isDead = false
  return {
    openPort(settings) {
      const port = open(settings)
      return {
        path: port.path,
        async open() {
          if (isDead) throw new LinliError('SERIAL_NOT_FOUND', 'this gateway was killed', { kind: 'fault' })
          const connection = await port.open()
          connections.push(connection)
          return connection
        },
      }
    },
    die() {
      isDead = true
      for (const connection of connections) void connection.close()
    },
  }
}
