import { type Static, Type } from 'typebox'
import { BUS_DEVICE_KINDS, type BusDeviceConfig, decodeBusDevice } from './buses/kinds.ts'
import { channelsOf } from './buses/modbus/config.ts'
import { CabinetFrame, wireOf } from './cabinets/config.ts'
import { CameraConfig } from './cameras/config.ts'
import { DiscoveryConfig, OnvifConfig } from './cameras/onvif/config.ts'
import { decode } from './decode.ts'
import { DEVICE_KINDS, type DeviceConfig, decodeDevice } from './devices/kinds.ts'
import { SimError } from './error.ts'
import { CityConfig, ParkConfig } from './park/config.ts'
import { TrafficConfig } from './traffic/config.ts'

const BOARDS_MAX = 256
const BUS_DEVICES_MAX = 247

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

/** An RS-485 line behind an adapter. */
const BusFrame = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    baud: Type.Integer({ minimum: 300, maximum: 1_000_000 }),
    /** Path of the link that the host opens. */
    port: Type.String({ minLength: 1, maxLength: 1000 }),
    /** With parity a byte takes a bit more; a pty carries neither parity nor stop bits. */
    parity: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('even'), Type.Literal('odd')])),
    stop_bits: Type.Optional(Type.Union([Type.Literal(1), Type.Literal(2)])),
    devices: Type.Array(Type.Unknown(), { maxItems: BUS_DEVICES_MAX }),
  },
  { additionalProperties: false },
)
export type BusConfig = Omit<Static<typeof BusFrame>, 'devices'> & { devices: BusDeviceConfig[] }

const ConfigFrame = Type.Object(
  {
    boards: Type.Array(BoardFrame, { maxItems: BOARDS_MAX }),
    buses: Type.Optional(Type.Array(BusFrame, { maxItems: BOARDS_MAX })),
    cabinets: Type.Optional(Type.Array(CabinetFrame, { maxItems: BOARDS_MAX })),
    city: Type.Optional(CityConfig),
    parks: Type.Optional(Type.Array(ParkConfig, { maxItems: BOARDS_MAX })),
    cameras: Type.Optional(Type.Array(CameraConfig, { maxItems: BOARDS_MAX })),
    onvif: Type.Optional(Type.Array(OnvifConfig, { maxItems: BOARDS_MAX })),
    discovery: Type.Optional(DiscoveryConfig),
    traffic: Type.Optional(Type.Array(TrafficConfig, { maxItems: BOARDS_MAX })),
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff_ffff })),
    exact_timing: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)

export type BoardConfig = Omit<Static<typeof BoardFrame>, 'devices'> & { devices: DeviceConfig[] }

export type CabinetConfig = Omit<CabinetFrame, 'devices'> & { devices: DeviceConfig[] }

export interface SimConfig {
  boards: BoardConfig[]
  buses?: BusConfig[]
  cabinets?: CabinetConfig[]
  city?: CityConfig
  parks?: ParkConfig[]
  cameras?: CameraConfig[]
  /** Network cameras that give snapshots. */
  onvif?: OnvifConfig[]
  discovery?: DiscoveryConfig
  traffic?: TrafficConfig[]
  /** Of everything random: bounce, noise, glitches. */
  seed: number
  /** Bytes on ptys are late by some 10 µs instead of up to 2 ms, at the cost of a core while a line is busy. */
  exact_timing?: boolean
}

/** The hex file is compiled for this speed. */
const FIRMWARE_BAUD = 57_600

/** @throws SimError SIM_CONFIG_INVALID with the path of the field, what is allowed there and what was found */
export function decodeConfig(data: unknown): SimConfig {
  const frame = decode(ConfigFrame, data, '', 'SIM_CONFIG_INVALID')
  const boards = frame.boards.map((board, index) => decodeDevices(board, `boards[${index}]`, decodeDevice))
  for (const [index, board] of boards.entries()) checkBoard(board, `boards[${index}]`)
  const buses = (frame.buses ?? []).map((bus, index) => decodeDevices(bus, `buses[${index}]`, decodeBusDevice))
  const cabinets = (frame.cabinets ?? []).map((one, index) => decodeDevices(one, `cabinets[${index}]`, decodeDevice))
  if (boards.length + buses.length === 0) fail('boards: must not have fewer than 1 items, unless there are buses')
  checkNames(boards, buses, cabinets)
  checkCabinets(cabinets, buses)
  checkParks(frame.parks ?? [], boards, cabinets, buses)
  const { cameras, traffic } = frame
  const kinds = new Map([...boards, ...cabinets].flatMap(({ devices }) => devices.map(({ id, kind }) => [id, kind])))
  checkCameras(cameras ?? [], kinds)
  checkUnique((frame.onvif ?? []).map(({ id }, index) => [`onvif[${index}].id`, id]))
  checkTraffic(traffic ?? [], kinds, new Set(idsOf(buses, 'osdp-reader')))
  return {
    boards,
    ...(frame.buses && { buses }),
    ...(frame.cabinets && { cabinets }),
    ...(frame.city && { city: frame.city }),
    ...(frame.parks && { parks: frame.parks }),
    ...(cameras && { cameras }),
    ...(traffic && { traffic }),
    ...(frame.onvif && { onvif: frame.onvif }),
    ...(frame.discovery && { discovery: frame.discovery }),
    ...(frame.exact_timing && { exact_timing: true }),
    seed: frame.seed ?? 1,
  }
}

function decodeDevices<Frame extends { devices: unknown[] }, D>(
  frame: Frame,
  at: string,
  decodeOne: (device: unknown, at: string) => D,
): Omit<Frame, 'devices'> & { devices: D[] } {
  return { ...frame, devices: frame.devices.map((device, place) => decodeOne(device, `${at}.devices[${place}]`)) }
}

function idsOf(buses: BusConfig[], ...kinds: BusDeviceConfig['kind'][]): string[] {
  return buses.flatMap(({ devices }) => devices.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id))
}

type Kinds = ReadonlyMap<string, DeviceConfig['kind']>

function checkCameras(cameras: CameraConfig[], kinds: Kinds): void {
  checkUnique(cameras.map(({ id }, index) => [`cameras[${index}].id`, id]))
  for (const [index, { device }] of cameras.entries()) {
    if (kinds.get(device) !== 'barrier') fail(`cameras[${index}].device: must be a barrier, found "${device}"`)
  }
}

function checkTraffic(traffic: TrafficConfig[], kinds: Kinds, readers: ReadonlySet<string>): void {
  checkUnique(traffic.map(({ id }, index) => [`traffic[${index}].id`, id]))
  for (const [index, { device, reader, cards, per_hour, counts }] of traffic.entries()) {
    const at = `traffic[${index}]`
    const kind = kinds.get(device)
    if (kind !== 'door' && kind !== 'barrier') fail(`${at}.device: must be a door or a barrier, found "${device}"`)
    if ((per_hour === undefined) === (counts === undefined)) fail(`${at}: must have either per_hour or counts`)
    if (reader !== undefined && !readers.has(reader)) fail(`${at}.reader: must be a reader, found "${reader}"`)
    if ((reader === undefined) !== (cards === undefined)) fail(`${at}: reader and cards belong together`)
  }
}

function checkNames(boards: BoardConfig[], buses: BusConfig[], cabinets: CabinetConfig[]): void {
  const lines = [
    ...boards.map((board, index) => ({ at: `boards[${index}]`, ...board })),
    ...buses.map((bus, index) => ({ at: `buses[${index}]`, ...bus })),
  ]
  checkUnique(lines.map(({ at, id }) => [`${at}.id`, id]))
  checkUnique(lines.map(({ at, port }) => [`${at}.port`, port]))
  checkUnique(
    [...lines, ...cabinets.map((cabinet, index) => ({ at: `cabinets[${index}]`, ...cabinet }))].flatMap(
      ({ at, devices }) => devices.map(({ id }, place): [string, string] => [`${at}.devices[${place}].id`, id]),
    ),
  )
  for (const [index, { devices }] of buses.entries()) {
    checkUnique(
      devices.map((device, place) => [
        `buses[${index}].devices[${place}].${BUS_DEVICE_KINDS[device.kind].addressField}`,
        String(BUS_DEVICE_KINDS[device.kind].address(device)),
      ]),
    )
  }
}

function checkCabinets(cabinets: CabinetConfig[], buses: BusConfig[]): void {
  const channels = new Map(buses.flatMap(({ devices }) => devices.map((one) => [one.id, channelsOf(one)])))
  for (const [index, { devices, wires }] of cabinets.entries()) {
    const at = `cabinets[${index}]`
    for (const [terminal, wire] of Object.entries(wires)) {
      const { module, channel } = wireOf(wire)
      const count = channels.get(module) ?? 0
      if (count === 0) fail(`${at}.wires.${terminal}: must lead to a relay or input module, found "${wire}"`)
      if (channel >= count)
        fail(`${at}.wires.${terminal}: module "${module}" has channels 0 to ${count - 1}, found "${wire}"`)
    }
    checkTerminals(devices, at)
    for (const device of devices) {
      const loose = Object.entries(DEVICE_KINDS[device.kind].pins(device)).find(([, pin]) => !Object.hasOwn(wires, pin))
      if (loose) fail(`${at}.wires: nothing leads to terminal ${loose[1]}, the ${loose[0]} of "${device.id}"`)
    }
  }
  checkUnique(
    cabinets.flatMap(({ wires }, index) =>
      Object.entries(wires).map(([terminal, wire]): [string, string] => [`cabinets[${index}].wires.${terminal}`, wire]),
    ),
  )
}

function checkParks(parks: ParkConfig[], boards: BoardConfig[], cabinets: CabinetConfig[], buses: BusConfig[]): void {
  const known = new Set(parks.map(({ id }) => id))
  const relays = new Set(idsOf(buses, 'relay-module'))
  checkUnique(parks.map(({ id }, index) => [`parks[${index}].id`, id]))
  for (const [index, { outputs = {} }] of parks.entries()) {
    for (const [output, wire] of Object.entries(outputs)) {
      if (relays.has(wireOf(wire).module)) continue
      fail(`parks[${index}].outputs.${output}: must lead to a relay module, found "${wire}"`)
    }
  }
  const places: [string, { devices: (DeviceConfig | BusDeviceConfig)[] }[]][] = [
    ['boards', boards],
    ['cabinets', cabinets],
    ['buses', buses],
  ]
  for (const [where, homes] of places) {
    for (const [index, { devices }] of homes.entries()) {
      for (const [place, device] of devices.entries()) {
        if (!('park' in device) || known.has(device.park)) continue
        fail(`${where}[${index}].devices[${place}].park: must be one of parks, found "${device.park}"`)
      }
    }
  }
}

function checkBoard(board: BoardConfig, at: string): void {
  if (board.kind === 'firmware' && board.baud !== FIRMWARE_BAUD) {
    fail(`${at}.baud: must be ${FIRMWARE_BAUD} on a firmware board, found ${board.baud}`)
  }
  if (board.kind === 'firmware' && board.boot_ms !== undefined) {
    fail(`${at}.boot_ms: a firmware board takes the time its firmware takes`)
  }
  checkTerminals(board.devices, at)
}

/** Each pin has one wire. */
function checkTerminals(devices: DeviceConfig[], at: string): void {
  const pins = devices.flatMap((device, place) =>
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
