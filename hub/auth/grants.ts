import { type Decoded, LinliError } from '../contract/errors.ts'
import type { Place } from '../contract/meta.ts'
import { checker } from '../contract/schema.ts'
import { CHANNELS, DEVICE_CLASSES, Segment, type Topic } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'

/**
 * What an account of role platform was granted: a list of what it may read, and one of what it may command. A message fits
 * a grant when it fits everything that the grant names; one that names nothing is the whole estate. No list, no right.
 */

/** Commands are read by who carries them out, and plates by the gateway they are for. */
export const READ_CHANNELS = CHANNELS.filter((channel) => channel !== 'cmd' && channel !== 'plate')
const GRANTS_MAX = 100

const whereFields = {
  class: Type.Optional(Type.Enum([...DEVICE_CLASSES])),
  gateway: Type.Optional(Segment),
  device: Type.Optional(Segment),
  building: Type.Optional(Type.String({ minLength: 1, maxLength: 40 })),
  floor: Type.Optional(Type.String({ minLength: 1, maxLength: 40 })),
  spot: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
}
const ReadGrant = Type.Object(
  { ...whereFields, channel: Type.Optional(Type.Enum([...READ_CHANNELS])) },
  { additionalProperties: false },
)
const CommandGrant = Type.Object({ ...whereFields, name: Type.Optional(Segment) }, { additionalProperties: false })
export const Grants = Type.Object(
  {
    read: Type.Array(ReadGrant, { maxItems: GRANTS_MAX }),
    command: Type.Array(CommandGrant, { maxItems: GRANTS_MAX }),
  },
  { additionalProperties: false },
)
export type Grants = Static<typeof Grants>
export type GrantKind = keyof Grants
type Grant = Static<typeof ReadGrant> & Static<typeof CommandGrant>
type WhereField = keyof typeof whereFields

export const NO_GRANTS: Grants = { read: [], command: [] }
export const WHOLE_ESTATE: Grants = { read: [{}], command: [{}] }

export const checkGrants = checker(Grants, 'GRANT_INVALID')

/** Where a device is, as it was said last, or an incident; undefined: nobody knows, and no grant of a place fits. */
export type PlaceOf = (topic: Topic) => Place | undefined

export function mayRead({ read, command }: Grants, topic: Topic, placeOf: PlaceOf | undefined): boolean {
  const { channel } = topic
  if (channel === 'cmd' || channel === 'plate') return false
  if (read.some((grant) => (grant.channel ?? channel) === channel && fitsWhere(grant, topic, placeOf))) return true
  // Who may command a device may have its answers.
  return channel === 'res' && command.some((grant) => fitsWhere(grant, topic, placeOf))
}

export function mayCommand({ command }: Grants, topic: Topic, placeOf: PlaceOf | undefined): boolean {
  if (topic.channel !== 'cmd') return false
  return command.some((grant) => (grant.name ?? topic.name) === topic.name && fitsWhere(grant, topic, placeOf))
}

function fitsWhere(grant: Grant, topic: Topic, placeOf: PlaceOf | undefined): boolean {
  const { class: deviceClass, gateway, device, building, floor, spot } = grant
  const has = (wanted: string | undefined, found: string | undefined) => wanted === undefined || wanted === found
  if (!has(deviceClass, topic.class) || !has(gateway, topic.gateway) || !has(device, topic.device)) return false
  if (building === undefined && floor === undefined && spot === undefined) return true
  const place = placeOf?.(topic)
  return place !== undefined && has(building, place.building) && has(floor, place.floor) && has(spot, place.spot)
}

/** Levels of a topic from its gateway on: `{gateway}/{class}/{device}/state`, `…/evt/{type}`, `…/res/{id}`. */
const levelsOf = (channel: (typeof READ_CHANNELS)[number]) => (channel === 'evt' || channel === 'res' ? 5 : 4)

/** Whether a filter, from its level of the gateway on, can match anything of what may be read. */
export function mayOverlap({ read, command }: Grants, levels: readonly string[]): boolean {
  const isOpenEnded = levels.at(-1) === '#'
  const named = isOpenEnded ? levels.slice(0, -1) : levels
  const [gateway, deviceClass, device, ofChannel] = named.map((level) => (level === '+' ? undefined : level))
  const fits = (wanted: string | undefined, level: string | undefined) =>
    wanted === undefined || level === undefined || level === wanted
  const channels = READ_CHANNELS.filter(
    (channel) =>
      fits(channel, ofChannel) &&
      (isOpenEnded ? levelsOf(channel) >= named.length : levelsOf(channel) === named.length),
  )
  const isThere = (grant: Grant) =>
    fits(grant.gateway, gateway) && fits(grant.class, deviceClass) && fits(grant.device, device)
  return (
    read.some((grant) => isThere(grant) && channels.some((channel) => fits(grant.channel, channel))) ||
    (channels.some((channel) => channel === 'res') && command.some(isThere))
  )
}

/** `all`, or fields as in `class=access-gate,building=3`; a comma within a value stays one. */
export function parseGrant(kind: GrantKind, text: string): Decoded<Grants> {
  const grant: Record<string, string> = {}
  for (const field of text === 'all' ? [] : text.split(/,(?=[a-z]+=)/)) {
    const [, name, value] = /^([a-z]+)=(.+)$/s.exec(field) ?? []
    if (name === undefined || value === undefined || Object.hasOwn(grant, name))
      return invalid(`--${kind} ${text}: give "all", or fields once each, such as ${EXAMPLES[kind]}`)
    grant[name] = value
  }
  const checked = checkGrants({ ...NO_GRANTS, [kind]: [grant] })
  if (checked.ok) return checked
  const { message } = checked.error
  return invalid(`--${kind} ${text}: ${message.replaceAll(`/${kind}/0/`, '')}`)
}

function invalid(message: string): { ok: false; error: LinliError } {
  return { ok: false, error: new LinliError('GRANT_INVALID', message, { kind: 'caller' }) }
}

const EXAMPLES: Record<GrantKind, string> = {
  read: 'class=alarm-button,building=3 (class, gateway, device, building, floor, spot, channel)',
  command: 'class=access-gate,gateway=gw-1,name=open (class, gateway, device, building, floor, spot, name)',
}

export function formatGrant(grant: Grants[GrantKind][number]): string {
  const fields = Object.entries(grant).map(([name, value]) => `${name}=${value}`)
  return fields.join(',') || 'all'
}

/** Each grant once. @throws {LinliError} GRANT_INVALID when they are too many */
export function withGrants(given: Grants, more: Grants): Grants {
  const sum = (kind: GrantKind) => [...new Map([...given[kind], ...more[kind]].map((one) => [key(one), one])).values()]
  const checked = checkGrants({ read: sum('read'), command: sum('command') })
  if (!checked.ok) throw checked.error
  return checked.value
}

/** @throws {LinliError} GRANT_UNKNOWN when it was not granted in these very words: what it covers in part would stay */
export function withoutGrants(given: Grants, less: Grants): Grants {
  const rest = (kind: GrantKind) => {
    const gone = new Set(less[kind].map(key))
    const known = new Set(given[kind].map(key))
    const unknown = less[kind].find((one) => !known.has(key(one)))
    if (unknown) {
      const there = given[kind].map(formatGrant).join(' · ') || 'none'
      const message = `--${kind} ${formatGrant(unknown)} was not granted; there are: ${there}`
      throw new LinliError('GRANT_UNKNOWN', message, { kind: 'caller' })
    }
    return given[kind].filter((one) => !gone.has(key(one)))
  }
  return { read: rest('read'), command: rest('command') }
}

const FIELDS: ReadonlyArray<WhereField | 'channel' | 'name'> = [
  ...(Object.keys(whereFields) as WhereField[]),
  'channel',
  'name',
]
const key = (grant: Grant): string => JSON.stringify(FIELDS.map((field) => grant[field] ?? null))
