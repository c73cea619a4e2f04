import { DEVICE_CLASSES } from './topic.ts'
import { type Static, Type } from './type.ts'

/** Where a device hangs, for people and for rules: devices with the same path of ids share a place. */
export const Place = Type.Object(
  {
    building: Type.Optional(Type.String({ maxLength: 40 })),
    floor: Type.Optional(Type.String({ maxLength: 40 })),
    spot: Type.Optional(Type.String({ maxLength: 80, description: 'e.g. lobby, gate 2, kindergarten entrance' })),
    label: Type.Optional(Type.String({ maxLength: 80, description: 'as people call it, in the language of the site' })),
  },
  { additionalProperties: false },
)
export type Place = Static<typeof Place>

/** What a device is; retained, published at every start of its gateway. */
export const Meta = Type.Object({
  class: Type.Enum([...DEVICE_CLASSES]),
  model: Type.String({ maxLength: 80 }),
  driver: Type.Object({ name: Type.String({ maxLength: 80 }), version: Type.String({ maxLength: 40 }) }),
  place: Place,
  capabilities: Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,40}$' }), {
    description: 'commands it takes and things it senses',
  }),
  expireafter_s: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 604_800,
      description: 'while it is online something comes at least this often: after a longer silence the hub says stale',
    }),
  ),
  units: Type.Optional(Type.Record(Type.String(), Type.String({ description: 'SenML unit (RFC 8428 §12.1)' }))),
})
export type Meta = Static<typeof Meta>

/** Two devices share a place when building, floor and spot are the same; a device without any shares none. */
export function samePlace(a: Place, b: Place): boolean {
  if (a.building === undefined && a.floor === undefined && a.spot === undefined) return false
  return a.building === b.building && a.floor === b.floor && a.spot === b.spot
}
