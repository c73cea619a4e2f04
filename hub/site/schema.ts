import { CameraConfigs, camerasFault, PictureLimits } from '../cameras/config.ts'
import { type Decoded, LinliError } from '../contract/errors.ts'
import { DEVICE_KINDS } from '../contract/kinds.ts'
import { Place } from '../contract/meta.ts'
import { checker } from '../contract/schema.ts'
import { SEGMENT_PATTERN, Segment } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'
import { IncidentSettings, settingsFault } from '../incidents/config.ts'
import { UpstreamList, upstreamsFrom } from '../upstream/settings.ts'

/**
 * What `site.json` holds. Of a gateway's part only what the hub itself needs is fixed here (names, places, what carries
 * a device); its wiring is the gateway's to check.
 */

export const SITE_VERSION = 1
export const LANGUAGES = ['zh', 'en'] as const
export const SITE_CODE = 'SITE_INVALID'

/** As the gateway's own configuration bounds them. */
export const DEVICES_PER_GATEWAY_MAX = 200
const BOARDS_MAX = 32
const READER_BUSES_MAX = 8
/** With 200 devices each; an estate that has more is two estates. */
const GATEWAYS_MAX = 100

export const CARRIERS = ['board', 'bus', 'chip'] as const
export type Carrier = (typeof CARRIERS)[number]
/** Where the carriers of a gateway are listed; which chips a box has is known only there. */
export const CARRIER_LISTS = { board: 'boards', bus: 'buses' } as const

const Device = Type.Object({
  kind: Type.Enum(Object.keys(DEVICE_KINDS) as Array<keyof typeof DEVICE_KINDS>),
  id: Segment,
  place: Place,
})
export type SiteDevice = Static<typeof Device> & Partial<Record<Carrier, string>> & { [field: string]: unknown }

const Line = Type.Object({ id: Segment, port: Type.String({ minLength: 1, maxLength: 500 }) })

const GatewayPart = Type.Object(
  {
    boards: Type.Array(Line, { maxItems: BOARDS_MAX }),
    buses: Type.Optional(Type.Array(Line, { maxItems: BOARDS_MAX })),
    devices: Type.Array(Device, { maxItems: DEVICES_PER_GATEWAY_MAX }),
    readerBuses: Type.Optional(Type.Array(Line, { maxItems: READER_BUSES_MAX })),
    cameras: Type.Optional(Type.Object({})),
    credentials: Type.Optional(Type.Object({})),
    profiles: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    telemetryEvery_ms: Type.Optional(Type.Integer({ minimum: 1000, maximum: 3_600_000 })),
  },
  { additionalProperties: false },
)
export type GatewayPart = Omit<Static<typeof GatewayPart>, 'devices'> & { devices: SiteDevice[] }

const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
const Listen = Type.Object(
  {
    host: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
    mqttPort: Type.Optional(Port),
    mqttsPort: Type.Optional(Port),
    httpPort: Type.Optional(Port),
    httpsPort: Type.Optional(Port),
  },
  { additionalProperties: false },
)

const SiteShape = Type.Object(
  {
    version: Type.Literal(SITE_VERSION),
    site: Type.String({
      pattern: `${SEGMENT_PATTERN.slice(0, -1)}/[a-z0-9-]{1,40}/[a-z0-9-]{1,40}$`,
      description: 'street/community/estate, each 1–40 of a–z, 0–9, -',
    }),
    name: Segment,
    language: Type.Enum([...LANGUAGES]),
    timeZone: Type.String({ minLength: 1, maxLength: 64 }),
    listen: Type.Optional(Listen),
    cameras: Type.Optional(CameraConfigs),
    pictures: Type.Optional(PictureLimits),
    incidents: Type.Optional(IncidentSettings),
    upstreams: Type.Optional(UpstreamList),
    gateways: Type.Record(Type.String({ pattern: SEGMENT_PATTERN }), GatewayPart, {
      maxProperties: GATEWAYS_MAX,
      additionalProperties: false,
    }),
  },
  { additionalProperties: false },
)
export type SiteConfig = Omit<Static<typeof SiteShape>, 'gateways'> & { gateways: Record<string, GatewayPart> }

const checkShape = checker(SiteShape, SITE_CODE)

/** Any value → a site. The error has the field as a JSON pointer and says what it may be. */
export function checkSite(value: unknown): Decoded<SiteConfig> {
  const shape = checkShape(value)
  if (!shape.ok) return shape
  // Devices carry fields that only their gateway knows.
  const config = shape.value as unknown as SiteConfig
  if (!isTimeZone(config.timeZone))
    return invalid('/timeZone', `is "${config.timeZone}"; allowed: a name of the IANA database, such as Asia/Shanghai`)
  const mistake = config.incidents && settingsFault(config.incidents)
  if (mistake) return invalid(`/incidents${mistake.path}`, mistake.message)
  const blind = camerasFault(config.cameras ?? {}, SITE_CODE)
  if (blind) return blind
  const told = upstreamsFault(config.upstreams ?? [])
  if (told) return told
  for (const [gateway, part] of Object.entries(config.gateways)) {
    const fault = gatewayFault(`/gateways/${gateway}`, part)
    if (fault) return fault
  }
  return { ok: true, value: config }
}

export function isTimeZone(name: string): boolean {
  try {
    new Temporal.ZonedDateTime(0n, name)
    return true
  } catch {
    return false
  }
}

type Refused = { ok: false; error: LinliError } | undefined

function upstreamsFault(upstreams: UpstreamList): Refused {
  try {
    upstreamsFrom(upstreams, '')
    return undefined
  } catch (error) {
    const { path = '/upstreams', message } = error as LinliError
    return { ok: false, error: new LinliError(SITE_CODE, message.replace(/^: /, ''), { kind: 'caller', path }) }
  }
}

/** What no schema sees: names used twice, carriers that are not there. */
function gatewayFault(path: string, part: GatewayPart): Refused {
  for (const list of ['boards', 'buses', 'readerBuses'] as const) {
    const twice = firstTwice((part[list] ?? []).map(({ id }) => id))
    if (twice) return invalid(`${path}/${list}/${twice.index}/id`, `is "${twice.id}", which is there twice`)
  }
  const twice = firstTwice(part.devices.map(({ id }) => id))
  if (twice) return invalid(`${path}/devices/${twice.index}/id`, `is "${twice.id}", which is there twice`)
  for (const [index, device] of part.devices.entries()) {
    const fault = carrierFault(`${path}/devices/${index}`, device, part)
    if (fault) return fault
  }
  return undefined
}

function carrierFault(path: string, device: SiteDevice, part: GatewayPart): Refused {
  const [carrier, ...more] = CARRIERS.filter((one) => device[one] !== undefined)
  if (carrier === undefined || more.length > 0)
    return invalid(path, `names ${carrier ? 'more than one' : 'none'} of ${CARRIERS.join(', ')}; allowed: exactly one`)
  const name: unknown = device[carrier]
  if (typeof name !== 'string') return invalid(`${path}/${carrier}`, 'is not a text')
  if (carrier === 'chip') return undefined
  const known = (part[CARRIER_LISTS[carrier]] ?? []).map(({ id }) => id)
  if (known.includes(name)) return undefined
  return invalid(
    `${path}/${carrier}`,
    `is "${name}"; allowed (${CARRIER_LISTS[carrier]}): ${known.join(', ') || 'none'}`,
  )
}

function firstTwice(ids: string[]): { id: string; index: number } | undefined {
  const seen = new Set<string>()
  for (const [index, id] of ids.entries()) {
    if (seen.has(id)) return { id, index }
    seen.add(id)
  }
  return undefined
}

function invalid(path: string, what: string): { ok: false; error: LinliError } {
  return { ok: false, error: new LinliError(SITE_CODE, `${path} ${what}`, { kind: 'caller', path }) }
}
