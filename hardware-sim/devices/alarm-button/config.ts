import { type Static, Type } from 'typebox'

const DigitalPin = Type.Integer({ minimum: 2, maximum: 13 })

export const AlarmButtonConfig = Type.Object(
  {
    kind: Type.Literal('alarm-button'),
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    /** Digital pin at the board's end of the button's cable. */
    contactPin: DigitalPin,
    /** Analog channel at the same node; without it the loop is not supervised. */
    loopPin: Type.Optional(Type.Integer({ minimum: 0, maximum: 5 })),
    lampPin: DigitalPin,
    sirenPin: DigitalPin,
    /** Longest time for which the contact bounces after a movement; 5 ms if not given. */
    bounce_ms_max: Type.Optional(Type.Number({ minimum: 0, maximum: 20 })),
    /** Mean number of short openings per second of a worn contact while it is held closed; none if not given. */
    chatter_per_s: Type.Optional(Type.Number({ minimum: 0, maximum: 50 })),
  },
  { additionalProperties: false },
)
export type AlarmButtonConfig = Static<typeof AlarmButtonConfig>

const FIRST_ANALOG_PIN = 14

/** Header pins in use, by the field that names them. */
export function alarmButtonPins(config: AlarmButtonConfig): Record<string, number> {
  const { contactPin, lampPin, sirenPin, loopPin } = config
  return { contactPin, lampPin, sirenPin, ...(loopPin === undefined ? {} : { loopPin: FIRST_ANALOG_PIN + loopPin }) }
}
