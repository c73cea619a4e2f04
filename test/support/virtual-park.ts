import type { Duplex } from 'node:stream'
import { readProfiles } from '../../firmware/drivers/park-sensor/profile/folder.ts'
import type { Gateway } from '../../firmware/gateway/compose.ts'
import type { ByteConnection, BytePortFactory } from '../../firmware/ports/byte-port.ts'
import { decodeConfig as decodeSimConfig } from '../../hardware-sim/config.ts'
import { createRandom, forkRandom, type Random } from '../../hardware-sim/random.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import { createWorld, type World } from '../../hardware-sim/world.ts'
import { LinliError } from '../../hub/contract/errors.ts'
import { createStoreBackend } from '../../hub/history/backend.ts'
import { createHistory, type History } from '../../hub/history/history.ts'
import { type RawReading, RETENTION } from '../../hub/history/types.ts'
import type { Hub } from '../../hub/hub.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { SITE } from './estate.ts'
import { createReadingLedger, type LedgerReading } from './reading-ledger.ts'
import { createPath, type VirtualPath } from './virtual-network.ts'
import { createVirtualGateway, finish, openVirtualHub, type RegistryFile, virtualPorts } from './virtual-parts.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * A pocket park on virtual time: sensors of the simulator on a Modbus line, the real gateway with the real bus master, the
 * real hub and its history, over memory instead of disks, lines and sockets.
 */

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
  readonly #registry: RegistryFile = { data: null }
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
    const { hub, log, kill } = await openVirtualHub({
      disk: this.#journal,
      registry: this.#registry,
      random: this.random,
      newId: () => `command-${Date.now()}`,
      rejected: (code) => void this.rejected.push(code),
    })
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
    this.#hub = { hub, history, kill }
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
    const ports = mortalPorts(virtualPorts(this.#world, this.#time))
    const { gateway, kill } = createVirtualGateway({
      config: this.#gatewayConfig(),
      disk: this.#spool,
      world: this.#world,
      time: this.#time,
      random: this.random,
      boot: ++this.#boots,
      connect: () => this.uplink.connect(),
      openPort: ports.openPort,
      watch: (spool) => this.told.listenTo(spool),
      readProfiles,
    })
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

  #finish(work: Promise<void>): Promise<void> {
    return finish(this.#time, work)
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
