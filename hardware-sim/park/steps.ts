import { Type } from 'typebox'
import { at_ms, DAY_MS, id, strict } from '../scenario/fields.ts'

const for_ms = Type.Optional(Type.Number({ minimum: 1, maximum: 30 * DAY_MS }))

/** What comes over a park beside its weather. */
export const PARK_STEPS = {
  /** Rain of `mm_h` (20) for `for_ms` (10 min). */
  shower: Type.Object(
    {
      do: Type.Literal('shower'),
      park: id,
      at_ms,
      mm_h: Type.Optional(Type.Number({ minimum: 0.1, maximum: 300 })),
      for_ms,
    },
    strict,
  ),
  /** PM2.5 of `ug_m3` (200) more for `for_ms` (10 min). */
  smoke: Type.Object(
    {
      do: Type.Literal('smoke'),
      park: id,
      at_ms,
      ug_m3: Type.Optional(Type.Number({ minimum: 1, maximum: 2000 })),
      for_ms,
    },
    strict,
  ),
} as const
