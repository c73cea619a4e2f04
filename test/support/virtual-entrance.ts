import type { Duplex } from 'node:stream'
import { createGateway, type Gateway } from '../../firmware/gateway/compose.ts'
import { decodeConfig } from '../../firmware/gateway/config.ts'
import { decodeConfig as decodeSimConfig } from '../../hardware-sim/config.ts'
import type { SimEvent } from '../../hardware-sim/events.ts'
import { createRandom, forkRandom, type Random } from '../../hardware-sim/random.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import { createWorld, type World } from '../../hardware-sim/world.ts'
import { devAuthenticator } from '../../hub/auth/authenticator.ts'
import { createHub, type Hub } from '../../hub/compose.ts'
import type { Result } from '../../hub/contract/command.ts'
import type { Message } from '../../hub/contract/decode.ts'
import type { LinliEvent } from '../../hub/contract/event.ts'
import type { Address } from '../../hub/contract/topic.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import { JOURNAL_LANES } from '../../hub/journal-lanes.ts'
import { createRegistry, type RegistryData } from '../../hub/registry/registry.ts'
import { SITE } from './estate.ts'
import { memoryPorts } from './memory-port.ts'
import { createPath, type VirtualPath } from './virtual-network.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * An entrance on virtual time: a door `d1` and a barrier `v1` on one board, the real gateway and the real hub over
 * memory instead of disks, lines and sockets. What the hub has accepted is what a platform would be told.
 */

const COMMIT_MS = 2
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
const DOOR = { strikePin: 5, contactPin: 2, rexPin: 3 }
const BARRIER = { raisePin: 6, lowerPin: 7, upPin: 8, downPin: 9, safetyPin: 10, approachPin: 11, beamPin: 12 }
export const HUB: Address = { ...SITE, gateway: 'hub', class: 'hub', device: 'hub-1' }

export interface GateEvent {
  gate: string
  type: string
  event: LinliEvent<Record<string, unknown>>
}

export class VirtualEntrance {
  /** In the order in which the hub took them. */
  readonly events: GateEvent[] = []
  readonly results: Result[] = []
  readonly states = new Map<string, Record<string, unknown>>()
  readonly availability = new Map<string, string>()
  readonly physical: SimEvent[] = []
  readonly random: Random
  /** Whether the gateway's clock follows a source. */
  clockSynced = true
  readonly uplink: VirtualPath
  readonly #time: VirtualTime
  readonly #world: World<MemoryEndpoint>
  readonly #schedules: { door?: object; barrier?: object }
  readonly #spool = createMemoryDisk()
  readonly #journal = createMemoryDisk()
  #boots = 0
  #registry: RegistryData | null = null
  #hub: { hub: Hub; kill: () => void } | undefined
  #gateway: { gateway: Gateway; kill: () => void } | undefined

  constructor(time: VirtualTime, seed: number, schedules: { door?: object; barrier?: object } = {}) {
    this.#time = time
    this.#schedules = schedules
    this.random = createRandom(seed)
    const devices = [
      { kind: 'door', id: 'd1', strike: 'fail-secure', ...DOOR },
      { kind: 'barrier', id: 'v1', ...BARRIER },
    ]
    const board = { id: 'board-1', kind: 'protocol', baud: 57600, port: '/virtual/board-1', devices }
    this.#world = createWorld(decodeSimConfig({ seed, boards: [board] }), {
      endpoints: 'memory',
      random: forkRandom(this.random),
      emit: (event) => this.physical.push(event),
    })
    this.uplink = createPath((end: Duplex) => {
      if (this.#hub) this.#hub.hub.broker.handle(end)
      else end.destroy()
    }, time.touch)
  }

  get hub(): Hub {
    if (!this.#hub) throw new Error('the hub is dead')
    return this.#hub.hub
  }

  async start(): Promise<void> {
    this.#world.start()
    await this.startHub()
    await this.startGateway()
    await this.#time.advance(10_000)
  }

  /** One step of the simulator, now. */
  do(step: Record<string, unknown>): void {
    this.#world.apply({ at_ms: 0, ...step } as Parameters<World<MemoryEndpoint>['apply']>[0])
  }

  async startHub(): Promise<void> {
    const log = await openMemoryLog(this.#journal, { lanes: JOURNAL_LANES, commit_ms: COMMIT_MS })
    const registry = await createRegistry({
      adapter: {
        read: async () => structuredClone(this.#registry),
        write: async (data) => {
          this.#registry = structuredClone(data)
        },
      },
      onError: (error) => {
        throw error
      },
    })
    let commands = 0
    const hub = await createHub(
      {
        log,
        registry,
        authenticate: devAuthenticator,
        logger: silent,
        counters: {
          accepted() {},
          rejected() {},
          duplicate() {},
          telemetryLost() {},
          shed() {},
          clientRefused() {},
          clientThrottled() {},
        },
        random: forkRandom(this.random),
        now_ms: Date.now,
        newId: () => `command-${Date.now()}-${++commands}`,
      },
      { site: SITE, name: 'hub-1', dev: true, upstream: undefined },
    )
    hub.onAccepted((message) => this.#hear(message))
    await this.#finish(hub.start())
    this.#hub = { hub, kill: () => log.kill() }
  }

  /** As kill -9: what was not committed is gone, every connection drops. */
  killHub(): void {
    const running = this.#hub
    this.#hub = undefined
    running?.kill()
    this.uplink.cut()
    // Its disk is dead already, so nothing that this does can be seen.
    void running?.hub.close()
  }

  async startGateway(): Promise<void> {
    const decoded = decodeConfig(JSON.stringify(this.#gatewayConfig()))
    if (!decoded.ok) throw decoded.error
    let kill = () => {}
    const gateway = createGateway(
      {
        openPort: memoryPorts(this.#world, (path) => path.slice('/virtual/'.length), this.#time.touch),
        openSpool: async (settings) => {
          const spool = await openMemoryLog(this.#spool, { ...settings, commit_ms: COMMIT_MS })
          kill = () => spool.kill()
          return spool
        },
        connect: () => this.uplink.connect(),
        openFolder: () => Promise.reject(new Error('this gateway has no credentials')),
        readKey: () => new Uint8Array(),
        readProfiles: () => new Map(),
        openGpio: () => Promise.reject(new Error('this gateway has no GPIO lines')),
        openCameraServer: () => Promise.reject(new Error('this gateway has no cameras')),
        randomBytes: (count) => new Uint8Array(count),
        random: forkRandom(this.random),
        bootid: String(++this.#boots).padStart(16, '0'),
        clockSynced: () => this.clockSynced,
        rss_bytes: () => 0,
        version: '0.1.0',
        log: silent,
      },
      decoded.value,
    )
    await this.#finish(gateway.start())
    this.#gateway = { gateway, kill: () => kill() }
  }

  killGateway(): void {
    const running = this.#gateway
    this.#gateway = undefined
    running?.kill()
    this.uplink.cut()
    void running?.gateway.close()
  }

  async close(): Promise<void> {
    if (this.#gateway) await this.#finish(this.#gateway.gateway.close())
    if (this.#hub) await this.#finish(this.#hub.hub.close())
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
    if (!done) throw new Error('a part of the entrance does not get ready, or does not end')
  }

  #gatewayConfig(): object {
    const { door, barrier } = this.#schedules
    const inputs = (pins: Record<string, number>) =>
      Object.fromEntries(Object.entries(pins).map(([name, pin]) => [name, { pin }]))
    const { strikePin, contactPin, rexPin } = DOOR
    const { raisePin, lowerPin, upPin, downPin, safetyPin, approachPin, beamPin } = BARRIER
    const approach = { pin: approachPin, onWhen: 'high' }
    return {
      gateway: 'gw-1',
      site: SITE,
      data: '/virtual/gw-1',
      uplink: { url: 'mqtt://hub:1883' },
      boards: [{ id: 'board-1', port: '/virtual/board-1', baud: 57600, watchdog_ms: 60_000 }],
      devices: [
        {
          kind: 'door',
          id: 'd1',
          board: 'board-1',
          place: {},
          strike: 'fail-secure',
          inputs: inputs({ contact: contactPin, rex: rexPin }),
          outputs: { strike: strikePin },
          ...(door ? { schedule: door } : {}),
        },
        {
          kind: 'barrier',
          id: 'v1',
          board: 'board-1',
          place: {},
          direction: 'in',
          inputs: { ...inputs({ up: upPin, down: downPin, safety: safetyPin, beam: beamPin }), approach },
          outputs: { raise: raisePin, lower: lowerPin },
          ...(barrier ? { schedule: barrier } : {}),
        },
      ],
      telemetryEvery_ms: 3_600_000,
    }
  }

  #hear(message: Message): void {
    this.#time.touch()
    const { topic } = message
    if (message.kind === 'result') this.results.push(message.result)
    if (topic.class !== 'access-gate') return
    if (message.kind === 'state') this.states.set(topic.device, message.state as Record<string, unknown>)
    if (message.kind === 'availability') this.availability.set(topic.device, message.availability.status)
    if (message.kind === 'event')
      this.events.push({ gate: topic.device, type: message.topic.type, event: message.event as GateEvent['event'] })
  }
}
