import { type Decoded, refuse } from './errors.ts'
import { Type } from './type.ts'

/**
 * The topic space: `linli/v1/{street}/{community}/{estate}/{gateway}/{class}/{device}/{channel…}`, the same at the hub
 * and upstream. Every segment is `[a-z0-9-]{1,40}`.
 */

/** First two levels of every topic; the number is the major version of the contract. */
export const ROOT = 'linli/v1'
export const SEGMENT_PATTERN = '^[a-z0-9-]{1,40}$'
const SEGMENT = /^[a-z0-9-]{1,40}$/
/** Command ids and event ids on topics may also carry upper case, so that UUIDs and ULIDs fit. */
export const COMMAND_ID_PATTERN = '^[A-Za-z0-9-]{1,64}$'
const COMMAND_ID = /^[A-Za-z0-9-]{1,64}$/

export const Segment = Type.String({ pattern: SEGMENT_PATTERN, description: '1–40 of a–z, 0–9 and -' })

export const DEVICE_CLASSES = [
  'alarm-button',
  'access-gate',
  'park-sensor',
  'camera',
  'gateway',
  'incident',
  'hub',
] as const
export type DeviceClass = (typeof DEVICE_CLASSES)[number]

/** Where an estate stands in the district. */
export interface Site {
  street: string
  community: string
  estate: string
}

export const SiteSchema = Type.Object(
  { street: Segment, community: Segment, estate: Segment },
  { additionalProperties: false, description: 'street (街道) / community (社区) / estate (小区)' },
)

/** One addressable thing: a device, a gateway (class `gateway`, device = gateway) or the hub (gateway `hub`, class `hub`). */
export interface Address extends Site {
  gateway: string
  class: DeviceClass
  device: string
}

export type Channel =
  | { channel: 'evt'; type: string }
  | { channel: 'state' }
  | { channel: 'tele' }
  | { channel: 'avail' }
  | { channel: 'meta' }
  | { channel: 'cmd'; name: string; id: string }
  | { channel: 'res'; id: string }
  | { channel: 'plate' }

export type Topic = Address & Channel

/** Every channel, and whether its messages are retained: always or never. */
const RETAINED: Readonly<Record<Channel['channel'], boolean>> = {
  evt: false,
  state: true,
  tele: false,
  avail: true,
  meta: true,
  cmd: false,
  res: false,
  plate: false,
}
export const CHANNELS = Object.keys(RETAINED) as ReadonlyArray<Channel['channel']>

export function isRetained(channel: Channel['channel']): boolean {
  return RETAINED[channel]
}

export function sitePath(site: Site): string {
  return `${ROOT}/${site.street}/${site.community}/${site.estate}`
}

/** The prefix under which a gateway publishes. */
export function gatewayPath(site: Site, gateway: string): string {
  return `${sitePath(site)}/${gateway}`
}

let newest: { address: Address; path: string } | undefined

export function addressPath(address: Address): string {
  // Each message is asked for it by many; those of a parsed topic do not change.
  if (newest?.address === address) return newest.path
  const path = `${gatewayPath(address, address.gateway)}/${address.class}/${address.device}`
  if (Object.isFrozen(address)) newest = { address, path }
  return path
}

/** The CloudEvents `source` of an address: a URI-reference, the topic path with a leading slash. */
export function sourceOf(address: Address): string {
  return `/${addressPath(address)}`
}

export function formatTopic(topic: Topic): string {
  const base = addressPath(topic)
  switch (topic.channel) {
    case 'evt':
      return `${base}/evt/${topic.type}`
    case 'cmd':
      return `${base}/cmd/${topic.name}/${topic.id}`
    case 'res':
      return `${base}/res/${topic.id}`
    default:
      return `${base}/${topic.channel}`
  }
}

export function isSegment(text: string): boolean {
  return SEGMENT.test(text)
}

/** Parses a topic name; wildcards are never legal here. */
export function parseTopic(text: string): Decoded<Topic> {
  const parts = text.split('/')
  if (parts[0] !== 'linli' || parts[1] !== 'v1')
    return refuse('TOPIC_UNKNOWN', `topic does not start with ${ROOT}/: ${quote(text)}`)
  const [, , street = '', community = '', estate = '', gateway = '', klass = '', device = '', ...rest] = parts
  const named = { street, community, estate, gateway, class: klass, device }
  for (const [name, segment] of Object.entries(named)) {
    if (!SEGMENT.test(segment)) {
      return refuse(
        'TOPIC_MALFORMED',
        `topic segment {${name}} is ${quote(segment)}; allowed: 1–40 of a–z, 0–9, -`,
        `/${name}`,
      )
    }
  }
  if (!isDeviceClass(klass)) {
    return refuse(
      'TOPIC_UNKNOWN',
      `topic segment {class} is ${quote(klass)}; allowed: ${DEVICE_CLASSES.join(', ')}`,
      '/class',
    )
  }
  const channel = parseChannel(rest)
  if (!channel.ok) return channel
  return { ok: true, value: { street, community, estate, gateway, class: klass, device, ...channel.value } }
}

function parseChannel(rest: string[]): Decoded<Channel> {
  const [channel, first, second] = rest
  const isPlain = channel === 'state' || channel === 'tele' || channel === 'avail' || channel === 'meta'
  if ((isPlain || channel === 'plate') && rest.length === 1) {
    return { ok: true, value: { channel } }
  }
  if (channel === 'evt' && rest.length === 2 && first !== undefined && SEGMENT.test(first)) {
    return { ok: true, value: { channel, type: first } }
  }
  if (channel === 'res' && rest.length === 2 && first !== undefined && COMMAND_ID.test(first)) {
    return { ok: true, value: { channel, id: first } }
  }
  if (
    channel === 'cmd' &&
    rest.length === 3 &&
    first !== undefined &&
    second !== undefined &&
    SEGMENT.test(first) &&
    COMMAND_ID.test(second)
  ) {
    return { ok: true, value: { channel, name: first, id: second } }
  }
  return refuse(
    'TOPIC_UNKNOWN',
    `channel ${quote(rest.join('/'))} is unknown; allowed: evt/{type}, state, tele, avail, meta, cmd/{name}/{id}, res/{id}, plate`,
    '/channel',
  )
}

export function isDeviceClass(text: string): text is DeviceClass {
  return (DEVICE_CLASSES as readonly string[]).includes(text)
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text)
}
