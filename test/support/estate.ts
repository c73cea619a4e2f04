import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { decodeMessage } from '../../hub/contract/decode.ts'
import { ROLES } from '../../hub/people/roles.ts'
import { linli } from './linli.ts'
import { Overheard } from './overheard.ts'
import { type Program, startProgram } from './program.ts'

/** A whole estate of real processes on ptys: simulator, gateways, hub, and a district that records what it acknowledges. */

export const SITE = { street: 's1', community: 'c1', estate: 'e1' } as const
export const SITE_TEXT = 's1/c1/e1'

/** Who may log in at the hub of an estate. */
const DEV_PEOPLE = ROLES.map((role) => `${role}:${role}-secret`).join(',')

export interface EstateOptions {
  /** Button ids per board; one board per gateway: gw-1 has board-1 and so on. */
  boards?: string[][]
  boardKind?: 'protocol' | 'firmware'
  flows?: boolean
  /** What the gateways believe the boards' speed to be. */
  gatewayBaud?: number
  /** Where gateways find the hub, and the hub its district, when something stands in between. */
  uplinkPort?: () => number
  upstreamPort?: () => number
  /** The hub's data folder, when it is to be on a disk of its own. */
  hubDir?: string
  hubEnv?: NodeJS.ProcessEnv
  /** As in the field: nobody comes in without an account, and gateways enrol. */
  guarded?: boolean
  /** Network cameras of the simulator. */
  onvif?: object[]
}

/** What the district acknowledged, decoded. */
export interface Received {
  topic: string
  retain: boolean
  at_ms: number
  payload: Record<string, unknown>
}

export interface ReceivedEvent {
  id: string
  type: string
  device: string
  gateway: string
  data: Record<string, unknown>
  replayed: boolean
  at_ms: number
}

const PINS = [
  { contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 },
  { contactPin: 3, loopPin: 1, lampPin: 7, sirenPin: 8 },
] as const

export class Estate {
  readonly dir = mkdtempSync(join(tmpdir(), 'linli-stack-'))
  readonly boards: string[][]
  readonly #options: EstateOptions
  sim!: Program
  hub!: Program
  district!: Program
  readonly gateways = new Map<string, Program>()
  readonly #overheard = new Overheard()
  #ports = { mqtt: 0, http: 0, district: 0, mqtts: 0, https: 0 }

  constructor(options: EstateOptions = {}) {
    this.#options = options
    this.boards = options.boards ?? [['b1', 'b2']]
    mkdirSync(join(this.dir, 'ports'))
  }

  /** Everything up and every button online; what was started is ended again when that fails. */
  async start(): Promise<this> {
    try {
      await this.startProcesses()
      await this.online()
    } catch (error) {
      await this.end()
      throw error
    }
    return this
  }

  async startProcesses(): Promise<void> {
    await Promise.all([this.startSim(), this.startDistrict()])
    await this.startHub()
    await Promise.all(this.boards.map((_, index) => this.startGateway(`gw-${index + 1}`)))
  }

  async startSim(): Promise<void> {
    const boards = this.boards.map((buttons, index) => ({
      id: `board-${index + 1}`,
      kind: this.#options.boardKind ?? 'protocol',
      baud: 57600,
      port: this.portOf(index),
      devices: buttons.map((id, slot) => ({ kind: 'alarm-button', id, ...PINS[slot] })),
    }))
    this.sim = await startProgram('hardware-sim/main.ts', [
      '--config',
      this.json('sim.json', { seed: 1, boards, onvif: this.#options.onvif ?? [] }),
    ])
  }

  async startDistrict(): Promise<void> {
    this.district = await startProgram('hub/broker/stand-in/main.ts', [
      '--port',
      String(this.#ports.district),
      '--record',
      this.record,
    ])
    this.#ports.district = Number(this.district.ready.port)
  }

  async startHub(extra: string[] = []): Promise<void> {
    const tls = [
      '--host',
      '127.0.0.1',
      '--mqtts-port',
      String(this.#ports.mqtts),
      '--https-port',
      String(this.#ports.https),
    ]
    const args = [
      ...(this.#options.guarded ? tls : ['--dev']),
      '--data',
      this.#options.hubDir ?? join(this.dir, 'hub'),
      '--site',
      SITE_TEXT,
      '--upstream',
      this.upstreamUrl,
      '--log-level',
      'info',
    ]
    args.push('--mqtt-port', String(this.#ports.mqtt), '--http-port', String(this.#ports.http))
    if (!this.#options.flows) args.push('--no-flows')
    this.hub = await startProgram('hub/main.ts', [...args, ...extra], {
      env: {
        LINLI_DEV_PEOPLE: DEV_PEOPLE,
        ...this.#options.hubEnv,
      },
    })
    this.#ports.mqtt = Number(this.hub.ready.mqttPort)
    this.#ports.http = Number(this.hub.ready.httpPort)
    if (this.#options.guarded) {
      this.#ports.mqtts = Number(this.hub.ready.mqttsPort)
      this.#ports.https = Number(this.hub.ready.httpsPort)
    } else await this.#overheard.listen(this.#ports.mqtt)
  }

  async startGateway(name: string): Promise<void> {
    const index = Number(name.slice(3)) - 1
    if (this.#options.guarded) await this.#enrol(name)
    const config = {
      gateway: name,
      site: SITE,
      data: join(this.dir, name),
      ...(this.#options.guarded ? {} : { uplink: { url: this.hubUrl } }),
      boards: [{ id: `board-${index + 1}`, port: this.portOf(index), baud: this.#options.gatewayBaud ?? 57600 }],
      devices: (this.boards[index] ?? []).map((id, slot) => ({
        kind: 'alarm-button',
        id,
        board: `board-${index + 1}`,
        place: { building: `building-${index + 1}`, spot: 'lobby' },
        ...PINS[slot],
      })),
    }
    this.gateways.set(
      name,
      await startProgram('firmware/main.ts', ['--config', this.json(`${name}.json`, config), '--log-level', 'info']),
    )
  }

  async #enrol(name: string): Promise<void> {
    if (existsSync(join(this.dir, name, 'identity.json'))) return
    const asked = ['code', name, '--data', join(this.dir, 'hub'), '--host', '127.0.0.1', '--json']
    const { text } = JSON.parse(await linli('enrol', asked)) as { text: string }
    await linli('gateway', ['claim', text, '--data', join(this.dir, name)])
  }

  gateway(name: string): Program {
    const gateway = this.gateways.get(name)
    if (!gateway) throw new Error(`no gateway ${name}`)
    return gateway
  }

  get hubUrl(): string {
    return `mqtt://127.0.0.1:${this.#options.uplinkPort?.() ?? this.#ports.mqtt}`
  }
  get httpUrl(): string {
    return `http://127.0.0.1:${this.#ports.http}`
  }
  get upstreamUrl(): string {
    return `mqtt://127.0.0.1:${this.#options.upstreamPort?.() ?? this.#ports.district}`
  }
  get mqttPort(): number {
    return this.#ports.mqtt
  }
  get districtPort(): number {
    return this.#ports.district
  }
  get record(): string {
    return join(this.dir, 'district.ndjson')
  }
  portOf(index: number): string {
    return join(this.dir, 'ports', `tty-board-${index + 1}`)
  }

  press(device: string, for_ms = 60): void {
    this.sim.send({ do: 'press', device, for_ms })
  }

  /** Everything the district ever acknowledged from a hub, oldest first; a line torn by kill -9 was never acknowledged. */
  received(): Received[] {
    if (!existsSync(this.record)) return []
    const lines = readFileSync(this.record, 'utf8').split('\n').slice(0, -1)
    return lines.flatMap((line) => {
      const { topic, retain, at_ms, payload } = JSON.parse(line) as {
        topic: string
        retain: boolean
        at_ms: number
        payload: string
      }
      return payload.length === 0
        ? []
        : [{ topic, retain, at_ms, payload: JSON.parse(payload) as Record<string, unknown> }]
    })
  }

  events(type?: string): ReceivedEvent[] {
    return this.received()
      .filter(({ topic }) => topic.includes('/evt/') && (type === undefined || topic.endsWith(`/evt/${type}`)))
      .map(({ topic, at_ms, payload }) => {
        const [, , , , , gateway = '', , device = ''] = topic.split('/')
        return {
          id: payload.id as string,
          type: topic.split('/').at(-1) ?? '',
          device,
          gateway,
          data: payload.data as Record<string, unknown>,
          replayed: payload.replayed === true,
          at_ms,
        }
      })
  }

  /** Every message that the district got, or that passed the hub's broker, obeys the contract, as published too. */
  expectConformity(): void {
    for (const { topic, retain, payload } of this.received()) {
      const decoded = decodeMessage(topic, Buffer.from(JSON.stringify(payload)), retain)
      expect(decoded.ok ? undefined : `${topic}: ${decoded.error.message}`).toBeUndefined()
      this.#overheard.judge(topic, payload)
    }
    this.#overheard.expectConformity()
  }

  /** The last retained value of a topic ending. */
  retained(ending: string): Record<string, unknown> | undefined {
    return this.received().findLast(({ topic, retain }) => retain && topic.endsWith(ending))?.payload
  }

  /** All boards answer and their devices are online at the district. */
  async online(): Promise<void> {
    const devices = this.boards.flatMap((buttons, index) =>
      buttons.map((id) => `gw-${index + 1}/alarm-button/${id}/avail`),
    )
    await vi.waitFor(() => {
      for (const device of devices) expect(this.retained(device)?.status, device).toBe('online')
    }, WAIT)
  }

  json(name: string, value: unknown): string {
    const file = join(this.dir, name)
    writeFileSync(file, JSON.stringify(value))
    return file
  }

  async end(): Promise<void> {
    await this.#overheard.close()
    await Promise.all([...this.gateways.values()].map((gateway) => gateway.kill()))
    await Promise.all([this.hub?.kill(), this.sim?.kill(), this.district?.kill()])
    rmSync(this.dir, { recursive: true, force: true })
    this.#overheard.expectConformity()
  }
}

/** How long a condition may take on a loaded machine before the test gives up; reached only when it fails. */
export const WAIT = { timeout: 45_000, interval: 50 }
