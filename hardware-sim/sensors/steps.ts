import { type Static, type TSchema, Type } from 'typebox'
import { at_ms, DAY_MS, duration_ms, id, oneOf, strict } from '../scenario/fields.ts'
import { Quantity } from './config.ts'
import { FAULTS } from './probe.ts'

const quantity = Type.Optional(Quantity)
const size = Type.Optional(Type.Number({ minimum: -1e9, maximum: 1e9 }))

/** What can happen to a sensor, on a bus or on pins: the target's field has another name there. */
const faultFields = {
  do: Type.Literal('fault'),
  at_ms,
  /** All that it measures if not given. */
  quantity,
  how: oneOf(...FAULTS),
  /** Drift: per hour; offset and spike: what is added; noisy: deviation; code: the register instead. */
  size,
  /** Spikes: how many samples. */
  samples: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  /** Until `mend` if not given. */
  for_ms: Type.Optional(Type.Number({ minimum: 1, maximum: 400 * DAY_MS })),
}
const mendFields = { do: Type.Literal('mend'), at_ms, quantity }
const measureFields = { do: Type.Literal('measure'), at_ms }

export const SENSOR_STEPS = {
  fault: Type.Object({ ...faultFields, slave: id }, strict),
  mend: Type.Object({ ...mendFields, slave: id }, strict),
  measure: Type.Object({ ...measureFields, slave: id }, strict),
  /** Without power for `off_ms` (300), then registers full of nonsense for `garbage_ms` (3000). */
  'brown-out': Type.Object(
    { do: Type.Literal('brown-out'), slave: id, at_ms, off_ms: duration_ms, garbage_ms: duration_ms },
    strict,
  ),
} as const

export const PIN_SENSOR_STEPS = {
  fault: Type.Object({ ...faultFields, device: id }, strict),
  mend: Type.Object({ ...mendFields, device: id }, strict),
  measure: Type.Object({ ...measureFields, device: id }, strict),
} as const

type StepOf<Table extends Record<string, TSchema>> = { [Name in keyof Table]: Static<Table[Name]> }[keyof Table]
export type SensorStep = StepOf<typeof SENSOR_STEPS>
/** What both kinds of sensor know, whoever is named. */
export type ProbeStep =
  | Omit<Static<(typeof SENSOR_STEPS)['fault']>, 'slave'>
  | Omit<Static<(typeof SENSOR_STEPS)['mend']>, 'slave'>
  | Omit<Static<(typeof SENSOR_STEPS)['measure']>, 'slave'>
