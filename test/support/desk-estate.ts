import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSecret } from '../../hub/auth/secret.ts'
import { peopleFile } from '../../hub/people/files.ts'
import { newEpoch, openPeople } from '../../hub/people/people.ts'
import type { Role } from '../../hub/people/roles.ts'
import { linli } from './linli.ts'
import { type Program, startProgram } from './program.ts'

/**
 * What a duty desk stands on, as real processes: two alarm buttons and a door on simulated boards, their gateway, a hub with
 * logins and flows, and a district that records what it acknowledges.
 */

const SITE = { street: 's1', community: 'c1', estate: 'e1' } as const
const SITE_TEXT = 's1/c1/e1'
export const SECRET = 'four unrelated words here'
export const STAFF: ReadonlyArray<[name: string, role: Role]> = [
  ['值班甲', 'operator'],
  ['值班乙', 'operator'],
  ['访客', 'viewer'],
  ['站长', 'admin'],
]
const BUTTONS = {
  b1: { contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 },
  b2: { contactPin: 3, loopPin: 1, lampPin: 7, sirenPin: 8 },
}
const PLACES = { b1: '学校门口 School gate', b2: '幼儿园大厅 Kindergarten hall' }
const DOOR = { strikePin: 5, contactPin: 2, rexPin: 3 }

export class DeskEstate {
  readonly dir = mkdtempSync(join(tmpdir(), 'linli-desk-'))
  sim!: Program
  hub!: Program
  gateway!: Program
  district!: Program
  #ports = { mqtt: 0, http: 0 }
  readonly #flows: boolean

  constructor({ flows }: { flows: boolean }) {
    this.#flows = flows
    mkdirSync(join(this.dir, 'ports'))
  }

  async start(): Promise<this> {
    try {
      await this.#addPeople()
      const added = linli('client', [
        'add',
        'gw-1',
        '--role',
        'gateway',
        '--gateway',
        'gw-1',
        '--data',
        this.hubDir,
        '--json',
      ])
      await Promise.all([this.#startSim(), this.#startDistrict(), added])
      await this.startHub()
      await this.#startGateway((JSON.parse(await added) as { secret: string }).secret)
    } catch (error) {
      await this.end()
      throw error
    }
    return this
  }

  async #addPeople(): Promise<void> {
    mkdirSync(this.hubDir, { mode: 0o700 })
    const people = await openPeople(peopleFile(this.hubDir, () => undefined))
    const secret = await hashSecret(SECRET)
    for (const [name, role] of STAFF) await people.put(name, { role, language: 'zh', secret, epoch: newEpoch() })
  }

  async #startSim(): Promise<void> {
    const buttons = Object.entries(BUTTONS).map(([id, pins]) => ({ kind: 'alarm-button', id, ...pins }))
    const door = { kind: 'door', id: 'd1', strike: 'fail-secure', ...DOOR, closer_ms: 500 }
    const boards = [
      { id: 'board-1', kind: 'protocol', baud: 57600, port: this.#port('board-1'), devices: buttons },
      { id: 'board-2', kind: 'protocol', baud: 57600, port: this.#port('board-2'), devices: [door] },
    ]
    this.sim = await startProgram('hardware-sim/main.ts', ['--config', this.#json('sim.json', { seed: 1, boards })])
  }

  async #startDistrict(): Promise<void> {
    this.district = await startProgram('hub/broker/stand-in/main.ts', ['--port', '0', '--record', this.#record])
  }

  async startHub(): Promise<void> {
    const args = ['--data', this.hubDir, '--site', SITE_TEXT, '--log-level', 'warn', '--host', '127.0.0.1']
    const upstream = ['--upstream', `mqtt://127.0.0.1:${this.district.ready.port}`]
    const ports = ['--mqtt-port', String(this.#ports.mqtt), '--http-port', String(this.#ports.http)]
    const flows = this.#flows ? [] : ['--no-flows']
    const secure = ['--mqtts-port', '0', '--https-port', '0']
    this.hub = await startProgram('hub/main.ts', [...args, ...upstream, ...ports, ...secure, ...flows])
    this.#ports = { mqtt: Number(this.hub.ready.mqttPort), http: Number(this.hub.ready.httpPort) }
  }

  async #startGateway(password: string): Promise<void> {
    const buttons = Object.entries(BUTTONS).map(([id, pins]) => ({
      kind: 'alarm-button',
      id,
      board: 'board-1',
      place: { building: id, spot: 'hall', label: PLACES[id as keyof typeof PLACES] },
      ...pins,
    }))
    const door = {
      kind: 'door',
      id: 'd1',
      board: 'board-2',
      place: { spot: 'entrance', label: '东门 East door' },
      strike: 'fail-secure',
      inputs: { contact: { pin: DOOR.contactPin }, rex: { pin: DOOR.rexPin } },
      outputs: { strike: DOOR.strikePin },
    }
    const config = {
      gateway: 'gw-1',
      site: SITE,
      data: join(this.dir, 'gw-1'),
      uplink: { url: `mqtt://127.0.0.1:${this.#ports.mqtt}`, username: 'gw-1', password },
      boards: ['board-1', 'board-2'].map((id) => ({ id, port: this.#port(id), baud: 57600 })),
      devices: [...buttons, door],
    }
    this.gateway = await startProgram('firmware/main.ts', ['--config', this.#json('gw-1.json', config)])
  }

  press(device: string, for_ms = 120): void {
    this.sim.send({ do: 'press', device, for_ms })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#ports.http}`
  }
  get hubDir(): string {
    return join(this.dir, 'hub')
  }
  get #record(): string {
    return join(this.dir, 'district.ndjson')
  }
  #port(name: string): string {
    return join(this.dir, 'ports', `tty-${name}`)
  }

  /** Payloads that the district acknowledged, of topics that end so. */
  async received(ending: string): Promise<Array<Record<string, unknown>>> {
    const lines = (await readFile(this.#record, 'utf8').catch(() => '')).split('\n').slice(0, -1)
    return lines
      .map((line) => JSON.parse(line) as { topic: string; payload: string })
      .filter(({ topic, payload }) => topic.endsWith(ending) && payload !== '')
      .map(({ payload }) => JSON.parse(payload) as Record<string, unknown>)
  }

  async flowsPid(): Promise<number | undefined> {
    const health = (await (await fetch(`${this.url}/healthz`)).json()) as { flows: { status: string; pid?: number } }
    return health.flows.status === 'running' ? health.flows.pid : undefined
  }

  #json(name: string, value: unknown): string {
    const file = join(this.dir, name)
    writeFileSync(file, JSON.stringify(value), { mode: 0o600 })
    return file
  }

  async end(): Promise<void> {
    await Promise.all([this.gateway, this.hub, this.sim, this.district].map((program) => program?.kill()))
    rmSync(this.dir, { recursive: true, force: true })
  }
}
