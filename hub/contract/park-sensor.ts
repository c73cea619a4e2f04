import { instant } from './event.ts'
import { type Static, Type } from './type.ts'

/**
 * What a park sensor says and is told: a slave on a bus or sensors on a board, with the outputs (lamp, valve, fountain)
 * that hang beside them. Readings travel as telemetry; state says how far to believe them.
 */

/** `suspect`: a number that a check doubts. `bad`: not to be used, also when there is a number. */
export const READING_QUALITIES = ['good', 'suspect', 'bad'] as const
export type ReadingQuality = (typeof READING_QUALITIES)[number]

/** Why a reading is not good. `missing-data` is for derived values only. */
export const READING_REASONS = {
  'out-of-range': 'outside of what the sensor can measure',
  'impossible-rate': 'changed faster than the quantity can',
  stuck: 'has not moved for longer than the quantity stands still',
  spike: 'one value far from those around it',
  drift: 'has moved away from its neighbours',
  stale: 'no new reading in time: the last one says nothing about now',
  'sensor-fault': 'the sensor itself reports a fault',
  'bus-error': 'no valid reply from the sensor',
  'missing-data': 'too few good readings to derive it from',
} as const
export type ReadingReason = keyof typeof READING_REASONS

/** Why a command to a park sensor is refused or fails; beside the codes of the contract itself. */
export const PARK_CODES = {
  PARK_QUANTITY_UNKNOWN: 'this sensor measures no such quantity',
  PARK_OUTPUT_UNKNOWN: 'this device has no such output',
  PARK_OUTPUT_LIMIT: 'longer than this output may be on',
  PARK_OUTPUT_PAUSE: 'this output has to rest first',
  PARK_RAIN_LOCK: 'it rains, or it is not known whether it does: this output stays off',
  PARK_SUPERSEDED: 'a later command took its place',
  PARK_SETTING_UNKNOWN: 'the profile has no such writable setting',
  PARK_SETTING_RANGE: 'the profile does not allow this value for the setting',
  PARK_CALIBRATION_INVALID: 'these numbers are no calibration: two points must differ, and give a gain above 0',
  PARK_DEVICE_REFUSED: 'the device answered with an exception',
  PARK_OFFLINE: 'the device does not answer',
} as const
export type ParkCode = keyof typeof PARK_CODES

export const OUTPUT_CAUSES = ['command', 'limit', 'rain', 'contact-lost'] as const

/** A quantity as the profile names it, e.g. `temperature`, `pm2.5`. */
const QUANTITY_PATTERN = '^[a-z][a-z0-9.-]{0,39}$'
const Quantity = Type.String({ pattern: QUANTITY_PATTERN, description: 'as the profile names it' })
const Name = (description: string) => Type.String({ pattern: '^[a-z0-9-]{1,40}$', description })
const Reason = Type.Enum(Object.keys(READING_REASONS) as ReadingReason[])
const Quality = Type.Enum([...READING_QUALITIES])
const Milliseconds = Type.Integer({ minimum: 0, description: 'ms' })
const Side = Type.Enum(['above', 'below'])
const Actor = Type.String({ maxLength: 120, description: 'kind:id of who asked' })
const Gain = Type.Number({ minimum: 1e-6, maximum: 1e6 })

export const parkSensorEvents = {
  'quality-changed': Type.Object({
    quantity: Quantity,
    quality: Quality,
    previous: Quality,
    reason: Type.Optional(Reason),
    code: Type.Optional(Type.Integer({ description: 'the fault code of the sensor, or the Modbus exception' })),
  }),
  'threshold-raised': Type.Object({
    quantity: Quantity,
    threshold: Name('as configured'),
    value: Type.Number(),
    limit: Type.Number(),
    side: Side,
  }),
  'threshold-cleared': Type.Object({
    quantity: Quantity,
    threshold: Name('as in threshold-raised'),
    value: Type.Optional(Type.Number({ description: 'absent when it ended because the readings are not good' })),
    lasted_ms: Milliseconds,
  }),
  'counter-reset': Type.Object(
    { quantity: Quantity, before: Type.Number(), after: Type.Number() },
    { description: 'a counter began anew; what it missed is unknown' },
  ),
  'output-changed': Type.Object({
    output: Name('as configured'),
    on: Type.Boolean(),
    by: Type.Enum([...OUTPUT_CAUSES]),
    actor: Type.Optional(Actor),
  }),
  calibrated: Type.Object({ quantity: Quantity, offset: Type.Number(), gain: Gain, author: Actor }),
  'setting-changed': Type.Object({ setting: Name('as the profile names it'), value: Type.Number(), actor: Actor }),
} as const

export const ParkSensorState = Type.Object({
  profile: Type.String({ maxLength: 40 }),
  quantities: Type.Array(
    Type.Object({
      name: Quantity,
      unit: Type.String({ maxLength: 20, description: 'SenML unit' }),
      quality: Quality,
      reason: Type.Optional(Reason),
      since: instant('when it became so'),
    }),
    { maxItems: 64 },
  ),
  alarms: Type.Array(
    Type.Object({ quantity: Quantity, threshold: Name('as configured'), since: instant('when it was raised') }),
    { maxItems: 64 },
  ),
  outputs: Type.Array(
    Type.Object({
      name: Name('as configured'),
      on: Type.Boolean(),
      until: Type.Optional(instant('when it goes off by itself')),
    }),
    { maxItems: 32 },
  ),
  calibrations: Type.Array(
    Type.Object({
      quantity: Quantity,
      offset: Type.Number({ description: 'in the unit of the quantity' }),
      gain: Gain,
      at: instant('when it was made'),
      author: Actor,
    }),
    { maxItems: 64 },
  ),
})
export type ParkSensorState = Static<typeof ParkSensorState>

const CalibrationPoint = Type.Object(
  {
    shown: Type.Number({ description: 'what the sensor says, uncalibrated' }),
    reference: Type.Number({ description: 'what a reference instrument says' }),
  },
  { additionalProperties: false },
)

export const parkSensorCommands = {
  output: Type.Object(
    {
      output: Name('as configured'),
      on: Type.Boolean(),
      for_ms: Type.Optional(
        Type.Integer({ minimum: 1000, maximum: 86_400_000, description: 'ms; at most the longest on-time' }),
      ),
    },
    { additionalProperties: false },
  ),
  calibrate: Type.Object(
    {
      quantity: Quantity,
      offset: Type.Optional(Type.Number()),
      gain: Type.Optional(Gain),
      points: Type.Optional(Type.Array(CalibrationPoint, { minItems: 1, maxItems: 2 })),
    },
    {
      additionalProperties: false,
      description: 'offset and gain, or one point (offset) or two (both); none of them: no calibration any more',
    },
  ),
  set: Type.Object({ setting: Name('as the profile names it'), value: Type.Number() }, { additionalProperties: false }),
  read: Type.Object({}, { additionalProperties: false, description: 'read now; the result has the readings' }),
} as const
