import { isIP } from 'node:net'
import { Place } from '../../../hub/contract/meta.ts'
import { Segment } from '../../../hub/contract/topic.ts'
import { type Static, Type } from '../../../hub/contract/type.ts'

/** Cameras that read plates: the part of the configuration about them. How sure is sure enough, the gate says. */

const Direction = Type.Enum(['in', 'out'], { description: 'whom it sees: those who go in, or those who go out' })

export const CameraConfig = Type.Object(
  {
    id: Segment,
    gate: Segment,
    direction: Direction,
    place: Type.Optional(Place),
    /** 8 to 64 bytes in hex; the digits are the camera's token, or its password with its id as the user name. */
    tokenFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 500,
        description: 'file with a token in hex, readable by the gateway only',
      }),
    ),
    /** Shown as stale after this long without a sign; make it short for a camera that says regularly that it is there. */
    silentAfter_s: Type.Optional(Type.Integer({ minimum: 10, maximum: 604_800 })),
  },
  { additionalProperties: false },
)
export type CameraConfig = Static<typeof CameraConfig>

export const CamerasConfig = Type.Object(
  {
    listen: Type.Optional(
      Type.Object(
        {
          host: Type.Optional(Type.String({ minLength: 1, maxLength: 80, description: 'an address of this machine' })),
          port: Type.Integer({ minimum: 1, maximum: 65_535 }),
        },
        { additionalProperties: false },
      ),
    ),
    list: Type.Array(CameraConfig, { minItems: 1, maxItems: 32 }),
  },
  { additionalProperties: false },
)
export type CamerasConfig = Static<typeof CamerasConfig>

export const LOOPBACK = '127.0.0.1'

/** What no schema sees: gates that are not there, names used twice, a port for everybody without tokens. */
export function camerasFault(
  cameras: CamerasConfig,
  gates: ReadonlySet<string>,
  hasCredentials: boolean,
): { path: string; message: string } | undefined {
  const host = cameras.listen?.host ?? LOOPBACK
  if (isIP(host) === 0)
    return { path: '/cameras/listen/host', message: `${host} is no IP address; e.g. ${LOOPBACK}, or 0.0.0.0 for all` }
  const ids = new Set<string>()
  for (const [index, { id, gate, tokenFile }] of cameras.list.entries()) {
    const path = `/cameras/list/${index}`
    if (ids.has(id)) return { path: `${path}/id`, message: `camera ${id} is there twice` }
    ids.add(id)
    if (!gates.has(gate)) {
      const known = [...gates].join(', ') || 'none'
      return { path: `${path}/gate`, message: `there is no gate ${gate}; gates: ${known}` }
    }
    if (cameras.listen && !isLoopback(host) && tokenFile === undefined)
      return { path: `${path}/tokenFile`, message: `${host} is not loopback: every camera needs a token there` }
  }
  if (!hasCredentials)
    return { path: '/credentials', message: 'cameras need credentials to decide by; give {"keyFile": …}' }
  return undefined
}

/** RFC 1122 §3.2.1.3 (g) and RFC 4291 §2.5.3. */
export function isLoopback(host: string): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(host) || host === '::1'
}
