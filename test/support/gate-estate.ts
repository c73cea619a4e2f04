import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import type { Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { type DeviceClass, formatTopic } from '../../hub/contract/topic.ts'
import { SITE, SITE_TEXT } from './estate.ts'
import { Overheard } from './overheard.ts'
import { type Program, startProgram } from './program.ts'

/** An estate entrance of real processes on ptys: a door with an OSDP reader, a barrier, a gateway, a hub and its district. */

const READER_KEY = '000102030405060708090a0b0c0d0e0f'
const DOOR_PINS = { strikePin: 5, contactPin: 2, rexPin: 3 }
const BARRIER_PINS = { raisePin: 6, lowerPin: 7, upPin: 8, downPin: 9, safetyPin: 10, approachPin: 11, beamPin: 12 }

export interface Told {
  topic: string
  payload: Record<string, unknown>
}

/** Parts of the two configurations beside those of every gate estate. */
export interface Additions {
  sim?: object
  gateway?: object
  /** Options of the hub. */
  hub?: string[]
  /** The card reader is as it came from the factory, and the gateway has no key for it. */
  isReaderNew?: boolean
  /** What the devices are that the test asks for; gates if not given. */
  deviceClass?: DeviceClass
}

export class GateEstate {
  readonly dir = mkdtempSync(join(tmpdir(), 'linli-gates-'))
  readonly told: Told[] = []
  readonly #overheard = new Overheard()
  sim!: Program
  hub!: Program
  gateway!: Program
  #platform: MqttClient | undefined
  #commands = 0
  #hubPort = 0
  readonly #more: Additions

  /** @param more may be made with the paths of serial lines, by name */
  constructor(more: Additions | ((port: (name: string) => string) => Additions) = {}) {
    this.#more = typeof more === 'function' ? more((name) => this.#port(name)) : more
  }

  async start(): Promise<this> {
    try {
      await this.startSim()
      await this.startHub()
      await this.startGateway()
    } catch (error) {
      await this.end()
      throw error
    }
    return this
  }

  async startSim(): Promise<void> {
    mkdirSync(join(this.dir, 'ports'))
    const devices = [
      { kind: 'door', id: 'd1', strike: 'fail-secure', ...DOOR_PINS, closer_ms: 500 },
      { kind: 'barrier', id: 'v1', ...BARRIER_PINS },
    ]
    const config = {
      seed: 1,
      boards: [{ id: 'board-1', kind: 'protocol', baud: 57600, port: this.#port('board'), devices }],
      buses: [
        {
          id: 'bus-1',
          baud: 38400,
          port: this.#port('bus'),
          devices: [
            { kind: 'osdp-reader', id: 'r1', address: 1, ...(this.#more.isReaderNew ? {} : { scbk: READER_KEY }) },
          ],
        },
      ],
      ...this.#more.sim,
    }
    this.sim = await startProgram('hardware-sim/main.ts', ['--config', this.#json('sim.json', config)])
  }

  async startHub(): Promise<void> {
    const args = ['--dev', '--no-flows', '--data', this.hubData, '--site', SITE_TEXT, '--log-level', 'info']
    this.hub = await startProgram('hub/main.ts', [
      ...args,
      '--mqtt-port',
      String(this.#hubPort),
      '--http-port',
      '0',
      ...(this.#more.hub ?? []),
    ])
    this.#hubPort = Number(this.hub.ready.mqttPort)
    // Two clients of one id would take each other's place for ever.
    await this.#platform?.endAsync(true)
    const platform = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: this.#hubPort,
      clientId: 'platform',
      reconnectPeriod: 50,
      protocolVersion: 4,
    })
    this.#platform = platform
    platform.on('message', (topic, payload) => {
      if (payload.length === 0) return
      const told: Told = { topic, payload: JSON.parse(payload.toString('utf8')) as Told['payload'] }
      this.told.push(told)
      this.#overheard.judge(topic, told.payload)
    })
    await platform.subscribeAsync('linli/#', { qos: 1 })
  }

  async startGateway(): Promise<void> {
    const readerKey = this.#more.isReaderNew ? {} : { keyFile: this.#secret('reader.key', READER_KEY) }
    const place = { spot: 'entrance' }
    const { strikePin, contactPin, rexPin } = DOOR_PINS
    const { raisePin, lowerPin, upPin, downPin, safetyPin, approachPin, beamPin } = BARRIER_PINS
    const config = {
      gateway: 'gw-1',
      site: SITE,
      data: join(this.dir, 'gateway'),
      uplink: { url: `mqtt://127.0.0.1:${this.#hubPort}` },
      boards: [{ id: 'board-1', port: this.#port('board'), baud: 57600, watchdog_ms: 300 }],
      devices: [
        {
          kind: 'door',
          id: 'd1',
          board: 'board-1',
          place,
          strike: 'fail-secure',
          unlock_ms: 2500,
          inputs: { contact: { pin: contactPin }, rex: { pin: rexPin } },
          outputs: { strike: strikePin },
        },
        {
          kind: 'barrier',
          id: 'v1',
          board: 'board-1',
          place,
          direction: 'in',
          inputs: {
            up: { pin: upPin },
            down: { pin: downPin },
            safety: { pin: safetyPin },
            approach: { pin: approachPin, onWhen: 'high' },
            beam: { pin: beamPin },
          },
          outputs: { raise: raisePin, lower: lowerPin },
        },
      ],
      readerBuses: [
        {
          id: 'bus-1',
          port: this.#port('bus'),
          baud: 38400,
          readers: [{ id: 'r1', address: 1, gate: 'd1', direction: 'in', ...readerKey }],
        },
      ],
      credentials: { keyFile: this.siteKeyFile },
      ...this.#more.gateway,
    }
    this.gateway = await startProgram('firmware/main.ts', [
      '--config',
      this.#json('gateway.json', config),
      '--log-level',
      'info',
    ])
  }

  get hubPort(): number {
    return this.#hubPort
  }
  get hubData(): string {
    return join(this.dir, 'hub')
  }
  get siteKeyFile(): string {
    return join(this.hubData, 'credentials.key')
  }

  /** Sends a command as a platform would; resolves with its id. */
  async command(device: string, name: string, args: object = {}, ttl_ms = 20_000): Promise<string> {
    const id = `t${++this.#commands}`
    const now_ms = Date.now()
    const command = {
      id,
      name,
      issuedat: new Date(now_ms).toISOString(),
      expiresat: new Date(now_ms + ttl_ms).toISOString(),
      actor: { kind: 'platform', id: 'test' },
      args,
    }
    const topic = formatTopic({ ...SITE, gateway: 'gw-1', class: this.#class, device, channel: 'cmd', name, id })
    await this.#platform?.publishAsync(topic, Buffer.from(encodeJson(command)), { qos: 1 })
    return id
  }

  results(id: string): Result[] {
    return this.told
      .filter(({ topic }) => topic.endsWith(`/res/${id}`))
      .map(({ payload }) => payload as unknown as Result)
  }

  events(device: string, type: string): Array<Record<string, unknown>> {
    const ending = `/${this.#class}/${device}/evt/${type}`
    return this.told
      .filter(({ topic }) => topic.endsWith(ending))
      .map(({ payload }) => payload.data as Record<string, unknown>)
  }

  state(device: string): Record<string, unknown> | undefined {
    return this.told.findLast(({ topic }) => topic.endsWith(`/${this.#class}/${device}/state`))?.payload
  }

  availability(device: string): Record<string, unknown> | undefined {
    return this.told.findLast(({ topic }) => topic.endsWith(`/${this.#class}/${device}/avail`))?.payload
  }

  gatewayState(): Record<string, unknown> | undefined {
    return this.told.findLast(({ topic }) => topic.endsWith('/gateway/gw-1/state'))?.payload
  }

  /** What physically happened. */
  physical(type: string): Array<Record<string, unknown>> {
    return this.sim.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((event) => event.type === type)
  }

  async end(): Promise<void> {
    await this.#platform?.endAsync(true)
    await Promise.all([this.gateway?.kill(), this.hub?.kill(), this.sim?.kill()])
    rmSync(this.dir, { recursive: true, force: true })
    this.#overheard.expectConformity()
  }

  get #class(): DeviceClass {
    return this.#more.deviceClass ?? 'access-gate'
  }
  #port(name: string): string {
    return join(this.dir, 'ports', `tty-${name}`)
  }
  #json(name: string, value: unknown): string {
    return this.#secret(name, JSON.stringify(value))
  }
  #secret(name: string, text: string): string {
    const file = join(this.dir, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
}
