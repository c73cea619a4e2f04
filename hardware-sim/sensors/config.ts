import { type Static, Type } from 'typebox'
import { QUANTITIES } from '../park/park.ts'
import { oneOf } from '../scenario/fields.ts'
import { SENSOR_MODELS, type SensorModelName } from './models.ts'

const strict = { additionalProperties: false }
const id = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })
export const Quantity = Type.Enum([...QUANTITIES])
const first_count = Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff_ffff }))

/** A sensor on a Modbus line. */
export const ParkSensorConfig = Type.Object(
  {
    kind: Type.Literal('park-sensor'),
    id,
    /** 1–247 (Modbus over serial line v1.02, §2.2). */
    unit: Type.Integer({ minimum: 1, maximum: 247 }),
    park: id,
    model: Type.Enum(Object.keys(SENSOR_MODELS) as SensorModelName[]),
    reply_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 5000 })),
    /** Where its counters stand at first; 0 if not given. */
    first_count,
  },
  strict,
)
export type ParkSensorConfig = Static<typeof ParkSensorConfig>

/** Sensors without a bus, on the pins of a board. */
export const PinSensorConfig = Type.Object(
  {
    kind: Type.Literal('park-pins'),
    id,
    park: id,
    /** 0 V at `low`, 5 V at `high`. */
    analog: Type.Optional(
      Type.Array(
        Type.Object(
          {
            channel: Type.Integer({ minimum: 0, maximum: 5 }),
            quantity: Quantity,
            low: Type.Number(),
            high: Type.Number(),
          },
          strict,
        ),
        { maxItems: 6 },
      ),
    ),
    /** A contact to ground for 100 ms at each `per` (rain: 0.2 mm, people: 1). */
    pulses: Type.Optional(
      Type.Array(
        Type.Object(
          {
            pin: Type.Integer({ minimum: 2, maximum: 19 }),
            quantity: oneOf('rain', 'people'),
            per: Type.Optional(Type.Number({ minimum: 0.01, maximum: 1000 })),
          },
          strict,
        ),
        { maxItems: 4 },
      ),
    ),
    /** On when high. */
    outputs: Type.Optional(
      Type.Array(
        Type.Object(
          { pin: Type.Integer({ minimum: 2, maximum: 19 }), output: oneOf('lamp', 'valve', 'fountain') },
          strict,
        ),
        { maxItems: 3 },
      ),
    ),
  },
  strict,
)
export type PinSensorConfig = Static<typeof PinSensorConfig>

const FIRST_ANALOG_PIN = 14

export function pinSensorPins({ analog = [], pulses = [], outputs = [] }: PinSensorConfig): Record<string, number> {
  return Object.fromEntries([
    ...analog.map(({ channel }, index) => [`analog[${index}].channel`, FIRST_ANALOG_PIN + channel]),
    ...pulses.map(({ pin }, index) => [`pulses[${index}].pin`, pin]),
    ...outputs.map(({ pin }, index) => [`outputs[${index}].pin`, pin]),
  ])
}
