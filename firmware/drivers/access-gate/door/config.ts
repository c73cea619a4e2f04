import { DOOR_MODES } from '../../../../hub/contract/access-gate.ts'
import { Place } from '../../../../hub/contract/meta.ts'
import { Segment } from '../../../../hub/contract/topic.ts'
import { type Static, Type } from '../../../../hub/contract/type.ts'
import { scheduleSchema, time } from '../schedule-config.ts'
import { type GateWires, gateSchemas } from '../wiring.ts'

/** One door in the gateway's configuration. Times are in ms. */

const common = {
  kind: Type.Literal('door'),
  id: Segment,
  place: Place,
  model: Type.Optional(Type.String({ maxLength: 80 })),
  strike: Type.Enum(['fail-secure', 'fail-safe'], { description: 'what the lock does without power' }),
  mode: Type.Optional(Type.Enum(DOOR_MODES.filter((mode) => mode !== 'evacuate'))),
  schedule: Type.Optional(scheduleSchema(DOOR_MODES.filter((mode) => mode !== 'evacuate'))),
  unlock_ms: time(1000, 60_000),
  heldWarning_ms: time(1000, 600_000),
  heldOpen_ms: time(2000, 3_600_000),
  fresh_ms: time(500, 10_000),
}
const inputs = { contact: 'needed', rex: 'optional', release: 'optional', enclosure: 'optional' } as const
const outputs = { strike: 'needed' } as const

/** By the carrier of its wires. */
export const doorSchemas = gateSchemas(common, inputs, outputs)

export type DoorDeviceConfig = Static<ReturnType<typeof Type.Object<typeof common>>> &
  GateWires<keyof typeof inputs, 'contact', keyof typeof outputs, 'strike'>

export const doorDefaults = {
  mode: 'card',
  unlock_ms: 5000,
  heldWarning_ms: 20_000,
  heldOpen_ms: 30_000,
  fresh_ms: 1000,
} as const

/** A cut cable reads as an open door, an open enclosure, and a fire: never as all being well. */
export const doorOnWhen = { contact: 'low', rex: 'low', release: 'high', enclosure: 'high' } as const

/** Reed, button and lid switch bounce; without this a door that falls shut would be told as forced again and again. */
export const doorSettle_ms = { contact: 30, rex: 30, enclosure: 30 } as const
