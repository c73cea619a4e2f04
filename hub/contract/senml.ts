import { READING_QUALITIES, READING_REASONS, type ReadingReason } from './park-sensor.ts'
import { type Static, Type } from './type.ts'

/**
 * One record of a SenML pack (RFC 8428 §4): base fields on the first record, resolved fields per reading. `q`, `qr` and `qs` are
 * labels of ours (a reader that does not know a label skips it, RFC 8428 §4.4); every record has a value of some kind, so a
 * reading without a number says why in `vs`.
 */
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
    q: Type.Optional(Type.Enum([...READING_QUALITIES], { description: 'good when absent' })),
    qs: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'share of good samples behind an average' })),
    qr: Type.Optional(Type.Enum(Object.keys(READING_REASONS) as ReadingReason[], { description: 'why not good' })),
  },
  { additionalProperties: true },
)
export const SenmlPack = Type.Array(SenmlRecord, { minItems: 1, maxItems: 500 })
export type SenmlPack = Static<typeof SenmlPack>
