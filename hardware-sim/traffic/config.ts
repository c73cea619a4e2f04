import { type Static, Type } from 'typebox'
import { oneOf } from '../scenario/fields.ts'

const id = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })
const Share = Type.Optional(Type.Number({ minimum: 0, maximum: 1 }))

/** Who comes when to a door or a barrier: either `per_hour` or `counts`. */
export const TrafficConfig = Type.Object(
  {
    id,
    device: id,
    /** Mean arrivals in each hour of the day, from midnight on. */
    per_hour: Type.Optional(Type.Array(Type.Number({ minimum: 0, maximum: 10_000 }), { minItems: 24, maxItems: 24 })),
    /** Minutes by which the day of `per_hour` is ahead of UTC; 480 if not given. */
    utc_offset_min: Type.Optional(Type.Integer({ minimum: -840, maximum: 840 })),
    /** Mean size of a group that comes together; 1 if not given. Counts at a building's door vary as with 2. */
    group_mean: Type.Optional(Type.Number({ minimum: 1, maximum: 20 })),
    counts: Type.Optional(
      Type.Object(
        {
          /** Lines of `flow,MM/DD/YY,HH:MM:SS,count`. */
          csv: Type.String({ minLength: 1, maxLength: 1000 }),
          flow: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
          /** `MM/DD/YY HH:MM:SS` of the first interval to replay; the first in the file if not given. */
          from: Type.Optional(Type.String({ pattern: '^\\d\\d/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d$' })),
        },
        { additionalProperties: false },
      ),
    ),
    /** At a barrier: the side; at a door: the direction. */
    side: Type.Optional(oneOf('approach', 'exit')),
    direction: Type.Optional(oneOf('in', 'out')),
    /** Plates to draw from, and the share of vehicles with one that is not among them. */
    plates: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 20 }), { minItems: 1, maxItems: 50_000 })),
    unknown_share: Share,
    /** How drivers behave, and the shares of those that tailgate and of those that always wait for an opening of their own. */
    driver: Type.Optional(oneOf('obeys', 'waits')),
    tailgater_share: Share,
    waits_share: Share,
    /** A driver who is not let in turns back after this; 30 s if not given. */
    patience_ms: Type.Optional(Type.Number({ minimum: 1, maximum: 3_600_000 })),
    /** At a door: the reader, and the cards of 26 bits to draw from. Without them people press the button (`rex`). */
    reader: Type.Optional(id),
    cards: Type.Optional(
      Type.Array(
        Type.Object(
          {
            facility: Type.Integer({ minimum: 0, maximum: 0xff }),
            number: Type.Integer({ minimum: 0, maximum: 0xffff }),
          },
          { additionalProperties: false },
        ),
        { minItems: 1, maxItems: 50_000 },
      ),
    ),
  },
  { additionalProperties: false },
)
export type TrafficConfig = Static<typeof TrafficConfig>
