import { Type } from 'typebox'
import { at_ms, DAY_MS, duration_ms, id, oneOf, strict } from '../../scenario/fields.ts'

const Side = oneOf('approach', 'exit')

/** What can happen to a barrier, beside `break-glass`, `open-enclosure`, `close-enclosure`, `power-loss`, `power-return` and `heal`. */
export const BARRIER_STEPS = {
  /** A vehicle comes, waits its turn, passes and leaves. */
  vehicle: Type.Object(
    {
      do: Type.Literal('vehicle'),
      device: id,
      at_ms,
      plate: Type.String({ minLength: 1, maxLength: 20 }),
      /** Where it comes from; `approach` if not given. */
      from: Type.Optional(Side),
      length_m: Type.Optional(Type.Number({ minimum: 1, maximum: 30 })),
      height_m: Type.Optional(Type.Number({ minimum: 0.5, maximum: 5 })),
      /** As fast as it would go by here; 3.5 m/s if not given. */
      speed_m_s: Type.Optional(Type.Number({ minimum: 0.5, maximum: 20 })),
      /**
       * `obeys` (if not given): goes while the boom is up and the light, if there is one, green; a sign `one-by-one` without a
       * light makes it wait for an opening of its own. `waits`: always waits for an opening of its own. `tailgates`: follows
       * as closely as it can, whatever boom, light and sign say.
       */
      driver: Type.Optional(oneOf('obeys', 'waits', 'tailgates')),
      /** Stands for so long under the boom: a driver who talks, or an engine that dies. */
      stalls_ms: Type.Optional(Type.Number({ minimum: 0, maximum: DAY_MS })),
      /** Turns back after so long as the first in the queue; never if not given. */
      patience_ms: duration_ms,
    },
    strict,
  ),
  /** Somebody is under the boom for `for_ms` (1000): seen by the beam, not by the loops. 1.1 m is a child. */
  pedestrian: Type.Object(
    {
      do: Type.Literal('pedestrian'),
      device: id,
      at_ms,
      for_ms: duration_ms,
      height_m: Type.Optional(Type.Number({ minimum: 0.3, maximum: 2.2 })),
    },
    strict,
  ),
  /** The boom can go no further, where it is or at `angle_deg`. */
  block: Type.Object(
    {
      do: Type.Literal('block'),
      device: id,
      at_ms,
      angle_deg: Type.Optional(Type.Number({ minimum: 0, maximum: 90 })),
    },
    strict,
  ),
  unblock: Type.Object({ do: Type.Literal('unblock'), device: id, at_ms }, strict),
  /** The contact of a relay stays on (if not said otherwise) or off. */
  weld: Type.Object(
    {
      do: Type.Literal('weld'),
      device: id,
      at_ms,
      relay: oneOf('raise', 'lower', 'stop'),
      on: Type.Optional(Type.Boolean()),
    },
    strict,
  ),
  'loop-stuck': Type.Object(
    {
      do: Type.Literal('loop-stuck'),
      device: id,
      at_ms,
      loop: oneOf('approach', 'safety', 'exit'),
      reads: oneOf('occupied', 'clear'),
    },
    strict,
  ),
  'beam-stuck': Type.Object(
    { do: Type.Literal('beam-stuck'), device: id, at_ms, reads: oneOf('occupied', 'clear') },
    strict,
  ),
  /** A limit switch stays open (if not said otherwise) or closed. */
  'limit-broken': Type.Object(
    {
      do: Type.Literal('limit-broken'),
      device: id,
      at_ms,
      limit: oneOf('up', 'down'),
      contact: Type.Optional(oneOf('open', 'closed')),
    },
    strict,
  ),
} as const
