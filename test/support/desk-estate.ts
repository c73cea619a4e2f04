import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { hashSecret } from '../../hub/auth/secret.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { openFolder } from '../../hub/journal/folder.ts'
import { peopleFile } from '../../hub/people/files.ts'
import { newEpoch, openPeople } from '../../hub/people/people.ts'
import type { Role } from '../../hub/people/roles.ts'
import { writeSite } from '../../hub/site/site-file.ts'
import { linli } from './linli.ts'
import { type Program, startProgram } from './program.ts'

/**
 * What a duty desk stands on, as real processes: two alarm buttons and a door on simulated boards, their gateway, a hub with
 * logins and flows, and a district that records what it acknowledges; as a whole with a pocket park and a camera at `b1` too.
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
const CAMERA = { user: 'linli', password: 'a password of a camera' }
const PARK_UNITS = [
  { kind: 'modbus-slave', id: 's1', unit: 1, input: [{ address: 1, values: [0x0131, 0x0222] }] },
  { kind: 'relay-module', id: 'relays', unit: 9 },
]
const DOOR = { strikePin: 5, contactPin: 2, rexPin: 3 }

const PARK = [
  {
    ...{ kind: 'park-sensor', id: 'air-1', bus: 'bus-1', unit: 1, profile: 'xy-md02' },
    place: { spot: 'park', label: '口袋公园空气 Pocket park air' },
    intervals_ms: { temperature: 500, humidity: 500 },
  },
  {
    ...{ kind: 'park-sensor', id: 'relay-1', bus: 'bus-1', unit: 9, profile: 'waveshare-relay-8' },
    place: { spot: 'park', label: '口袋公园灯 Pocket park lamp' },
    outputs: [{ name: 'lamp', as: 'lamp', coil: 2, on_max_ms: 600_000 }],
  },
]

export class DeskEstate {
  readonly dir = mkdtempSync(join(tmpdir(), 'linli-desk-'))
  sim!: Program
  hub!: Program
  gateway!: Program
  district!: Program
  #ports = { mqtt: 0, http: 0 }
  readonly #flows: boolean
  readonly #isWhole: boolean

  constructor({ flows, isWhole = false }: { flows: boolean; isWhole?: boolean }) {
    this.#flows = flows
    this.#isWhole = isWhole
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
      if (this.#isWhole) await this.#addCamera()
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
    const bus = { id: 'bus-1', baud: 19_200, port: this.#port('bus-1'), devices: PARK_UNITS }
    const more = this.#isWhole ? { buses: [bus], onvif: [{ id: 'hall', port: 0, ...CAMERA }] } : {}
    const config = this.#json('sim.json', { seed: 1, boards, ...more })
    this.sim = await startProgram('hardware-sim/main.ts', ['--config', config])
  }

  async #addCamera(): Promise<void> {
    const port = (this.sim.ready.onvif as Array<{ port: number }>)[0]?.port
    const login = { username: CAMERA.user, passwordfile: 'camera.password' }
    const hall = { url: `http://127.0.0.1:${port}/onvif/device_service`, place: { building: 'b1' }, login }
    writeFileSync(join(this.hubDir, login.passwordfile), CAMERA.password, { mode: 0o600 })
    const site = { version: 1, site: SITE_TEXT, name: 'hub-1', language: 'zh', timeZone: 'UTC', gateways: {} } as const
    await writeSite(await openFolder(this.hubDir), { ...site, cameras: { hall } })
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
      ...(this.#isWhole ? { buses: [{ id: 'bus-1', port: this.#port('bus-1'), baud: 19_200 }] } : {}),
      devices: [...buttons, door, ...(this.#isWhole ? PARK : [])],
    }
    this.gateway = await startProgram('firmware/main.ts', ['--config', this.#json('gw-1.json', config)])
  }

  press(device: string, for_ms = 120): void {
    this.sim.send({ do: 'press', device, for_ms })
  }

  /** Logs in as another gateway would, and says what its park sensor measured in the past. */
  async tellReadings(readings: ReadonlyArray<readonly [at_ms: number, value: number]>): Promise<void> {
    const add = ['add', 'gw-2', '--role', 'gateway', '--gateway', 'gw-2', '--data', this.hubDir, '--json']
    const { secret } = JSON.parse(await linli('client', add)) as { secret: string }
    const url = `mqtt://127.0.0.1:${this.#ports.mqtt}`
    const client = await mqtt.connectAsync(url, { username: 'gw-2', password: secret, clientId: 'gw-2' })
    const address = { ...SITE, gateway: 'gw-2', class: 'park-sensor', device: 'pond-1' } as const
    const meta = {
      ...{ class: address.class, model: 'a probe', driver: { name: 'test', version: '1' }, capabilities: [] },
      place: { spot: 'pond', label: '池塘 Pond' },
    }
    const availability = { status: 'online', since: new Date().toISOString() }
    const stamp = { wall_ms: Date.now(), monotonic_ms: 1_000, quality: 'synced' } as const
    const pack = readings.map(([at_ms, v]) => ({ n: 'water-level', u: 'm', t: at_ms / 1000, v }))
    const told = makeEvent({ address, bootid: 'b1', sequence: 1 }, 'telemetry', 'notice', stamp, pack)
    const say = (channel: 'meta' | 'avail' | 'tele', body: object) =>
      client.publishAsync(formatTopic({ ...address, channel }), JSON.stringify(body), {
        qos: 1,
        retain: channel !== 'tele',
      })
    await say('meta', meta)
    await say('avail', availability)
    await say('tele', told)
    await client.endAsync()
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
