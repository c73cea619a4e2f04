import { type Decoded, LinliError } from '../../hub/contract/errors.ts'
import { type Checker, checker } from '../../hub/contract/schema.ts'
import { Segment, SiteSchema } from '../../hub/contract/topic.ts'
import { type Static, type TSchema, Type } from '../../hub/contract/type.ts'
import { accessFault, CredentialsConfig, ReaderBusConfig } from './access-config.ts'
import { BusConfig } from './buses.ts'
import { CamerasConfig, camerasFault } from './cameras/config.ts'
import { CARRIERS, type Carrier, type DeviceConfig, type DeviceKind, deviceKinds } from './kinds.ts'

/** The configuration of one gateway: one JSON file, checked whole before anything starts. */

/** Baud rates that StandardFirmata builds and USB serial chips agree on. */
const BAUDS = [9600, 19200, 38400, 57600, 115200] as const

const Uplink = Type.Object(
  {
    url: Type.String({
      pattern: '^mqtts?://[^/?#@\\s]+$',
      description: 'mqtt://host:port or mqtts://host:port; user and password have their own fields',
    }),
    username: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false },
)

export const BoardConfig = Type.Object(
  {
    id: Segment,
    port: Type.String({ minLength: 1, maxLength: 500, description: 'prefer /dev/serial/by-id/…' }),
    baud: Type.Optional(Type.Enum([...BAUDS])),
    watchdog_ms: Type.Optional(Type.Integer({ minimum: 200, maximum: 60_000 })),
    handshake_ms: Type.Optional(Type.Integer({ minimum: 1000, maximum: 60_000 })),
    /** 10 is the least that firmata-io asks for and 16,383 the most that Firmata can say (14 bits). */
    sampling_ms: Type.Optional(Type.Integer({ minimum: 10, maximum: 16_383 })),
  },
  { additionalProperties: false },
)
export type BoardConfig = Static<typeof BoardConfig>

/** Devices are checked one by one after this, each against the schema of its kind. */
const ConfigShape = Type.Object(
  {
    gateway: Segment,
    site: SiteSchema,
    data: Type.String({ minLength: 1, maxLength: 500, description: 'folder for the spool' }),
    /** Not needed by a gateway that has enrolled. */
    uplink: Type.Optional(Uplink),
    boards: Type.Array(BoardConfig, { maxItems: 32 }),
    buses: Type.Optional(Type.Array(BusConfig, { maxItems: 32 })),
    devices: Type.Array(Type.Unknown(), { maxItems: 200 }),
    readerBuses: Type.Optional(Type.Array(ReaderBusConfig, { maxItems: 8 })),
    cameras: Type.Optional(CamerasConfig),
    credentials: Type.Optional(CredentialsConfig),
    /** Folder with an installer's own profiles of park sensors. */
    profiles: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    telemetryEvery_ms: Type.Optional(Type.Integer({ minimum: 1000, maximum: 3_600_000 })),
  },
  { additionalProperties: false },
)
export type GatewayConfig = Omit<Static<typeof ConfigShape>, 'devices'> & { devices: DeviceConfig[] }

const CODE = 'CONFIG_INVALID'
const checkShape = checker(ConfigShape, CODE)
const checkBase = checker(Type.Object({ kind: Type.Enum([...deviceKinds.keys()]), id: Segment }), CODE)
const kindCheckers = new Map<string, Checker<unknown>>()

function invalid(path: string, message: string): { ok: false; error: LinliError } {
  return { ok: false, error: new LinliError(CODE, message, { kind: 'caller', path }) }
}

/** Text of the file → configuration. Never throws; the error names the field and what it may be. */
export function decodeConfig(text: string): Decoded<GatewayConfig> {
  const json = parseJson(text)
  if (!json.ok) return json
  const shape = checkShape(json.value)
  if (!shape.ok) return shape
  const devices: DeviceConfig[] = []
  for (const [index, value] of shape.value.devices.entries()) {
    const device = decodeDevice(value, `/devices/${index}`)
    if (!device.ok) return device
    devices.push(device.value)
  }
  const config = { ...shape.value, devices }
  return checkTogether(config) ?? { ok: true, value: config }
}

function decodeDevice(value: unknown, path: string): Decoded<DeviceConfig> {
  const base = checkBase(value)
  if (!base.ok) return within(path, base)
  const { kind } = base.value
  const { schemas } = deviceKinds.get(kind) as DeviceKind
  const possible = CARRIERS.filter((carrier) => schemas[carrier] !== undefined)
  const named = CARRIERS.filter((carrier) => Object.hasOwn(base.value, carrier))
  // Of a device that can only be wired in one way the schema says what is missing.
  const carrier = named.length === 0 && possible.length === 1 ? possible[0] : named[0]
  if (carrier === undefined || named.length > 1 || !possible.includes(carrier))
    return invalid(
      path,
      `${path}: a ${kind} names exactly one of ${possible.join(', ')}; found ${named.join(' and ') || 'none'}`,
    )
  const key = `${kind} ${carrier}`
  const check = kindCheckers.get(key) ?? checker(schemas[carrier] as TSchema, CODE)
  kindCheckers.set(key, check)
  const checked = check(value)
  return checked.ok ? { ok: true, value: checked.value as DeviceConfig } : within(path, checked)
}

/** The error of a part, told with its place in the whole. */
function within(prefix: string, { error }: { error: LinliError }): { ok: false; error: LinliError } {
  const inner = error.path === undefined || error.path === '/' ? '' : error.path
  const message = inner === '' ? `${prefix}: ${error.message}` : error.message.replaceAll(inner, `${prefix}${inner}`)
  return invalid(`${prefix}${inner}`, message)
}

type Refused = { ok: false; error: LinliError } | undefined

/** What no schema of one part can see: names used twice, carriers that are not there, places with two masters. */
function checkTogether(config: GatewayConfig): Refused {
  return checkLines(config) ?? checkDevices(config) ?? checkReaders(config) ?? checkCameras(config)
}

/** Every serial port has one master. */
function checkLines({ boards, buses = [], readerBuses = [] }: GatewayConfig): Refused {
  const ports = new Map<string, string>()
  const lines = [
    { what: 'board', field: 'boards', all: boards },
    { what: 'bus', field: 'buses', all: buses },
    { what: 'reader bus', field: 'readerBuses', all: readerBuses },
  ]
  for (const { what, field, all } of lines) {
    const ids = new Set<string>()
    for (const [index, { id, port }] of all.entries()) {
      const path = `/${field}/${index}`
      if (ids.has(id)) return invalid(`${path}/id`, `${path}/id: ${what} ${id} is there twice`)
      const other = ports.get(port)
      if (other !== undefined) return invalid(`${path}/port`, `${path}/port: ${port} is already the port of ${other}`)
      ids.add(id)
      ports.set(port, `${what} ${id}`)
    }
  }
  return undefined
}

const PLURAL = { board: 'boards', bus: 'buses' } as const

function checkDevices(config: GatewayConfig): Refused {
  const carriers = {
    board: config.boards.map(({ id }) => id),
    bus: (config.buses ?? []).map(({ id }) => id),
  }
  const ids = new Set<string>()
  const taken = new Map<string, string>()
  for (const [index, device] of config.devices.entries()) {
    const path = `/devices/${index}`
    const kind = deviceKinds.get(device.kind) as DeviceKind
    const name = `${kind.class}/${device.id}`
    if (ids.has(name)) return invalid(`${path}/id`, `${path}/id: ${kind.class} ${device.id} is there twice`)
    ids.add(name)
    const carrier = CARRIERS.find((one) => device[one] !== undefined) as Carrier
    const id = device[carrier] as string
    // Which chips a box has is known only there.
    if (carrier !== 'chip' && !carriers[carrier].includes(id)) {
      const known = carriers[carrier].join(', ') || 'none'
      return invalid(
        `${path}/${carrier}`,
        `${path}/${carrier}: there is no ${carrier} ${id}; ${PLURAL[carrier]}: ${known}`,
      )
    }
    for (const { field, use } of kind.uses(device)) {
      const key = `${carrier} ${id} ${use}`
      const by = taken.get(key)
      if (by !== undefined)
        return invalid(`${path}/${field}`, `${path}/${field}: ${use} of ${carrier} ${id} is already used by ${by}`)
      taken.set(key, `${device.id} (${field})`)
    }
  }
  return undefined
}

function checkCameras(config: GatewayConfig): Refused {
  const fault = config.cameras && camerasFault(config.cameras, gatesOf(config), config.credentials !== undefined)
  return fault && invalid(fault.path, `${fault.path}: ${fault.message}`)
}

function gatesOf(config: GatewayConfig): Set<string> {
  return new Set(
    config.devices.filter(({ kind }) => deviceKinds.get(kind)?.class === 'access-gate').map(({ id }) => id),
  )
}

/** Every reader stands at a gate of this gateway, at an address of its own, and there is something to decide by. */
function checkReaders(config: GatewayConfig): Refused {
  const gates = gatesOf(config)
  const ids = new Set<string>()
  for (const [busIndex, bus] of (config.readerBuses ?? []).entries()) {
    const addresses = new Set<number>()
    for (const [index, reader] of bus.readers.entries()) {
      const path = `/readerBuses/${busIndex}/readers/${index}`
      if (!gates.has(reader.gate)) {
        const known = [...gates].join(', ') || 'none'
        return invalid(`${path}/gate`, `${path}/gate: there is no gate ${reader.gate}; gates: ${known}`)
      }
      if (addresses.has(reader.address))
        return invalid(`${path}/address`, `${path}/address: ${reader.address} is there twice on bus ${bus.id}`)
      if (ids.has(reader.id)) return invalid(`${path}/id`, `${path}/id: reader ${reader.id} is there twice`)
      addresses.add(reader.address)
      ids.add(reader.id)
    }
  }
  if (ids.size > 0 && !config.credentials)
    return invalid('/credentials', '/credentials: readers need credentials to decide by; give {"keyFile": …}')
  const fault = accessFault(config, gates)
  return fault && invalid(fault.path, `${fault.path}: ${fault.message}`)
}

/** JSON with the place of a mistake as a person finds it in an editor. */
export function parseJson(text: string): Decoded<unknown> {
  try {
    return { ok: true, value: JSON.parse(text) as unknown }
  } catch (error) {
    const message = (error as Error).message
    const position = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length)
    const before = text.slice(0, position).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    const what = message.replace(/ in JSON.*| \(line.*/s, '').replace(/, (?:\.\.\.)?".*" is not valid JSON/s, '')
    return {
      ok: false,
      error: new LinliError('CONFIG_SYNTAX', `not valid JSON at ${place}: ${what}`, { kind: 'caller', cause: error }),
    }
  }
}
