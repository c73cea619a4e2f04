import { type Static, Type } from 'typebox'
import { decode } from './decode.ts'
import { DEVICE_KINDS, type DeviceConfig, decodeDevice } from './devices/kinds.ts'
import { SimError } from './error.ts'

const BOARDS_MAX = 256

const BoardFrame = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    kind: Type.Union([Type.Literal('protocol'), Type.Literal('firmware')]),
    baud: Type.Integer({ minimum: 300, maximum: 1_000_000 }),
    /** Path of the link that the host opens. */
    port: Type.String({ minLength: 1, maxLength: 1000 }),
    /** Time from power to the first byte, protocol boards only; 50 ms if not given. */
    boot_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    devices: Type.Array(Type.Unknown(), { maxItems: 20 }),
  },
  { additionalProperties: false },
)

const ConfigFrame = Type.Object(
  {
    boards: Type.Array(BoardFrame, { minItems: 1, maxItems: BOARDS_MAX }),
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff_ffff })),
  },
  { additionalProperties: false },
)

export type BoardConfig = Omit<Static<typeof BoardFrame>, 'devices'> & { devices: DeviceConfig[] }

export interface SimConfig {
  boards: BoardConfig[]
  /** Of everything random: bounce, noise, glitches. */
  seed: number
}

/** The hex file is compiled for this speed. */
const FIRMWARE_BAUD = 57_600

/** @throws SimError SIM_CONFIG_INVALID with the path of the field, what is allowed there and what was found */
export function decodeConfig(data: unknown): SimConfig {
  const frame = decode(ConfigFrame, data, '', 'SIM_CONFIG_INVALID')
  const boards = frame.boards.map((board, index) => ({
    ...board,
    devices: board.devices.map((device, place) => decodeDevice(device, `boards[${index}].devices[${place}]`)),
  }))
  for (const [index, board] of boards.entries()) checkBoard(board, `boards[${index}]`)
  checkUnique(boards.map((board, index) => [`boards[${index}].id`, board.id]))
  checkUnique(boards.map((board, index) => [`boards[${index}].port`, board.port]))
  checkUnique(
    boards.flatMap((board, index) =>
      board.devices.map((device, place): [string, string] => [`boards[${index}].devices[${place}].id`, device.id]),
    ),
  )
  return { boards, seed: frame.seed ?? 1 }
}

function checkBoard(board: BoardConfig, at: string): void {
  if (board.kind === 'firmware' && board.baud !== FIRMWARE_BAUD) {
    fail(`${at}.baud: must be ${FIRMWARE_BAUD} on a firmware board, found ${board.baud}`)
  }
  if (board.kind === 'firmware' && board.boot_ms !== undefined) {
    fail(`${at}.boot_ms: a firmware board takes the time its firmware takes`)
  }
  const pins = board.devices.flatMap((device, place) =>
    Object.entries(DEVICE_KINDS[device.kind].pins(device)).map(([field, pin]): [string, string] => [
      `${at}.devices[${place}].${field}`,
      String(pin),
    ]),
  )
  checkUnique(pins)
}

function checkUnique(entries: [where: string, value: string][]): void {
  const first = new Map<string, string>()
  for (const [where, value] of entries) {
    const taken = first.get(value)
    if (taken) fail(`${where}: ${value} is taken by ${taken}`)
    first.set(value, where)
  }
}

function fail(message: string): never {
  throw new SimError('SIM_CONFIG_INVALID', message)
}
