import { isDeviceUri, parseDeviceUri } from '../contract/device-uri.ts'
import { type Decoded, LinliError } from '../contract/errors.ts'
import type { Place } from '../contract/meta.ts'
import {
  CARRIER_LISTS,
  CARRIERS,
  type Carrier,
  checkSite,
  type GatewayPart,
  type SiteConfig,
  type SiteDevice,
} from './schema.ts'

/** What installers do to the devices of a site. Pure: a site and a change → the new site, whole and checked, or why not. */

/** A device as it comes from outside: anything, until the new site is checked. */
export interface NewDevice {
  gateway: string
  fields: Readonly<Record<string, unknown>>
  /** Serial port of its board or bus, where that is not there yet. */
  port?: string | undefined
}

/** `device` is an id, or `gateway/id` where two gateways have one of the same id. */
export type SiteChange =
  | ({ do: 'add' } & NewDevice)
  | { do: 'rename'; device: string; to: string }
  | { do: 'move'; device: string; gateway?: string; place?: Place }
  | { do: 'replace'; device: string; fields: Readonly<Record<string, unknown>>; port?: string | undefined }
  | { do: 'remove'; device: string }
  /** Each is added, or what it says is set at the one of its gateway and id. */
  | { do: 'import'; devices: readonly NewDevice[] }

export interface Found {
  gateway: string
  index: number
  device: SiteDevice
}

type Update = (config: SiteConfig) => Decoded<SiteConfig>

/** `config` itself is changed on the way: give a copy. */
export function changed(config: SiteConfig, change: SiteChange): Decoded<SiteConfig> {
  const done = updateOf(change)(config)
  return done.ok ? checkSite(done.value) : done
}

function updateOf(change: SiteChange): Update {
  switch (change.do) {
    case 'add':
      return (config) => add(config, change)
    case 'import':
      return (config) => merge(config, change.devices)
    case 'remove':
      return (config) =>
        withDevice(config, change.device, ({ gateway, index }) => {
          partOf(config, gateway)?.devices.splice(index, 1)
          return { ok: true, value: config }
        })
    case 'rename':
      return (config) =>
        withDevice(config, change.device, ({ device }) => {
          device.id = change.to
          return { ok: true, value: config }
        })
    case 'move':
      return (config) => withDevice(config, change.device, (found) => move(config, found, change))
    case 'replace':
      return (config) => withDevice(config, change.device, (found) => replace(config, found, change))
  }
}

function add(config: SiteConfig, { gateway, fields, port }: NewDevice): Decoded<SiteConfig> {
  const part = ensurePart(config, gateway)
  const fault = addCarrier(gateway, part, fields, port)
  if (fault) return fault
  part.devices.push(fields as SiteDevice)
  return { ok: true, value: config }
}

function merge(config: SiteConfig, devices: readonly NewDevice[]): Decoded<SiteConfig> {
  const places = new Map<string, number>()
  for (const [gateway, part] of Object.entries(config.gateways))
    for (const [index, { id }] of part.devices.entries()) places.set(`${gateway}/${id}`, index)
  for (const [at, one] of devices.entries()) {
    const { gateway, fields, port } = one
    const index = places.get(`${gateway}/${String(fields.id)}`)
    const device = index === undefined ? undefined : ensurePart(config, gateway).devices[index]
    const by = { fields: device ? { ...fields, place: { ...device.place, ...(fields.place as Place) } } : fields, port }
    const done =
      device && index !== undefined ? replace(config, { gateway, index, device }, by) : add(config, { gateway, ...by })
    if (!done.ok) {
      const path = `/import/${at}/port`
      return { ok: false, error: new LinliError(done.error.code, done.error.message, { kind: 'caller', path }) }
    }
  }
  return { ok: true, value: config }
}

/** The wiring goes with the device only within its gateway. */
function move(
  config: SiteConfig,
  { gateway, index, device }: Found,
  to: { gateway?: string; place?: Place },
): Decoded<SiteConfig> {
  if (to.place) device.place = { ...device.place, ...to.place }
  if (to.gateway !== undefined && to.gateway !== gateway) {
    partOf(config, gateway)?.devices.splice(index, 1)
    ensurePart(config, to.gateway).devices.push(device)
  }
  return { ok: true, value: config }
}

/** Other hardware in the same place under the same id: what is said of it is new, the rest stays. */
function replace(
  config: SiteConfig,
  { gateway, index, device }: Found,
  by: { fields: Readonly<Record<string, unknown>>; port?: string | undefined },
): Decoded<SiteConfig> {
  const part = ensurePart(config, gateway)
  const carrierOf = (fields: Readonly<Record<string, unknown>>) => CARRIERS.find((one) => fields[one] !== undefined)
  const carrier = carrierOf(by.fields)
  // What was set for pins means nothing on a bus.
  const isRewired = carrier !== undefined && carrier !== carrierOf(device)
  const { kind, id, place } = device
  const next = { ...(isRewired ? { kind, id, place } : device), ...by.fields }
  const fault = addCarrier(gateway, part, next, by.port)
  if (fault) return fault
  part.devices[index] = next as SiteDevice
  return { ok: true, value: config }
}

/** A board or bus that a device names with its port and that is not there yet. */
function addCarrier(
  gateway: string,
  part: GatewayPart,
  fields: Readonly<Record<string, unknown>>,
  port: string | undefined,
): Decoded<never> | undefined {
  if (port === undefined) return undefined
  const carrier = (['board', 'bus'] as const).find((one) => typeof fields[one] === 'string')
  if (carrier === undefined) return told('a port is of a board or a bus: name that too')
  const list = lineList(part, carrier)
  const id = fields[carrier] as string
  const known = list.find((line) => line.id === id)
  if (known && known.port !== port)
    return told(
      `${carrier} ${id} of ${gateway} is at ${known.port} already, and not at ${port}: edit site.json to change that`,
    )
  if (!known) list.push({ id, port })
  return undefined
}

function lineList(part: GatewayPart, carrier: Exclude<Carrier, 'chip'>): Array<{ id: string; port: string }> {
  if (CARRIER_LISTS[carrier] === 'boards') return part.boards
  part.buses ??= []
  return part.buses
}

function withDevice(
  config: SiteConfig,
  name: string,
  work: (found: Found) => Decoded<SiteConfig>,
): Decoded<SiteConfig> {
  const found = findDevice(config, name)
  return found.ok ? work(found.value) : found
}

/** @param name an id, `gateway/id`, or what the QR on its label says */
export function findDevice(config: SiteConfig, name: string): Decoded<Found> {
  if (isDeviceUri(name)) return labelled(config, name)
  const [first = '', second] = name.split('/', 2)
  const found = allDevices(config).filter(({ gateway, device }) =>
    second === undefined ? device.id === first : gateway === first && device.id === second,
  )
  const [only] = found
  if (found.length > 1)
    return told(
      `${name} is there at more than one gateway: say which, ${found.map(({ gateway, device }) => `${gateway}/${device.id}`).join(' or ')}`,
    )
  return only
    ? { ok: true, value: only }
    : told(`there is no device ${name}; linli device list names them`, 'DEVICE_UNKNOWN')
}

function labelled(config: SiteConfig, uri: string): Decoded<Found> {
  const parsed = parseDeviceUri(uri)
  if (!parsed.ok) return parsed
  const { street, community, estate, gateway, device } = parsed.value
  const site = `${street}/${community}/${estate}`
  if (site !== config.site) return told(`this label is of the site ${site}, and this site is ${config.site}`)
  return findDevice(config, `${gateway}/${device}`)
}

export function allDevices(config: SiteConfig): Found[] {
  return Object.entries(config.gateways).flatMap(([gateway, { devices }]) =>
    devices.map((device, index) => ({ gateway, index, device })),
  )
}

export interface Difference {
  added: string[]
  changed: string[]
  removed: string[]
  unchanged: number
}

/** Which devices differ, as `gateway/id`. */
export function difference(before: SiteConfig, after: SiteConfig): Difference {
  const texts = (config: SiteConfig) =>
    new Map(
      allDevices(config).map(({ gateway, device }) => [`${gateway}/${device.id}`, JSON.stringify(sorted(device))]),
    )
  const [old, now] = [texts(before), texts(after)]
  const names = [...now.keys()]
  const same = names.filter((name) => old.get(name) === now.get(name))
  return {
    added: names.filter((name) => !old.has(name)),
    changed: names.filter((name) => old.has(name) && old.get(name) !== now.get(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    unchanged: same.length,
  }
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  )
}

function partOf({ gateways }: SiteConfig, gateway: string): GatewayPart | undefined {
  return Object.hasOwn(gateways, gateway) ? gateways[gateway] : undefined
}

function ensurePart(config: SiteConfig, gateway: string): GatewayPart {
  const known = partOf(config, gateway)
  if (known) return known
  const part: GatewayPart = { boards: [], devices: [] }
  // Assigned, `__proto__` would become the prototype instead of a gateway that the check refuses.
  Object.defineProperty(config.gateways, gateway, { value: part, enumerable: true, configurable: true, writable: true })
  return part
}

function told(message: string, code = 'DEVICE_INVALID'): { ok: false; error: LinliError } {
  return { ok: false, error: new LinliError(code, message, { kind: 'caller' }) }
}
