import { type Static, Type } from 'typebox'
import { BARRIER_MODES } from '../../../../hub/contract/access-gate.ts'
import { Place } from '../../../../hub/contract/meta.ts'
import { Segment } from '../../../../hub/contract/topic.ts'
import { Input, Pin, scheduleSchema, time } from '../wiring.ts'

/** One barrier in the gateway's configuration. Times are in ms. */

const modes = BARRIER_MODES.filter((mode) => mode !== 'evacuate')

export const BarrierDeviceConfig = Type.Object(
  {
    kind: Type.Literal('barrier'),
    id: Segment,
    board: Segment,
    place: Place,
    model: Type.Optional(Type.String({ maxLength: 80 })),
    inputs: Type.Object(
      {
        up: Input,
        down: Input,
        safety: Input,
        beam: Type.Optional(Input),
        approach: Type.Optional(Input),
        exit: Type.Optional(Input),
        release: Type.Optional(Input),
      },
      { additionalProperties: false },
    ),
    outputs: Type.Object(
      {
        raise: Pin,
        lower: Pin,
        stop: Type.Optional(Pin),
        'beam-test': Type.Optional(Pin),
        lamp: Type.Optional(Pin),
        'lamp-exit': Type.Optional(Pin),
      },
      { additionalProperties: false },
    ),
    direction: Type.Enum(['in', 'out', 'both'], {
      description: 'approach lies on the side where these vehicles come from (of both: in)',
    }),
    policy: Type.Optional(Type.Enum(['plain', 'flow'])),
    mode: Type.Optional(Type.Enum([...modes])),
    schedule: Type.Optional(scheduleSchema(modes)),
    raiseTimeout_ms: time(1000, 60_000),
    lowerTimeout_ms: time(1000, 60_000),
    clearDelay_ms: time(200, 30_000),
    passTimeout_ms: time(2000, 120_000),
    stuckAfter_ms: time(10_000, 3_600_000),
    testTimeout_ms: time(100, 5000),
    stopPulse_ms: time(100, 5000),
    fresh_ms: time(500, 5000),
  },
  { additionalProperties: false },
)
export type BarrierDeviceConfig = Static<typeof BarrierDeviceConfig>

export const barrierDefaults = {
  policy: 'plain',
  mode: 'normal',
  raiseTimeout_ms: 8000,
  lowerTimeout_ms: 8000,
  clearDelay_ms: 1000,
  passTimeout_ms: 15_000,
  stuckAfter_ms: 120_000,
  testTimeout_ms: 500,
  stopPulse_ms: 500,
  fresh_ms: 1000,
} as const

/** A cut cable reads as an occupied zone, a limit that was not reached, and a fire: never as the way being clear. */
export const barrierOnWhen = {
  up: 'low',
  down: 'low',
  safety: 'high',
  beam: 'high',
  approach: 'low',
  exit: 'low',
  release: 'high',
} as const
