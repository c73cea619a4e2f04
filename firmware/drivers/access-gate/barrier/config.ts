import { BARRIER_MODES } from '../../../../hub/contract/access-gate.ts'
import { Place } from '../../../../hub/contract/meta.ts'
import { Segment } from '../../../../hub/contract/topic.ts'
import { type Static, Type } from '../../../../hub/contract/type.ts'
import { scheduleSchema, time } from '../schedule-config.ts'
import { type GateWires, gateSchemas } from '../wiring.ts'

/** One barrier in the gateway's configuration. Times are in ms. */

const modes = BARRIER_MODES.filter((mode) => mode !== 'evacuate')

const common = {
  kind: Type.Literal('barrier'),
  id: Segment,
  place: Place,
  model: Type.Optional(Type.String({ maxLength: 80 })),
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
}
const inputs = {
  up: 'needed',
  down: 'needed',
  safety: 'needed',
  beam: 'optional',
  approach: 'optional',
  exit: 'optional',
  release: 'optional',
} as const
const outputs = {
  raise: 'needed',
  lower: 'needed',
  stop: 'optional',
  'beam-test': 'optional',
  lamp: 'optional',
  'lamp-exit': 'optional',
} as const

/** By the carrier of its wires. */
export const barrierSchemas = gateSchemas(common, inputs, outputs)

export type BarrierDeviceConfig = Static<ReturnType<typeof Type.Object<typeof common>>> &
  GateWires<keyof typeof inputs, 'up' | 'down' | 'safety', keyof typeof outputs, 'raise' | 'lower'>

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

/**
 * The limit switches are mechanical and bounce: without this each arrival could look like a boom that was lifted by
 * hand. The motor runs on for as long, which the way behind the limit takes. Safety inputs count at once.
 */
export const barrierSettle_ms = { up: 20, down: 20 } as const
