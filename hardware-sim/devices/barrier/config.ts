import { type Static, Type } from 'typebox'

/** The analog channels 0–5 of the header are digital pins 14–19 too. */
const Pin = Type.Integer({ minimum: 2, maximum: 19 })
const Travel = Type.Optional(Type.Number({ minimum: 200, maximum: 30_000 }))

export const BarrierConfig = Type.Object(
  {
    kind: Type.Literal('barrier'),
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    /** Relays of the drive; high is on. */
    raisePin: Pin,
    lowerPin: Pin,
    /** Breaks the current of the motor. */
    stopPin: Type.Optional(Pin),
    /** Limit switches, closed (low) while the boom is at the limit. */
    upPin: Pin,
    downPin: Pin,
    /** Loop detectors and beam: high while occupied, without power and with a cut cable. */
    safetyPin: Pin,
    approachPin: Type.Optional(Pin),
    exitPin: Type.Optional(Pin),
    beamPin: Type.Optional(Pin),
    /** High darkens the transmitter of the beam. */
    beamTestPin: Type.Optional(Pin),
    /** Traffic lights for those from the approach side and from the exit side: high is green. */
    lampPin: Type.Optional(Pin),
    exitLampPin: Type.Optional(Pin),
    /** `one-by-one`: a sign says that each opening is for one vehicle. A light takes its place. */
    sign: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('one-by-one')])),
    /** Emergency box, high once its glass is broken or its cable cut. */
    releasePin: Type.Optional(Pin),
    /** Lid of the drive's housing, high while open. */
    enclosurePin: Type.Optional(Pin),
    /** From one end to the other; 1800 ms up and 2200 ms down if not given. */
    raise_ms: Travel,
    lower_ms: Travel,
    /** How long the boom goes on after its current was cut or turned; 60 ms if not given. */
    coast_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
    /** `held` (if not given): the motor runs while its relay is on. `latched`: a pulse starts it, the limit or `stop` ends it. */
    drive: Type.Optional(Type.Union([Type.Literal('held'), Type.Literal('latched')])),
    /** What the boom does without power: it `holds` (if not given) or its spring `rises` it. */
    unpowered: Type.Optional(Type.Union([Type.Literal('holds'), Type.Literal('rises')])),
    bounce_ms_max: Type.Optional(Type.Number({ minimum: 0, maximum: 20 })),
  },
  { additionalProperties: false },
)
export type BarrierConfig = Static<typeof BarrierConfig>

/** Header pins in use, by the field that names them. */
export function barrierPins(config: BarrierConfig): Record<string, number> {
  return Object.fromEntries(
    Object.entries(config).filter((entry): entry is [string, number] => entry[0].endsWith('Pin')),
  )
}
