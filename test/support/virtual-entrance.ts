import type { Duplex } from 'node:stream'
import type { Gateway } from '../../firmware/gateway/compose.ts'
import { decodeConfig as decodeSimConfig } from '../../hardware-sim/config.ts'
import type { SimEvent } from '../../hardware-sim/events.ts'
import { createRandom, forkRandom, type Random } from '../../hardware-sim/random.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import { createWorld, type World } from '../../hardware-sim/world.ts'
import type { Result } from '../../hub/contract/command.ts'
import type { Message } from '../../hub/contract/decode.ts'
import type { LinliEvent } from '../../hub/contract/event.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Hub } from '../../hub/hub.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { SITE } from './estate.ts'
import { createPath, type VirtualPath } from './virtual-network.ts'
import { createVirtualGateway, finish, openVirtualHub, type RegistryFile } from './virtual-parts.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * An entrance on virtual time: a door `d1` and a barrier `v1` on one board, the real gateway and the real hub over
 * memory instead of disks, lines and sockets. What the hub has accepted is what a platform would be told.
 */

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
  readonly #registry: RegistryFile = { data: null }
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
    let commands = 0
    const opened = await openVirtualHub({
      disk: this.#journal,
      registry: this.#registry,
      random: this.random,
      newId: () => `command-${Date.now()}-${++commands}`,
    })
    const { hub } = opened
    hub.onAccepted((message) => this.#hear(message))
    await this.#finish(hub.start())
    this.#hub = opened
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
    const running = createVirtualGateway({
      config: this.#gatewayConfig(),
      disk: this.#spool,
      world: this.#world,
      time: this.#time,
      random: this.random,
      boot: ++this.#boots,
      connect: () => this.uplink.connect(),
      clockSynced: () => this.clockSynced,
    })
    await this.#finish(running.gateway.start())
    this.#gateway = running
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

  #finish(work: Promise<void>): Promise<void> {
    return finish(this.#time, work)
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
