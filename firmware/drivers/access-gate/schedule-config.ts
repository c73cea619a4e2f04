import { type TEnum, Type } from '../../../hub/contract/type.ts'
import { DAYS, isTimeZone } from './schedule.ts'

/** The parts of a gate's configuration about times that doors and barriers share. Times are in ms. */

export const time = (minimum: number, maximum: number) => Type.Optional(Type.Integer({ minimum, maximum }))

const Direction = Type.Optional(Type.Enum(['in', 'out']))

/** Which names there are depends on the box. */
const TimeZone = Type.Refine(
  Type.String({ maxLength: 60, description: 'IANA name, e.g. Asia/Shanghai' }),
  (name) => isTimeZone(name as string),
  () => 'is not a time zone that this system knows',
)

export function scheduleSchema<M extends string>(modes: readonly M[]) {
  const Mode = Type.Enum([...modes]) as TEnum<M[]>
  return Type.Object(
    {
      timeZone: TimeZone,
      holidays: Type.Optional(Type.Array(Type.String({ format: 'date' }), { maxItems: 200 })),
      rules: Type.Array(
        Type.Object(
          {
            days: Type.Array(Type.Enum([...DAYS]), { minItems: 1, maxItems: DAYS.length }),
            from: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
            to: Type.String({ pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' }),
            mode: Mode,
            direction: Direction,
          },
          { additionalProperties: false },
        ),
        { maxItems: 100 },
      ),
      otherwise: Type.Object({ mode: Mode, direction: Direction }, { additionalProperties: false }),
    },
    { additionalProperties: false },
  )
}
