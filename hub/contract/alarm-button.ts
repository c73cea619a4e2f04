import { instant } from './event.ts'
import { type Static, Type } from './type.ts'

/** What a one-key alarm button says and is told. */

const Milliseconds = Type.Integer({ minimum: 0, description: 'ms' })
const Press = Type.Integer({
  minimum: 1,
  description: 'which press since the alarm was last reset: repeated presses count',
})

/** The supervised two-wire loop (four states with `alarm`, which is the press itself). `unknown`: not supervised or not yet measured. */
export const LOOPS = ['normal', 'open', 'short', 'unknown'] as const

export const alarmButtonEvents = {
  pressed: Type.Object({
    press: Press,
    atstart: Type.Boolean({
      description: 'the contact was found closed when the driver started or the board came back',
    }),
  }),
  released: Type.Object({ press: Press, held_ms: Milliseconds }),
  cancelled: Type.Object(
    { press: Press, held_ms: Milliseconds },
    { description: 'held long enough to take the alarm back' },
  ),
  stuck: Type.Object(
    { press: Press, held_ms: Milliseconds },
    { description: 'held so long that the contact must be stuck' },
  ),
  tamper: Type.Object({ loop: Type.Enum(['open', 'short']) }),
  'tamper-cleared': Type.Object({ loop: Type.Literal('normal'), lasted_ms: Milliseconds }),
  reset: Type.Object(
    { presses: Type.Integer({ minimum: 0 }), actor: Type.String() },
    { description: 'staff reset the alarm by command' },
  ),
} as const

export const AlarmButtonState = Type.Object({
  alarm: Type.Boolean({ description: 'pressed and not yet reset or cancelled' }),
  since: Type.Optional(instant('the first press of this alarm')),
  pressed: Type.Boolean({ description: 'the contact is closed now' }),
  presses: Type.Integer({ minimum: 0, description: 'presses since the last reset' }),
  stuck: Type.Boolean(),
  loop: Type.Enum([...LOOPS]),
  lamp: Type.Boolean(),
  siren: Type.Boolean(),
})
export type AlarmButtonState = Static<typeof AlarmButtonState>

const empty = Type.Object({}, { additionalProperties: false })
const output = Type.Object(
  {
    on: Type.Boolean(),
    for_ms: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 3_600_000,
        description: 'ms until it goes off by itself; the driver has its own upper limit',
      }),
    ),
  },
  { additionalProperties: false },
)

export const alarmButtonCommands = { lamp: output, siren: output, reset: empty } as const
