import { type Static, Type } from 'typebox'

/** The analog channels 0–5 of the header are digital pins 14–19 too. */
const Pin = Type.Integer({ minimum: 2, maximum: 19 })

export const DoorConfig = Type.Object(
  {
    kind: Type.Literal('door'),
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    /** `fail-secure` is locked without current, `fail-safe` (a magnet) is open without. */
    strike: Type.Union([Type.Literal('fail-secure'), Type.Literal('fail-safe')]),
    /** Relay of the strike: high is energised. */
    strikePin: Pin,
    /** Reed contact, closed (low) while the leaf is closed. */
    contactPin: Pin,
    /** The other throw of the reed: low while the leaf is open. */
    contactPairPin: Type.Optional(Pin),
    /** Request-to-exit button, low while pressed. */
    rexPin: Type.Optional(Pin),
    /** Emergency box, high once its glass is broken or its cable cut. */
    releasePin: Type.Optional(Pin),
    /** Lid of the control box, high while open. */
    enclosurePin: Type.Optional(Pin),
    bounce_ms_max: Type.Optional(Type.Number({ minimum: 0, maximum: 20 })),
    /** From letting the leaf go until it is shut; 3000 ms if not given. */
    closer_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
  },
  { additionalProperties: false },
)
export type DoorConfig = Static<typeof DoorConfig>

/** Header pins in use, by the field that names them. */
export function doorPins(config: DoorConfig): Record<string, number> {
  return Object.fromEntries(
    Object.entries(config).filter((entry): entry is [string, number] => entry[0].endsWith('Pin')),
  )
}
