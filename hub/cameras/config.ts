import { type Decoded, LinliError } from '../contract/errors.ts'
import { Place } from '../contract/meta.ts'
import { SEGMENT_PATTERN } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'

/** Cameras of a site that are asked for pictures when there is an alarm at their place, and never else. */

const CAMERAS_MAX = 100

export const CameraConfig = Type.Object(
  {
    url: Type.String({
      maxLength: 300,
      pattern: '^https?://[^/?#@\\s]+(/[^?#\\s]*)?$',
      description: 'its ONVIF device service, such as http://192.168.1.64/onvif/device_service; no password in it',
    }),
    /** It shows every place that has what this names: a building alone is all of it. */
    place: Place,
    login: Type.Optional(
      Type.Object(
        {
          username: Type.String({ minLength: 1, maxLength: 80 }),
          /** Mode 0600; its name is meant from the data folder. */
          passwordfile: Type.String({ minLength: 1, maxLength: 500 }),
        },
        { additionalProperties: false },
      ),
    ),
    /** Name or token of a media profile; the first of the camera when absent. */
    profile: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** Name or token of the view to which a camera that turns is turned at an alarm. */
    preset: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** A camera that remembers what it saw: where a picture of the past is, `{at}` for the time (RFC 3339). */
    past: Type.Optional(
      Type.Object(
        {
          path: Type.String({ maxLength: 300, pattern: '^/[^\\s#]*\\{at\\}[^\\s#]*$' }),
          seconds: Type.Integer({ minimum: 1, maximum: 3600, description: 'how far back' }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)
export type CameraConfig = Static<typeof CameraConfig>

export const CameraConfigs = Type.Record(Type.String({ pattern: SEGMENT_PATTERN }), CameraConfig, {
  maxProperties: CAMERAS_MAX,
  additionalProperties: false,
})
export type CameraConfigs = Static<typeof CameraConfigs>

/** How long pictures are kept, whichever ends first. */
export const PictureLimits = Type.Object(
  {
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
    megabytes: Type.Optional(Type.Integer({ minimum: 10, maximum: 1_000_000 })),
  },
  { additionalProperties: false },
)
export type PictureLimits = Static<typeof PictureLimits>
const DAYS_DEFAULT = 30
const MEGABYTES_DEFAULT = 1_000

export function keptFor({ days = DAYS_DEFAULT, megabytes = MEGABYTES_DEFAULT }: PictureLimits = {}) {
  return { age_ms_max: days * 24 * 3600_000, bytes_max: megabytes * 1_000_000 }
}

/** What no schema sees: a camera that shows no place would show none, or all. */
export function camerasFault(cameras: CameraConfigs, code: string): Decoded<never> | undefined {
  for (const [id, { place }] of Object.entries(cameras)) {
    if (place.building !== undefined || place.floor !== undefined || place.spot !== undefined) continue
    const path = `/cameras/${id}/place`
    const message = `${path} names no place; allowed: at least one of building, floor, spot`
    return { ok: false, error: new LinliError(code, message, { kind: 'caller', path }) }
  }
  return undefined
}

/** The cameras that show a place. */
export function camerasAt(cameras: CameraConfigs, place: Place | undefined): Array<[id: string, CameraConfig]> {
  if (place === undefined) return []
  return Object.entries(cameras).filter(([, { place: shown }]) =>
    (['building', 'floor', 'spot'] as const).every((part) => shown[part] === undefined || shown[part] === place[part]),
  )
}
