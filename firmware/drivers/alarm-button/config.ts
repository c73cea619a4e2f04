import { Place } from '../../../hub/contract/meta.ts'
import { Segment } from '../../../hub/contract/topic.ts'
import { type Static, Type } from '../../../hub/contract/type.ts'

/** One alarm button in the gateway's configuration. Times are in ms. */

/** 69 is the last digital pin of a Mega 2560; 0 and 1 carry the serial line itself. */
const DigitalPin = Type.Integer({ minimum: 2, maximum: 69, description: 'digital pin of the board' })
const time = (minimum: number, maximum: number) => Type.Optional(Type.Integer({ minimum, maximum }))

const common = {
  kind: Type.Literal('alarm-button'),
  id: Segment,
  place: Place,
  model: Type.Optional(Type.String({ maxLength: 80 })),
  cancelAfter_ms: time(1000, 60_000),
  stuckAfter_ms: time(5000, 600_000),
  loopConfirm_ms: time(100, 10_000),
  sirenMax_ms: time(1000, 3_600_000),
}

export const AlarmButtonConfig = Type.Object(
  {
    ...common,
    board: Segment,
    contactPin: DigitalPin,
    loopPin: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 15, description: 'analog channel of the supervised loop' }),
    ),
    lampPin: Type.Optional(DigitalPin),
    sirenPin: Type.Optional(DigitalPin),
  },
  { additionalProperties: false },
)
export type AlarmButtonConfig = Static<typeof AlarmButtonConfig>

const Line = Type.Integer({ minimum: 0, maximum: 1023, description: 'line of the chip; BCM number on a Pi' })

/** On GPIO lines of the box, which have no analog channel: without a supervised loop. */
export const AlarmButtonOnChip = Type.Object(
  {
    ...common,
    chip: Segment,
    contactLine: Line,
    lampLine: Type.Optional(Line),
    sirenLine: Type.Optional(Line),
  },
  { additionalProperties: false },
)
export type AlarmButtonOnChip = Static<typeof AlarmButtonOnChip>

/** The lines of a chip are the pins of a board to the driver. */
export function buttonOnPins({
  chip,
  contactLine,
  lampLine,
  sirenLine,
  ...rest
}: AlarmButtonOnChip): AlarmButtonConfig {
  return {
    ...rest,
    board: chip,
    contactPin: contactLine,
    ...(lampLine === undefined ? {} : { lampPin: lampLine }),
    ...(sirenLine === undefined ? {} : { sirenPin: sirenLine }),
  }
}

export const alarmButtonDefaults = {
  cancelAfter_ms: 3000,
  stuckAfter_ms: 30_000,
  loopConfirm_ms: 300,
  sirenMax_ms: 180_000,
} as const
