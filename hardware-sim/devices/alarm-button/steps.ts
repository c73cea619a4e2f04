import { Type } from 'typebox'
import { at_ms, duration_ms, id, onDevice, strict } from '../../scenario/fields.ts'

/** What can happen to an alarm button. */
export const ALARM_BUTTON_STEPS = {
  /** The button is pressed and let go after `for_ms` (200 if not given). */
  press: Type.Object({ do: Type.Literal('press'), device: id, at_ms, for_ms: duration_ms }, strict),
  /** The button is pressed until `release`. */
  hold: onDevice('hold'),
  release: onDevice('release'),
  cut: onDevice('cut'),
  short: onDevice('short'),
  /** Cable whole, contact free, no disturbance. A finger on the button stays. */
  heal: onDevice('heal'),
  /** The contact welds, closed if not said otherwise. */
  stick: Type.Object(
    {
      do: Type.Literal('stick'),
      device: id,
      at_ms,
      contact: Type.Optional(Type.Union([Type.Literal('closed'), Type.Literal('open')])),
    },
    strict,
  ),
  /** `count` (1) electrical pulses of `width_ms` (5), at least 20 ms apart. */
  glitch: Type.Object(
    {
      do: Type.Literal('glitch'),
      device: id,
      at_ms,
      width_ms: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 10 })),
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    },
    strict,
  ),
} as const
