import { type Static, Type } from 'typebox'
import { at_ms, id, oneOf, strict } from '../../scenario/fields.ts'

const Port = Type.Integer({ minimum: 0, maximum: 65_535 })

/** A network camera that gives snapshots by ONVIF; on this machine only. */
export const OnvifConfig = Type.Object(
  {
    id,
    /** 0: any that is free; `ready` tells which. */
    port: Port,
    user: Type.String({ minLength: 1, maxLength: 80 }),
    password: Type.String({ minLength: 1, maxLength: 200 }),
    /** Views that it turns to; it does not turn at all if not given. */
    presets: Type.Optional(Type.Array(id, { minItems: 1, maxItems: 32 })),
    /** How far back it knows what it saw, `GET /snapshot?at=TIME`; 10 s if not given, 0: not at all. */
    buffer_s: Type.Optional(Type.Number({ minimum: 0, maximum: 600 })),
    /** How far its clock is ahead; 0 if not given. */
    clock_ms: Type.Optional(Type.Number({ minimum: -400 * 86_400_000, maximum: 400 * 86_400_000 })),
    /** The host that it believes to have, as behind a router; 127.0.0.1 if not given. */
    host: Type.Optional(Type.String({ pattern: '^[a-zA-Z0-9.-]{1,253}$' })),
  },
  strict,
)
export type OnvifConfig = Static<typeof OnvifConfig>

/** Answers WS-Discovery for all of them. */
export const DiscoveryConfig = Type.Object(
  {
    /** 3702 if not given; 0: any that is free. */
    port: Type.Optional(Port),
  },
  strict,
)
export type DiscoveryConfig = Static<typeof DiscoveryConfig>

export const CAMERA_STEPS = {
  /**
   * What a camera does from now on. `down`: takes no connection. `slow`: answers after `slow_ms` (30,000). `garbage`: answers
   * nonsense. `locked`: refuses every password. `half`: ends in the middle of a picture. `endless`: a picture without end.
   * `elsewhere`: sends whoever asks to `to`.
   */
  'camera-fault': Type.Object(
    {
      do: Type.Literal('camera-fault'),
      camera: id,
      at_ms,
      fault: oneOf('none', 'down', 'slow', 'garbage', 'locked', 'half', 'endless', 'elsewhere'),
      slow_ms: Type.Optional(Type.Number({ minimum: 1, maximum: 600_000 })),
      to: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    },
    strict,
  ),
} as const
export type CameraStep = Static<(typeof CAMERA_STEPS)['camera-fault']>
