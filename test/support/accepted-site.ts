import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SITE, SITE_TEXT } from './estate.ts'
import { linli } from './linli.ts'
import { type Program, startProgram } from './program.ts'

/** A site as an installer meets it: parts on simulated hardware, a sheet of devices, a hub with its authority, one gateway. */

const BUTTON = { contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 }
const DOOR = { strikePin: 5, contactPin: 2, rexPin: 3 }
const BARRIER = { raisePin: 6, lowerPin: 7, upPin: 8, downPin: 9, safetyPin: 10, approachPin: 11, beamPin: 12 }

/** The sheet that the installer fills in; an empty cell is a field that the kind does not have. */
function sheetOf(port: (name: string) => string): string {
  const rows: Array<Record<string, string | number>> = [
    {
      种类: 'alarm-button',
      编号: 'b1',
      楼栋: '3 号楼',
      楼层: '1 层',
      位置: '大堂',
      名称: '三号楼大堂报警按钮',
      板: 'board-1',
      串口: port('board-1'),
      ...BUTTON,
    },
    {
      种类: 'door',
      编号: 'd1',
      位置: '东门',
      名称: '东门',
      板: 'board-2',
      串口: port('board-2'),
      strike: 'fail-secure',
      unlock_ms: 2500,
      'inputs.contact.pin': DOOR.contactPin,
      'outputs.strike': DOOR.strikePin,
    },
    {
      种类: 'barrier',
      编号: 'v1',
      位置: '车辆入口',
      名称: '车辆入口道闸',
      板: 'board-2',
      direction: 'in',
      'inputs.up.pin': BARRIER.upPin,
      'inputs.down.pin': BARRIER.downPin,
      'inputs.safety.pin': BARRIER.safetyPin,
      'outputs.raise': BARRIER.raisePin,
      'outputs.lower': BARRIER.lowerPin,
    },
    {
      种类: 'park-sensor',
      编号: 'air-1',
      位置: '口袋公园',
      名称: '口袋公园空气',
      总线: 'bus-1',
      串口: port('bus-1'),
      unit: 1,
      profile: 'xy-md02',
      'intervals_ms.temperature': 2000,
      'intervals_ms.humidity': 2000,
    },
  ]
  const columns = ['网关', ...new Set(rows.flatMap((row) => Object.keys(row)))]
  const lines = rows.map((row) => columns.map((column) => (column === '网关' ? 'gw-1' : (row[column] ?? ''))).join(','))
  return `${[columns.join(','), ...lines].join('\n')}\n`
}

interface GatewayPart {
  devices: object[]
  readerBuses?: object[]
  credentials?: object
}

export class AcceptedSite {
  readonly dir = mkdtempSync(join(tmpdir(), 'linli-site-'))
  readonly data = join(this.dir, 'hub')
  sim!: Program
  hub!: Program
  district!: Program
  gateway!: Program

  /** The parts on the wall, and a district; nothing of the site itself. */
  async startWorld(): Promise<void> {
    mkdirSync(join(this.dir, 'ports'))
    const board = (id: string, devices: object[]) => ({
      id,
      kind: 'protocol',
      baud: 57600,
      port: this.#port(id),
      devices,
    })
    const config = {
      seed: 1,
      city: { start: '2026-06-02T09:00:00+08:00' },
      parks: [{ id: 'park', outputs: { lamp: 'relays/0', valve: 'relays/1' } }],
      boards: [
        board('board-1', [{ kind: 'alarm-button', id: 'b1', ...BUTTON }]),
        board('board-2', [
          { kind: 'door', id: 'd1', strike: 'fail-secure', ...DOOR, closer_ms: 300 },
          { kind: 'barrier', id: 'v1', ...BARRIER },
        ]),
      ],
      buses: [
        {
          id: 'bus-1',
          baud: 9600,
          port: this.#port('bus-1'),
          devices: [
            { kind: 'park-sensor', id: 'air-1', unit: 1, park: 'park', model: 'xy-md02' },
            { kind: 'relay-module', id: 'relays', unit: 9 },
          ],
        },
        // As it came from the factory.
        {
          id: 'bus-2',
          baud: 38_400,
          port: this.#port('bus-2'),
          devices: [{ kind: 'osdp-reader', id: 'r1', address: 1 }],
        },
      ],
    }
    this.sim = await startProgram('hardware-sim/main.ts', ['--config', this.write('sim.json', JSON.stringify(config))])
    this.district = await startProgram('hub/broker/stand-in/main.ts', ['--port', '0'])
    this.write(
      'devices.csv',
      sheetOf((name) => this.#port(name)),
    )
  }

  async startHub(): Promise<void> {
    const ports = ['http', 'mqtts', 'https'].flatMap((one) => [
      `--${one}-port`,
      String(this.hub?.ready[`${one}Port`] ?? 0),
    ])
    const upstream = `mqtt://127.0.0.1:${this.district.ready.port}`
    this.hub = await startProgram('hub/main.ts', [
      ...['--data', this.data, '--host', '127.0.0.1', '--no-flows', '--upstream', upstream],
      ...ports,
    ])
  }

  /** What a new gateway's own file says: who it is; all else comes from the site. */
  async startGateway(): Promise<void> {
    const config = { gateway: 'gw-1', site: SITE, data: join(this.dir, 'gw-1'), boards: [], devices: [] }
    this.gateway = await startProgram('firmware/main.ts', ['--config', this.write('gw-1.json', JSON.stringify(config))])
  }

  async init(): Promise<void> {
    await linli('init', ['--data', this.data, '--site', SITE_TEXT, '--language', 'zh', '--yes'])
  }

  /** What no sheet carries: a card reader at the door and what is switched in the park, as an installer writes it by hand. */
  addReaderAndOutputs(siteKey: string): void {
    const file = join(this.data, 'site.json')
    const site = JSON.parse(readFileSync(file, 'utf8')) as { gateways: Record<string, GatewayPart> }
    const part = site.gateways['gw-1'] as GatewayPart
    part.readerBuses = [
      {
        id: 'bus-2',
        port: this.#port('bus-2'),
        baud: 38_400,
        readers: [{ id: 'r1', address: 1, gate: 'd1', direction: 'in' }],
      },
    ]
    part.credentials = { keyFile: siteKey }
    part.devices.push({
      kind: 'park-sensor',
      id: 'park-1',
      place: { spot: '口袋公园' },
      bus: 'bus-1',
      unit: 9,
      profile: 'waveshare-relay-8',
      outputs: [
        { name: 'path-lamp', as: 'lamp', coil: 0, on_max_ms: 10_000 },
        { name: 'lawn', as: 'valve', coil: 1 },
      ],
    })
    writeFileSync(file, JSON.stringify(site, null, 2))
  }

  write(name: string, text: string): string {
    const file = join(this.dir, name)
    writeFileSync(file, text)
    return file
  }

  #port(name: string): string {
    return join(this.dir, 'ports', `tty-${name}`)
  }

  async end(): Promise<void> {
    await Promise.all([this.gateway?.kill(), this.hub?.kill(), this.sim?.kill(), this.district?.kill()])
    rmSync(this.dir, { recursive: true, force: true })
  }
}
