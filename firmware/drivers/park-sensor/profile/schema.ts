import { type Static, Type } from '../../../../hub/contract/type.ts'
import { FIELD_ORDERS, FIELD_TYPES } from './field.ts'

/** A device as data: what a profile file (JSON) may say. `load.ts` checks what no schema can see. */

const TABLES = ['coil', 'discrete', 'holding', 'input'] as const

const closed = { additionalProperties: false } as const
const Address = Type.Integer({ minimum: 0, maximum: 0xffff, description: 'on the wire, from 0' })
const Milliseconds = Type.Integer({ minimum: 100, maximum: 86_400_000, description: 'ms' })
const Span = Type.Object({ min: Type.Number(), max: Type.Number() }, closed)
const Name = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })
const QuantityName = Type.String({ pattern: '^[a-z][a-z0-9.-]{0,39}$' })
const Positive = Type.Number({ exclusiveMinimum: 0 })

const place = {
  table: Type.Enum([...TABLES]),
  address: Address,
  type: Type.Enum([...FIELD_TYPES]),
  order: Type.Optional(Type.Enum([...FIELD_ORDERS])),
  bits: Type.Optional(
    Type.Object(
      { from: Type.Integer({ minimum: 0, maximum: 63 }), width: Type.Integer({ minimum: 1, maximum: 53 }) },
      closed,
    ),
  ),
}

const Stuck = Type.Object(
  {
    after_ms: Milliseconds,
    band: Type.Optional(Positive),
    natural: Type.Optional(Type.Array(Span, { maxItems: 8 })),
    together: Type.Optional(Type.Boolean()),
    unless: Type.Optional(Type.Object({ quantity: QuantityName, below: Type.Number() }, closed)),
  },
  closed,
)
const Drift = Type.Object({ limit: Positive, limitShare: Type.Optional(Positive) }, closed)
const Report = Type.Object(
  {
    summary: Type.Optional(Type.Enum(['last', 'mean', 'mean-max', 'energy', 'vector', 'sum'])),
    interval_ms: Type.Optional(Milliseconds),
    deadband: Type.Optional(Type.Number({ minimum: 0 })),
    heartbeat_ms: Type.Optional(Milliseconds),
    weight: Type.Optional(QuantityName),
  },
  closed,
)

/** What is known of a quantity beside its register; a `null` takes away what `like` has. */
export const knowledge = {
  like: Type.Optional(Type.String({ description: 'a name of well-known.ts; if not given, the name itself' })),
  unit: Type.Optional(Type.String({ minLength: 1, maxLength: 20, description: 'SenML unit (RFC 8428 §12.1)' })),
  kind: Type.Optional(Type.Enum(['gauge', 'counter', 'direction'])),
  range: Type.Optional(Span),
  resolution: Type.Optional(Positive),
  noise: Type.Optional(Type.Number({ minimum: 0 })),
  noiseShare: Type.Optional(Type.Union([Positive, Type.Null()])),
  rate_max: Type.Optional(Type.Union([Positive, Type.Null()])),
  spike_min: Type.Optional(Type.Union([Positive, Type.Null()])),
  stuck: Type.Optional(Type.Union([Stuck, Type.Null()])),
  drift: Type.Optional(Type.Union([Drift, Type.Null()])),
  poll_ms: Type.Optional(Milliseconds),
  stale_ms: Type.Optional(Milliseconds),
  report: Type.Optional(Report),
}

const QuantityEntry = Type.Object(
  {
    name: QuantityName,
    ...place,
    /** Value = number × scale + offset; of a counter: unit per count. */
    scale: Type.Optional(Type.Number()),
    offset: Type.Optional(Type.Number()),
    /** Numbers by which the sensor says that it has no value, before scale and offset. */
    none: Type.Optional(Type.Array(Type.Number(), { maxItems: 8 })),
    ...knowledge,
  },
  closed,
)
export type QuantityEntry = Static<typeof QuantityEntry>

/** A register in which the device reports faults; while it holds one of the values, its readings are `sensor-fault`. */
const Fault = Type.Object(
  {
    ...place,
    values: Type.Record(Type.String({ pattern: '^-?[0-9]+$' }), Type.String({ maxLength: 200 }), { minProperties: 1 }),
    quantities: Type.Optional(Type.Array(QuantityName, { minItems: 1, description: 'all of them if not given' })),
  },
  closed,
)

const Setting = Type.Object(
  {
    name: Name,
    ...place,
    scale: Type.Optional(Type.Number()),
    min: Type.Number(),
    max: Type.Number(),
    unit: Type.Optional(Type.String({ maxLength: 20 })),
    multiple: Type.Optional(Type.Boolean({ description: 'the device knows function 16 or 15 only' })),
  },
  closed,
)

/** All of them hold: it is probably this device. */
const Sign = Type.Object({ ...place, min: Type.Number(), max: Type.Number() }, closed)

export const ProfileFile = Type.Object(
  {
    name: Name,
    maker: Type.String({ minLength: 1, maxLength: 80 }),
    model: Type.String({ minLength: 1, maxLength: 80 }),
    source: Type.String({ minLength: 8, maxLength: 400, description: 'the public register map: address or document' }),
    notes: Type.Optional(Type.Array(Type.String({ maxLength: 400 }), { maxItems: 10 })),
    serial: Type.Object(
      {
        unit: Type.Integer({ minimum: 1, maximum: 247, description: 'as it leaves the factory' }),
        baud: Type.Integer({ minimum: 1200, maximum: 115_200, description: 'as it leaves the factory' }),
        bauds: Type.Optional(Type.Array(Type.Integer({ minimum: 1200, maximum: 256_000 }), { minItems: 1 })),
        parity: Type.Enum(['none', 'even', 'odd']),
        stopBits: Type.Optional(Type.Enum([1, 2])),
      },
      closed,
    ),
    quantities: Type.Array(QuantityEntry, { maxItems: 64 }),
    faults: Type.Optional(Type.Array(Fault, { maxItems: 8 })),
    settings: Type.Optional(Type.Array(Setting, { maxItems: 64 })),
    /** Coils that switch something: addresses of the first, and how many. */
    coils: Type.Optional(Type.Object({ first: Address, count: Type.Integer({ minimum: 1, maximum: 64 }) }, closed)),
    signs: Type.Optional(Type.Array(Sign, { maxItems: 8 })),
    /** Where `linli bus set-address` writes the new address. */
    addressSetting: Type.Optional(
      Type.Object(
        {
          address: Address,
          max: Type.Integer({ minimum: 1, maximum: 247 }),
          multiple: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
  },
  closed,
)
export type ProfileFile = Static<typeof ProfileFile>
