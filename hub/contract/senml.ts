import { type Static, Type } from 'typebox'

/** One record of a SenML pack (RFC 8428 §4): base fields on the first record, resolved fields per reading. */
export const SenmlRecord = Type.Object(
  {
    bn: Type.Optional(Type.String()),
    bt: Type.Optional(Type.Number()),
    bu: Type.Optional(Type.String()),
    n: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9\\-:./_]*$' })),
    u: Type.Optional(Type.String()),
    t: Type.Optional(Type.Number({ description: 'seconds, since the epoch or relative to bt' })),
    v: Type.Optional(Type.Number()),
    vs: Type.Optional(Type.String()),
    vb: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: true },
)
export const SenmlPack = Type.Array(SenmlRecord, { minItems: 1, maxItems: 500 })
export type SenmlPack = Static<typeof SenmlPack>
