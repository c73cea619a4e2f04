import { Type } from 'typebox'
import { at_ms, duration_ms, id, onDevice, strict } from '../../scenario/fields.ts'

/** Which way somebody goes through a door. */
const direction = Type.Optional(Type.Union([Type.Literal('in'), Type.Literal('out')]))

/** What can happen to a door, beside `cut`, `short`, `stick` (its contact) and `heal`. */
export const DOOR_STEPS = {
  /** Somebody opens the leaf, if it is not locked, and keeps it open until `close-door`. */
  'open-door': onDevice('open-door'),
  'close-door': onDevice('close-door'),
  /** The leaf is broken open, locked or not; after `for_ms`, if given, the closer shuts it. */
  force: Type.Object({ do: Type.Literal('force'), device: id, at_ms, for_ms: duration_ms }, strict),
  /** The request-to-exit button, for `for_ms` (200). */
  rex: Type.Object({ do: Type.Literal('rex'), device: id, at_ms, for_ms: duration_ms }, strict),
  /** `persons` (1) try the door, wait up to `patience_ms` (5000) for the lock, and go through one behind the other. */
  'walk-through': Type.Object(
    {
      do: Type.Literal('walk-through'),
      device: id,
      at_ms,
      direction,
      persons: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
      patience_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 3_600_000 })),
    },
    strict,
  ),
  /** The green emergency box is broken; `heal` gives it a new glass. */
  'break-glass': onDevice('break-glass'),
  'open-enclosure': onDevice('open-enclosure'),
  'close-enclosure': onDevice('close-enclosure'),
  /** The supply of the lock or the drive, not of the board. */
  'power-loss': onDevice('power-loss'),
  'power-return': onDevice('power-return'),
} as const
