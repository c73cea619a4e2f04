import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../web/free-port.ts'
import { DEMO_SITE, portOf } from './estate.ts'

/** The entrance of the demo estate at gw-1: a door with a card reader on a bus, a vehicle barrier with a camera. */

export const ENTRANCE_GATEWAY = 'gw-1'
const BOARD = 'board-c'
const BUS = 'bus-1'
const CAMERA = 'cam-1'

export const DEMO_GATES = [
  { id: 'd1', label: '东门 East door' },
  { id: 'v1', label: '车辆入口 Vehicle entrance' },
] as const

/** Known to the estate by `linli credential import`; the others are strangers. */
export const KNOWN_CARD = { facility: 17, number: 5123 }
export const UNKNOWN_CARD = { facility: 17, number: 9999 }
export const KNOWN_PLATE = '粤B12345'
export const UNKNOWN_PLATE = '粤B99999'

/** As `linli credential import` reads it. */
export const CREDENTIALS_CSV = [
  'kind,text,class,gates',
  `card,h10301:${KNOWN_CARD.facility}:${KNOWN_CARD.number},resident,d1`,
  `plate,${KNOWN_PLATE},resident,v1`,
  '',
].join('\n')

const DOOR = { strikePin: 5, contactPin: 2, rexPin: 3 }
const BARRIER = {
  raisePin: 6,
  lowerPin: 7,
  upPin: 8,
  downPin: 9,
  safetyPin: 10,
  approachPin: 11,
  beamPin: 12,
  exitPin: 4,
  lampPin: 13,
}

/** What the parts of the entrance know each other by, new for each run. */
export interface EntranceSecrets {
  /** Of the reader's secure channel, hex. */
  readerKey: string
  /** Of the camera, hex. */
  cameraToken: string
  /** Where the gateway listens to its camera, on loopback. */
  cameraPort: number
}

export async function newSecrets(): Promise<EntranceSecrets> {
  const hex = () => randomBytes(16).toString('hex')
  return { readerKey: hex(), cameraToken: hex(), cameraPort: await freePort('--mqtt-port', '127.0.0.1', 0) }
}

/** What the simulator gets besides the buttons. */
export function entranceSimulation(dir: string, kind: string, secrets: EntranceSecrets) {
  const devices = [
    { kind: 'door', id: 'd1', strike: 'fail-secure', ...DOOR },
    { kind: 'barrier', id: 'v1', ...BARRIER },
  ]
  const reader = { kind: 'osdp-reader', id: 'r1', address: 1, scbk: secrets.readerKey }
  return {
    boards: [{ id: BOARD, kind, baud: 57600, port: portOf(dir, BOARD), devices }],
    buses: [{ id: BUS, baud: 38400, port: portOf(dir, BUS), devices: [reader] }],
    cameras: [
      {
        id: CAMERA,
        device: 'v1',
        // One that never misses: the demo shows what follows.
        misread_share: 0,
        noread_share: 0,
        post: `http://127.0.0.1:${secrets.cameraPort}/plate/${CAMERA}`,
        token: secrets.cameraToken,
      },
    ],
  }
}

/** What the gateway of the entrance gets besides its buttons. */
export function entranceWiring(dir: string, siteKey: string, secrets: EntranceSecrets) {
  const readerKey = writeSecret(dir, 'reader.key', secrets.readerKey)
  const tokenFile = writeSecret(dir, 'camera.token', secrets.cameraToken)
  const on = (id: string) => ({ id, board: BOARD, place: { spot: 'entrance', label: labelOfGate(id) } })
  return {
    // A board that serves a barrier is asked often whether it lives.
    boards: [{ id: BOARD, port: portOf(dir, BOARD), baud: 57600, watchdog_ms: 300 }],
    devices: [
      {
        kind: 'door',
        ...on('d1'),
        strike: 'fail-secure',
        inputs: { contact: { pin: DOOR.contactPin }, rex: { pin: DOOR.rexPin } },
        outputs: { strike: DOOR.strikePin },
      },
      {
        kind: 'barrier',
        ...on('v1'),
        direction: 'in',
        inputs: {
          up: { pin: BARRIER.upPin },
          down: { pin: BARRIER.downPin },
          safety: { pin: BARRIER.safetyPin },
          beam: { pin: BARRIER.beamPin },
          // The simulator's detectors are of the kind that opens a contact on a vehicle, and on a fault.
          approach: { pin: BARRIER.approachPin, onWhen: 'high' },
          exit: { pin: BARRIER.exitPin, onWhen: 'high' },
        },
        outputs: { raise: BARRIER.raisePin, lower: BARRIER.lowerPin, lamp: BARRIER.lampPin },
      },
    ],
    readerBuses: [
      {
        id: BUS,
        port: portOf(dir, BUS),
        baud: 38400,
        readers: [{ id: 'r1', address: 1, gate: 'd1', direction: 'in', keyFile: readerKey }],
      },
    ],
    cameras: {
      listen: { port: secrets.cameraPort },
      list: [{ id: CAMERA, gate: 'v1', direction: 'in', tokenFile }],
    },
    credentials: { keyFile: siteKey },
  }
}

export function labelOfGate(id: string): string | undefined {
  return id === CAMERA ? '车辆入口摄像机 Entrance camera' : DEMO_GATES.find((gate) => gate.id === id)?.label
}

/** The hub itself, to which what means the whole estate is told. */
export const DEMO_HUB = { ...DEMO_SITE, gateway: 'hub', class: 'hub', device: 'hub-1' } as const
export const DEMO_BARRIER = { ...DEMO_SITE, gateway: ENTRANCE_GATEWAY, class: 'access-gate', device: 'v1' } as const

/** For the eyes of this user only. */
export function writeSecret(dir: string, name: string, text: string): string {
  const file = join(dir, name)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}
