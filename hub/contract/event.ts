import { type Address, sourceOf } from './topic.ts'
import { type Static, type TSchema, Type } from './type.ts'

/**
 * The envelope of events and telemetry: CloudEvents 1.0 in structured JSON mode (binary mode needs MQTT 5, which the
 * broker does not speak), with these extension attributes. CloudEvents integers are 32 bits, so counters that can pass
 * 2³¹ travel as decimal strings.
 */

/** `synced`: the clock follows a time source. `holdover`: it did, and lost it. `unsynced`: never since boot. */
export const TIME_QUALITIES = ['synced', 'holdover', 'unsynced'] as const
export type TimeQuality = (typeof TIME_QUALITIES)[number]

/** `alarm`: a person needs help now. `warning`: somebody should look. `notice`: for the record. */
export const SEVERITIES = ['alarm', 'warning', 'notice'] as const
export type Severity = (typeof SEVERITIES)[number]

/** Digits of `sequence`, zero-padded so that it orders as text (CloudEvents sequence extension). */
export const SEQUENCE_DIGITS = 12

/**
 * An RFC 3339 date-time that `Date.parse` understands. The format alone also admits leap seconds and RFC 9557 suffixes,
 * which parse to NaN: a command that expires at NaN would never expire.
 */
export function instant(description: string) {
  return Type.String({
    format: 'date-time',
    pattern: '^[0-9-]{10}[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$',
    description,
  })
}

export const Instant = instant('RFC 3339 date-time')

const envelopeFields = {
  specversion: Type.Literal('1.0'),
  id: Type.String({
    pattern: '^[a-z0-9-]{1,40}:[a-z0-9]{1,32}:[0-9]{12}$',
    description: '{gateway}:{bootid}:{sequence}; with source the key to drop duplicates',
  }),
  source: Type.String({ minLength: 1, description: 'the device: its topic path with a leading slash' }),
  type: Type.String({
    pattern: '^linli\\.[a-z0-9-]+\\.[a-z0-9-]+\\.v[0-9]+$',
    description: 'linli.{class}.{type}.v{major}',
  }),
  time: Instant,
  datacontenttype: Type.Optional(Type.String()),
  sequence: Type.String({ pattern: '^[0-9]{12}$', description: 'order of the events of one boot of one gateway' }),
  bootid: Type.String({ pattern: '^[a-z0-9]{1,32}$', description: 'one run of the gateway software' }),
  timequality: Type.Enum([...TIME_QUALITIES], { description: 'how far to trust time' }),
  monotonicms: Type.String({
    pattern: '^[0-9]{1,15}$',
    description: 'ms since the start of this boot of the gateway, by the monotonic clock',
  }),
  clocktime: Type.Optional(instant('what the unset clock had said: time was corrected afterwards')),
  replayed: Type.Optional(Type.Boolean({ description: 'true when delivery was delayed by an outage: not live' })),
  severity: Type.Enum([...SEVERITIES]),
  traceparent: Type.Optional(
    Type.String({ pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$', description: 'W3C Trace Context' }),
  ),
}

/** The schema of an event with this data; unknown attributes are allowed, so that the contract can grow. */
export function eventSchema<D extends TSchema>(data: D) {
  return Type.Object({ ...envelopeFields, data })
}

export const AnyEvent = eventSchema(Type.Unknown())
export type LinliEvent<D = unknown> = Omit<Static<typeof AnyEvent>, 'data'> & { data: D }

export function eventType(address: Pick<Address, 'class'>, type: string): string {
  return `linli.${address.class}.${type}.v1`
}

export function formatSequence(sequence: number): string {
  return String(sequence).padStart(SEQUENCE_DIGITS, '0')
}

export function eventId(gateway: string, bootid: string, sequence: number): string {
  return `${gateway}:${bootid}:${formatSequence(sequence)}`
}

/** What the moment of an event is known by. */
export interface Stamp {
  /** Wall clock, epoch ms. */
  wall_ms: number
  /** ms since the start of this boot, monotonic. */
  monotonic_ms: number
  quality: TimeQuality
}

/** Who makes the event, and which one it is. */
export interface Origin {
  address: Address
  bootid: string
  sequence: number
}

export function makeEvent<D>(origin: Origin, type: string, severity: Severity, stamp: Stamp, data: D): LinliEvent<D> {
  const { address, bootid, sequence } = origin
  return {
    specversion: '1.0',
    id: eventId(address.gateway, bootid, sequence),
    source: sourceOf(address),
    type: eventType(address, type),
    time: new Date(stamp.wall_ms).toISOString(),
    datacontenttype: 'application/json',
    sequence: formatSequence(sequence),
    bootid,
    timequality: stamp.quality,
    monotonicms: String(Math.max(0, Math.floor(stamp.monotonic_ms))),
    severity,
    data,
  }
}
