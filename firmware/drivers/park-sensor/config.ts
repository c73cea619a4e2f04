import { SEVERITIES } from '../../../hub/contract/event.ts'
import { Place } from '../../../hub/contract/meta.ts'
import { Segment } from '../../../hub/contract/topic.ts'
import { type Static, Type } from '../../../hub/contract/type.ts'
import type { Threshold } from './belief/config.ts'
import { type OutputConfig, outputDefaults } from './outputs/config.ts'
import { knowledge } from './profile/schema.ts'
import type { Quantity } from './quantity.ts'

/** A park sensor in the gateway's configuration: a slave on a bus with a profile, or sensors on the pins of a board. */

const closed = { additionalProperties: false } as const
const Milliseconds = (minimum: number) => Type.Integer({ minimum, maximum: 86_400_000, description: 'ms' })
const QuantityName = Type.String({ pattern: '^[a-z][a-z0-9.-]{0,39}$' })
const Name = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })

const ThresholdConfig = Type.Object(
  {
    name: Name,
    quantity: QuantityName,
    limit: Type.Number(),
    side: Type.Enum(['above', 'below']),
    hysteresis: Type.Optional(Type.Number({ minimum: 0 })),
    for_ms: Type.Optional(Milliseconds(0)),
    severity: Type.Optional(Type.Enum([...SEVERITIES])),
  },
  closed,
)

const outputFields = {
  name: Name,
  as: Type.Enum(['lamp', 'valve', 'fountain']),
  on_max_ms: Type.Optional(Milliseconds(1000)),
  pause_min_ms: Type.Optional(Milliseconds(0)),
  rainLock: Type.Optional(Type.Boolean()),
  /** Without us the hardware itself goes off; see `OutputConfig`. */
  fallsOff: Type.Optional(Type.Boolean()),
}
type OutputFields = Static<ReturnType<typeof Type.Object<typeof outputFields>>>

const common = {
  kind: Type.Literal('park-sensor'),
  id: Segment,
  place: Place,
  /** Devices of one park are each other's neighbours, and share its rain gauges. One park if none is named. */
  park: Type.Optional(Segment),
  model: Type.Optional(Type.String({ maxLength: 80 })),
  thresholds: Type.Optional(Type.Array(ThresholdConfig, { maxItems: 64 })),
}

export const ParkOnBus = Type.Object(
  {
    ...common,
    bus: Segment,
    unit: Type.Integer({ minimum: 1, maximum: 247, description: 'address of the device on its bus' }),
    profile: Type.String({ pattern: '^[a-z0-9-]{1,40}$', description: 'name of a profile' }),
    /** Quantities of the profile that this device does not have. */
    without: Type.Optional(Type.Array(QuantityName, { maxItems: 64 })),
    intervals_ms: Type.Optional(Type.Record(QuantityName, Milliseconds(100))),
    /** Length of the intervals over which a quantity is summed up. */
    summaries_ms: Type.Optional(Type.Record(QuantityName, Milliseconds(1000))),
    deadbands: Type.Optional(Type.Record(QuantityName, Type.Number({ minimum: 0 }))),
    outputs: Type.Optional(
      Type.Array(Type.Object({ ...outputFields, coil: Type.Integer({ minimum: 0, maximum: 0xffff }) }, closed), {
        maxItems: 32,
      }),
    ),
  },
  closed,
)
export type ParkOnBus = Static<typeof ParkOnBus>

/** 69 is the last digital pin of a Mega 2560; 0 and 1 carry the serial line itself. */
const DigitalPin = Type.Integer({ minimum: 2, maximum: 69, description: 'digital pin of the board' })

const BoardSensor = Type.Object(
  {
    name: QuantityName,
    ...knowledge,
    channel: Type.Optional(Type.Integer({ minimum: 0, maximum: 15, description: 'analog channel of the board' })),
    /** What 0 V and the supply voltage mean. */
    low: Type.Optional(Type.Number()),
    high: Type.Optional(Type.Number()),
    pin: Type.Optional(DigitalPin),
    /** Unit per closing of a contact to ground; without it the pin is told as 1 (closed) and 0. */
    step: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  },
  closed,
)
export type BoardSensor = Static<typeof BoardSensor>

export const ParkOnBoard = Type.Object(
  {
    ...common,
    board: Segment,
    sensors: Type.Array(BoardSensor, { maxItems: 64 }),
    outputs: Type.Optional(Type.Array(Type.Object({ ...outputFields, pin: DigitalPin }, closed), { maxItems: 32 })),
  },
  closed,
)
export type ParkOnBoard = Static<typeof ParkOnBoard>
export type ParkDevice = ParkOnBus | ParkOnBoard

export function thresholdsOf({ thresholds = [] }: ParkDevice): Threshold[] {
  return thresholds.map((threshold) => ({ hysteresis: 0, for_ms: 0, severity: 'warning', ...threshold }))
}

/** @param fallsOff what the hardware does by itself when nothing is configured */
export function outputOf(fields: OutputFields, fallsOff: boolean): OutputConfig {
  const { name, as, ...own } = fields
  const limits = { ...outputDefaults[as], fallsOff }
  return {
    name,
    on_max_ms: own.on_max_ms ?? limits.on_max_ms,
    pause_min_ms: own.pause_min_ms ?? limits.pause_min_ms,
    rainLock: own.rainLock ?? limits.rainLock,
    fallsOff: own.fallsOff ?? limits.fallsOff,
  }
}

/** What a device wants otherwise than its profile: how often it is read and summed up, and how much has to move before it is told. */
export function adjusted(
  quantity: Quantity,
  { intervals_ms = {}, summaries_ms = {}, deadbands = {} }: ParkOnBus,
): Quantity {
  const { name, report } = quantity
  return {
    ...quantity,
    poll_ms: intervals_ms[name] ?? quantity.poll_ms,
    report: {
      ...report,
      deadband: deadbands[name] ?? report.deadband,
      ...(summaries_ms[name] === undefined ? {} : { interval_ms: summaries_ms[name] }),
    },
  }
}
