import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSerialBytePort } from '../../firmware/adapters/serialport.ts'
import { DEMO_SITE } from '../../hub/cli/demo/estate.ts'
import { siteKeyFile } from '../../hub/credentials/site-key.ts'
import { linli } from '../support/linli.ts'
import { type Program, startProgram } from '../support/program.ts'
import type { Bench } from './bench.ts'
import { closeAtEnd, startHub, startUpstream } from './paths.ts'
import { KEY_HEX, type ReaderLine, readerId, simulatedBus, startBus } from './reader-line.ts'
import { type TappedPort, tapped } from './tapped-port.ts'

/** Doors with a card reader each, of real processes: simulated board and readers on ptys, gateway, hub, upstream. */

export interface Entrance {
  doors: Door[]
  /** The reader of the line that has no gateway, but a bus in this process, and what passes on it. */
  alone: { reader: string; port: TappedPort }
  /** Holds the card that opens every door before a reader. */
  present(reader: string): void
}

export interface Door {
  id: string
  reader: string
}

/** What the simulator tells of doors and readers; epoch ms with fractions. */
export interface Physical {
  type: string
  device: string
  at_ms: number
  state?: string
  output?: string
  on?: boolean
  color?: string
}

const CARD = { facility: 17, number: 5123 }
const BOARD_BAUD = 57_600
/** A typical reader takes a little longer than the standard's two characters. */
const REPLY_MS = 2
/** The least that a door may be configured to: the next card waits for it. */
const UNLOCK_MS = 1000
const PINS = [
  { strikePin: 5, contactPin: 9 },
  { strikePin: 6, contactPin: 10 },
  { strikePin: 7, contactPin: 11 },
  { strikePin: 8, contactPin: 12 },
]
const BAUD = 38_400
const lineOf = (id: string): ReaderLine => ({ id, baud: BAUD, readers: 1, secure: true })
const ALONE = lineOf('alone')
const DOORS = PINS.map((pins, index) => ({ id: `d${index}`, line: lineOf(`l${index}`), pins }))

export async function startEntrance(
  bench: Bench,
  on: { physical(event: Physical): void; cardAlone(at_ms: number): void },
): Promise<Entrance> {
  const dir = bench.folder('entrance')
  mkdirSync(join(dir, 'ports'))
  const portOf = (id: string) => join(dir, 'ports', id)
  const file = (name: string, value: unknown) => {
    const path = join(dir, name)
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 })
    return path
  }
  const hub = await startHub(bench, await startUpstream(bench))
  const sim = await startProgram('hardware-sim/main.ts', ['--config', file('sim.json', simulator(portOf))], {
    onLine: (line) => on.physical(JSON.parse(line) as Physical),
  })
  closeAtEnd(bench, sim)
  const card = ['--kind', 'card', '--text', `h10301:${CARD.facility}:${CARD.number}`, '--class', 'resident']
  await linli('credential', ['add', '--data', hub.data, ...card])
  const config = {
    ...gatewayConfig(portOf, file('reader.key', KEY_HEX)),
    data: join(dir, 'gateway'),
    uplink: { url: `mqtt://127.0.0.1:${hub.mqttPort}` },
    credentials: { keyFile: siteKeyFile(hub.data) },
  }
  closeAtEnd(bench, await startGateway(file('gateway.json', config)))
  const port = tapped(createSerialBytePort({ path: portOf(ALONE.id), baud: BAUD }))
  const bus = await startBus(port, ALONE, {
    onEvent: (event) => {
      if (event.type === 'card') on.cardAlone(performance.timeOrigin + performance.now())
    },
  })
  bench.closers.push(() => bus.close())
  return {
    doors: DOORS.map(({ id, line }) => ({ id, reader: readerId(line, 0) })),
    alone: { reader: readerId(ALONE, 0), port },
    present: (reader) => sim.send({ do: 'card', reader, ...CARD }),
  }
}

function startGateway(config: string): Promise<Program> {
  return startProgram('firmware/main.ts', ['--config', config, '--log-level', 'warn'])
}

function simulator(portOf: (id: string) => string): object {
  const devices = DOORS.map(({ id, pins }) => ({ kind: 'door', id, strike: 'fail-secure', ...pins }))
  return {
    exact_timing: true,
    boards: [{ id: 'board-1', kind: 'protocol', baud: BOARD_BAUD, port: portOf('board-1'), devices }],
    buses: [...DOORS.map(({ line }) => line), ALONE].map((line) => simulatedBus(line, portOf(line.id), REPLY_MS)),
  }
}

function gatewayConfig(portOf: (id: string) => string, keyFile: string) {
  return {
    gateway: 'gw-1',
    site: DEMO_SITE,
    boards: [{ id: 'board-1', port: portOf('board-1'), baud: BOARD_BAUD }],
    devices: DOORS.map(({ id, pins }) => ({
      kind: 'door',
      id,
      board: 'board-1',
      place: { spot: 'entrance' },
      strike: 'fail-secure',
      inputs: { contact: { pin: pins.contactPin } },
      outputs: { strike: pins.strikePin },
      unlock_ms: UNLOCK_MS,
    })),
    readerBuses: DOORS.map(({ id, line }) => ({
      id: line.id,
      port: portOf(line.id),
      baud: BAUD,
      readers: [{ id: readerId(line, 0), address: 0, gate: id, direction: 'in', keyFile }],
    })),
  }
}
