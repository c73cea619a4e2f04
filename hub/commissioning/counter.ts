import type { Audit } from '../audit/audit.ts'
import type { Authority } from '../authority/authority.ts'
import type { CommandDesk } from '../commands/desk.ts'
import type { Availability } from '../contract/availability.ts'
import { isFinal, type Result } from '../contract/command.ts'
import { LinliError } from '../contract/errors.ts'
import type { TimeQuality } from '../contract/event.ts'
import type { GatewayState, ReaderState } from '../contract/gateway.ts'
import type { Meta } from '../contract/meta.ts'
import { checker } from '../contract/schema.ts'
import { type Address, Segment, type Site, sitePath } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'
import type { Devices } from '../devices/devices.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { type AcceptanceRecord, Brought, recordHash, recordText, type SignedRecord } from './record.ts'
import type { Sighting, Watch } from './watch.ts'

/** What `linli commission` asks of a hub that runs. */

/** What an installer may have done to a device; everything else is the platform's and the staff's. */
const COMMANDS = {
  'alarm-button': ['lamp', 'siren', 'reset'],
  'access-gate': ['open', 'hold-open', 'close'],
  'park-sensor': ['read', 'output'],
} as const

const Device = {
  gateway: Segment,
  class: Type.Enum(Object.keys(COMMANDS) as Array<keyof typeof COMMANDS>),
  device: Segment,
}
const requests = {
  'commission-look': Type.Object({ type: Type.Literal('commission-look'), ...Device }),
  'commission-watch': Type.Object({
    type: Type.Literal('commission-watch'),
    ...Device,
    after: Type.Integer({ minimum: 0 }),
    wait_ms: Type.Integer({ minimum: 0, maximum: 20_000 }),
  }),
  'commission-command': Type.Object({
    type: Type.Literal('commission-command'),
    ...Device,
    name: Type.String(),
    args: Type.Unknown(),
    by: Type.String({ minLength: 1, maxLength: 80 }),
  }),
  'commission-sign': Type.Object({ type: Type.Literal('commission-sign'), brought: Brought }),
} as const
export type CommissionRequest = { [T in keyof typeof requests]: Static<(typeof requests)[T]> }[keyof typeof requests]

export interface Look {
  type: 'commission-look'
  /** Sightings after this one are to come. */
  number: number
  meta?: Meta
  state?: unknown
  availability?: Availability
  gatewayOnline: boolean
  /** Of its gateway. */
  readers: ReadonlyArray<Pick<ReaderState, 'id' | 'status'>>
  upstreams: Array<{ name: string; connected: boolean }>
  /** This hub has a key to sign a record with. */
  canSign: boolean
}
export type CommissionAnswer =
  | Look
  | { type: 'commission-watch'; sightings: Sighting[] }
  /** Moments of the hub's clock; `acceptedat` is the gateway's clock when it said `accepted`. */
  | { type: 'commission-command'; result: Result; sent_ms: number; ended_ms: number; clocks?: Clocks }
  | { type: 'commission-sign'; signed: SignedRecord; fingerprint: string }

/** Two clocks at one command: between `sent_ms` and `received_ms` of the hub it was `gateway_ms` at the gateway. */
export interface Clocks {
  sent_ms: number
  gateway_ms: number
  received_ms: number
}

export interface CommissionDesk {
  site: Site
  name: string
  version: string
  watch: Watch
  devices: Pick<Devices, 'get' | 'all' | 'gatewayOnline'>
  desk: Pick<CommandDesk, 'send'>
  upstreams: Pick<Upstreams, 'reports' | 'names'>
  audit: Pick<Audit, 'record'>
  /** Undefined: it has none, as with --dev. */
  authority: Pick<Authority, 'sign' | 'certificate' | 'fingerprint'> | undefined
  timeQuality: () => TimeQuality
  now_ms: () => number
  newId: () => string
}

/** A boom that is told to open answers when it is up. */
const TTL_MS = 30_000
/** A disk that takes longer is told elsewhere. */
const SEEN_MS = 2_000

export async function atCommissioning(room: CommissionDesk, request: CommissionRequest): Promise<CommissionAnswer> {
  if (request.type === 'commission-sign') return sign(room, request.brought)
  const { gateway, class: deviceClass, device } = request
  const address: Address = { ...room.site, gateway, class: deviceClass, device }
  switch (request.type) {
    case 'commission-look':
      return look(room, address)
    case 'commission-watch': {
      const sightings = await room.watch.next(address, request.after, request.wait_ms)
      return { type: 'commission-watch', sightings }
    }
    case 'commission-command':
      return command(room, address, request)
  }
}

function look({ watch, devices, upstreams, authority }: CommissionDesk, address: Address): Look {
  const number = watch.begin()
  const view = devices.get(address)
  const gateway = devices.get({ ...address, class: 'gateway', device: address.gateway })
  const { readers = [] } = (gateway?.state ?? {}) as Partial<GatewayState>
  return {
    type: 'commission-look',
    number,
    ...(view?.meta ? { meta: view.meta } : {}),
    ...(view?.state === undefined ? {} : { state: view.state }),
    ...(view?.availability ? { availability: view.availability } : {}),
    gatewayOnline: devices.gatewayOnline(address),
    readers: readers.filter(({ gate }) => gate === address.device).map(({ id, status }) => ({ id, status })),
    upstreams: upstreams.reports().map(({ name, connected }) => ({ name, connected })),
    canSign: authority !== undefined,
  }
}

async function command(
  { desk, watch, now_ms, newId }: CommissionDesk,
  address: Address,
  request: CommissionRequest & { type: 'commission-command' },
): Promise<CommissionAnswer> {
  const { name, args, by } = request
  const allowed: readonly string[] = COMMANDS[request.class]
  if (!allowed.includes(name))
    throw new LinliError(
      'COMMAND_UNKNOWN',
      `${name} is no command to try a ${request.class} with; there are ${allowed.join(', ')}`,
      {
        kind: 'caller',
      },
    )
  const id = newId()
  const from = watch.begin()
  const sent_ms = now_ms()
  const result = await desk.send({
    id,
    address,
    name,
    args,
    ttl_ms: TTL_MS,
    actor: { kind: 'installer', id: by },
    reason: 'commissioning',
  })
  const ended_ms = now_ms()
  const accepted = await acceptance(watch, address, from, id)
  return {
    type: 'commission-command',
    result,
    sent_ms,
    ended_ms,
    ...(accepted ? { clocks: { sent_ms, ...accepted } } : {}),
  }
}

/** When the gateway accepted it. The final result is known before what came earlier is on disk, and then seen. */
async function acceptance(watch: Watch, address: Address, from: number, id: string) {
  for (let after = from; ; ) {
    const sightings = await watch.next(address, after, SEEN_MS)
    for (const { number, at_ms, ...seen } of sightings) {
      after = number
      if (seen.type !== 'result' || seen.result.id !== id) continue
      if (seen.result.status === 'accepted') return { gateway_ms: Date.parse(seen.result.at), received_ms: at_ms }
      // It never was: refused, or by the hub itself.
      if (isFinal(seen.result.status)) return undefined
    }
    if (sightings.length === 0) return undefined
  }
}

async function sign(room: CommissionDesk, brought: Brought): Promise<CommissionAnswer> {
  const { authority, now_ms } = room
  if (!authority) {
    const message = 'this hub runs with --dev, or still starts: it has no key to sign a record with'
    throw new LinliError('COMMISSION_UNSIGNED', message, { kind: 'caller' })
  }
  const names = [...new Set(brought.devices.map(({ gateway }) => gateway))]
  const record: AcceptanceRecord = {
    type: 'linli-acceptance-record',
    version: 1,
    site: sitePath(room.site).split('/').slice(2).join('/'),
    hub: { name: room.name, version: room.version },
    gateways: names.map((gateway) => versionOf(room, gateway)),
    upstreams: room.upstreams.names(),
    signedat: new Date(now_ms()).toISOString(),
    timequality: room.timeQuality(),
    ...brought,
  }
  const count = (outcome: string) => brought.devices.filter((one) => one.outcome === outcome).length
  await room.audit.record({
    kind: 'configuration',
    action: 'commissioned',
    actor: `installer:${brought.by}`,
    source: 'command-line',
    target: record.site,
    outcome: 'succeeded',
    detail: {
      sha256: recordHash(record),
      passed: count('pass'),
      failed: count('fail'),
      skipped: count('skip'),
      open: count('open'),
    },
  })
  const signature = authority.sign(recordText(record), 'der')
  const { certificate, fingerprint } = authority
  return { type: 'commission-sign', signed: { record, signature, certificate }, fingerprint }
}

function versionOf({ site, devices }: CommissionDesk, gateway: string): AcceptanceRecord['gateways'][number] {
  const { version } = (devices.get({ ...site, gateway, class: 'gateway', device: gateway })?.state ??
    {}) as Partial<GatewayState>
  return version === undefined ? { gateway } : { gateway, version }
}

/** Undefined: the request is about something else. @throws {LinliError} SCHEMA_VIOLATION */
export function commissionRequest(value: unknown): CommissionRequest | undefined {
  const { type } = (value ?? {}) as { type?: unknown }
  if (typeof type !== 'string' || !Object.hasOwn(requests, type)) return undefined
  const checked = checker(requests[type as keyof typeof requests])(value)
  if (!checked.ok) throw checked.error
  return checked.value
}
