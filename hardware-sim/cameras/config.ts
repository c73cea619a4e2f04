import { type Static, Type } from 'typebox'
import { oneOf } from '../scenario/fields.ts'

const Share = Type.Optional(Type.Number({ minimum: 0, maximum: 1 }))

export const CameraConfig = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    /** The barrier that it stands at. */
    device: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    /** Whose plates it reads; those from `approach` if not given. */
    side: Type.Optional(oneOf('approach', 'exit')),
    /** How far before the boom it sees a plate; 6 m if not given. */
    at_m: Type.Optional(Type.Number({ minimum: 0, maximum: 30 })),
    /** From the plate in view to the answer; 250 ms if not given. */
    latency_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000 })),
    /** Share of readings with a wrong character (0.02), and of those that never come (0.01). */
    misread_share: Share,
    noread_share: Share,
    /** Readings of each vehicle, 400 ms apart; 1 if not given. */
    reads: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
    /** It reads a vehicle in view again after each so long until it drives on; not at all if not given. */
    again_ms: Type.Optional(Type.Number({ minimum: 100, maximum: 600_000 })),
    /** Where readings are posted to as JSON besides, `{plate, confidence, at}`; this machine only. */
    post: Type.Optional(Type.String({ pattern: '^http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:\\d{1,5})?(/\\S*)?$' })),
    /** Shown there as a bearer token. */
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false },
)
export type CameraConfig = Static<typeof CameraConfig>
