import type { Duplex } from 'node:stream'
import { Aedes } from 'aedes'
import type { Gateway } from '../../firmware/gateway/compose.ts'
import { decodeConfig as decodeSimConfig } from '../../hardware-sim/config.ts'
import { createRandom, forkRandom, type Random } from '../../hardware-sim/random.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import { createWorld, type World } from '../../hardware-sim/world.ts'
import type { Hub } from '../../hub/hub.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { SITE } from './estate.ts'
import { Overheard } from './overheard.ts'
import { createPath, type VirtualPath } from './virtual-network.ts'
import { createVirtualGateway, finish, openVirtualHub, type RegistryFile } from './virtual-parts.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * A whole estate in one process on virtual time: the real gateways, hub and brokers over memory instead of disks, lines
 * and sockets. Processes can be killed (what was not committed is gone) and networks cut.
 */

/** Analog sampling: often enough to see a cut cable, seldom enough for a day in seconds. */
const SAMPLING_MS = 2_000

export interface DistrictMessage {
  topic: string
  at_ms: number
  payload: Record<string, unknown>
}

export interface PhysicalPress {
  device: string
  at_ms: number
}

interface Down {
  gateway: string
  from_ms: number
  until_ms: number
}

const PINS = { contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 }

export class VirtualEstate {
  readonly gateways = ['gw-1', 'gw-2']
  readonly received: DistrictMessage[] = []
  readonly presses: PhysicalPress[] = []
  /** When a gateway or its board could not see anything. */
  readonly downs: Down[] = []
  readonly random: Random
  readonly #time: VirtualTime
  readonly #clockSynced: () => boolean
  readonly #world: World<MemoryEndpoint>
  readonly #uplinks: Map<string, VirtualPath>
  readonly #spools = new Map(this.gateways.map((name) => [name, createMemoryDisk()]))
  readonly #journal = createMemoryDisk()
  readonly #running = new Map<string, { gateway: Gateway; kill: () => void }>()
  #boots = 0
  readonly #registry: RegistryFile = { data: null }
  #hub: { hub: Hub; kill: () => void } | undefined
  #district!: Aedes
  readonly #overheard = new Overheard()
  readonly upstream: VirtualPath

  /** @param clockSynced what the gateways' kernels say of the clock; set when absent */
  constructor(time: VirtualTime, seed: number, clockSynced: () => boolean = () => true) {
    this.#time = time
    this.#clockSynced = clockSynced
    this.random = createRandom(seed)
    const boards = this.gateways.map((name, index) => ({
      id: `board-${index + 1}`,
      kind: 'protocol',
      baud: 57600,
      port: `/virtual/board-${index + 1}`,
      devices: [{ kind: 'alarm-button', id: `b${index + 1}`, ...PINS }],
      name,
    }))
    const config = decodeSimConfig({ seed, boards: boards.map(({ name: _name, ...board }) => board) })
    this.#world = createWorld(config, {
      endpoints: 'memory',
      random: forkRandom(this.random),
      emit: (event) => {
        if (event.type === 'edge' && event.contact === 'closed')
          this.presses.push({ device: event.device, at_ms: event.at_ms })
      },
    })
    const toHub = (end: Duplex) => {
      if (this.#hub) this.#hub.hub.broker.handle(end)
      else end.destroy()
    }
    this.#uplinks = new Map(this.gateways.map((name) => [name, createPath(toHub, time.touch)]))
    this.upstream = createPath((end) => this.#district.handle(end), time.touch)
  }

  async start(): Promise<void> {
    this.#district = await Aedes.createBroker({
      authorizePublish: (client, packet, done) => {
        if (client && packet.payload.length > 0) {
          const payload = JSON.parse(packet.payload.toString('utf8')) as Record<string, unknown>
          this.received.push({ topic: packet.topic, at_ms: Date.now(), payload })
          this.#overheard.judge(packet.topic, payload)
        }
        done(null)
      },
    })
    this.#world.start()
    await this.startHub()
    for (const name of this.gateways) await this.startGateway(name)
  }

  uplink(gateway: string): VirtualPath {
    const path = this.#uplinks.get(gateway)
    if (!path) throw new Error(`no gateway ${gateway}`)
    return path
  }

  press(device: string, for_ms: number): void {
    this.#world.apply({ at_ms: 0, do: 'press', device, for_ms })
  }

  unplug(index: number): void {
    this.#world.apply({ at_ms: 0, do: 'unplug', board: `board-${index + 1}` })
    this.#goesDown(`gw-${index + 1}`)
  }

  async replug(index: number): Promise<void> {
    this.#world.apply({ at_ms: 0, do: 'replug', board: `board-${index + 1}` })
    await this.#comesBack(`gw-${index + 1}`)
  }

  async startHub(): Promise<void> {
    let commands = 0
    const opened = await openVirtualHub({
      disk: this.#journal,
      registry: this.#registry,
      random: this.random,
      newId: () => `command-${++commands}`,
      connectUpstream: () => this.upstream.connect(),
    })
    const { hub } = opened
    await hub.start()
    this.#hub = opened
  }

  /** As kill -9: what was not committed is gone, every connection drops. */
  killHub(): void {
    const running = this.#hub
    if (!running) return
    this.#hub = undefined
    running.kill()
    this.upstream.cut()
    for (const path of this.#uplinks.values()) path.cut()
    // Its timers end with it; its disk is dead already, so nothing that this does can be seen.
    void running.hub.close()
  }

  async startGateway(name: string): Promise<void> {
    const index = this.gateways.indexOf(name)
    const disk = this.#spools.get(name)
    if (!disk) throw new Error(`no gateway ${name}`)
    const running = createVirtualGateway({
      config: {
        gateway: name,
        site: SITE,
        data: `/virtual/${name}`,
        uplink: { url: 'mqtt://hub:1883' },
        boards: [
          {
            id: `board-${index + 1}`,
            port: `/virtual/board-${index + 1}`,
            baud: 57600,
            watchdog_ms: 60_000,
            sampling_ms: SAMPLING_MS,
          },
        ],
        devices: [{ kind: 'alarm-button', id: `b${index + 1}`, board: `board-${index + 1}`, place: {}, ...PINS }],
        telemetryEvery_ms: 600_000,
      },
      disk,
      world: this.#world,
      time: this.#time,
      random: this.random,
      boot: ++this.#boots,
      clockSynced: this.#clockSynced,
      connect: () => this.uplink(name).connect(),
    })
    await running.gateway.start()
    this.#running.set(name, running)
    await this.#comesBack(name)
  }

  async killGateway(name: string): Promise<void> {
    const running = this.#running.get(name)
    if (!running) return
    this.#running.delete(name)
    this.#goesDown(name)
    running.kill()
    this.uplink(name).cut()
    void running.gateway.close()
    await this.#time.settle()
  }

  /** Everything works again; time for back-offs to run out. */
  async heal(): Promise<void> {
    this.upstream.heal()
    for (const path of this.#uplinks.values()) path.heal()
    await this.#time.advance(600_000)
  }

  async close(): Promise<void> {
    for (const { gateway } of this.#running.values()) await this.#finish(gateway.close())
    if (this.#hub) await this.#finish(this.#hub.hub.close())
    this.#world.close()
    await this.#finish(new Promise<void>((resolve) => this.#district.close(() => resolve())))
    this.#overheard.expectConformity()
  }

  #finish(work: Promise<void>): Promise<void> {
    return finish(this.#time, work)
  }

  #goesDown(gateway: string): void {
    this.downs.push({ gateway, from_ms: Date.now(), until_ms: Number.POSITIVE_INFINITY })
  }

  /** A board needs a moment for its handshake before it sees anything. */
  async #comesBack(gateway: string): Promise<void> {
    await this.#time.advance(15_000)
    for (const down of this.downs)
      if (down.gateway === gateway && down.until_ms === Number.POSITIVE_INFINITY) down.until_ms = Date.now()
  }
}
