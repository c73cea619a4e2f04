import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false }
const id = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })
const column = Type.String({ minLength: 1, maxLength: 100 })

/** A record that takes the place of what would be drawn; hours that it does not have are drawn. */
export const ReplayConfig = Type.Object(
  {
    csv: Type.String({ minLength: 1, maxLength: 1000 }),
    /** One column of ISO 8601 times, or columns of their parts. */
    time: Type.Union([
      Type.Object({ column, utc_offset_min: Type.Optional(Type.Integer({ minimum: -840, maximum: 840 })) }, strict),
      Type.Object(
        {
          year: column,
          month: column,
          day: column,
          hour: column,
          utc_offset_min: Type.Optional(Type.Integer({ minimum: -840, maximum: 840 })),
        },
        strict,
      ),
    ]),
    /** Columns of the file by what they say. */
    columns: Type.Object(
      {
        temperature_c: Type.Optional(column),
        dew_point_c: Type.Optional(column),
        pressure_hpa: Type.Optional(column),
        cover: Type.Optional(column),
        wind_m_s: Type.Optional(column),
        wind_deg: Type.Optional(column),
        rain_mm_h: Type.Optional(column),
        pm25_ug_m3: Type.Optional(column),
      },
      strict,
    ),
    /** Between two lines further apart the record says nothing; 3 h if not given. */
    gap_ms: Type.Optional(Type.Integer({ minimum: 1000, maximum: 30 * 86_400_000 })),
  },
  strict,
)
export type ReplayConfig = Static<typeof ReplayConfig>

/** The city around all parks. */
export const CityConfig = Type.Object(
  {
    /** Where the sun stands; Beijing (39.9, 116.4) if not given. The climate is that of the North China Plain anywhere. */
    latitude_deg: Type.Optional(Type.Number({ minimum: -66, maximum: 66 })),
    longitude_deg: Type.Optional(Type.Number({ minimum: -180, maximum: 180 })),
    /** Of people's clocks; 480 if not given. */
    utc_offset_min: Type.Optional(Type.Integer({ minimum: -840, maximum: 840 })),
    /** What the calendar of the world shows when it starts, e.g. `2026-06-12T08:00:00+08:00`; the wall clock if not given. */
    start: Type.Optional(
      Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d)?(Z|[+-]\\d\\d:\\d\\d)$' }),
    ),
    replay: Type.Optional(ReplayConfig),
  },
  strict,
)
export type CityConfig = Static<typeof CityConfig>

const wire = Type.String({ pattern: '^[a-z0-9-]{1,40}/[0-9]{1,2}$' })

export const ParkConfig = Type.Object(
  {
    id,
    /** In the busiest hour of a fine weekend; 80 if not given. */
    visits_per_hour: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000 })),
    /** Channels of relay modules, `"valve": "relays/3"`. */
    outputs: Type.Optional(
      Type.Object({ lamp: Type.Optional(wire), valve: Type.Optional(wire), fountain: Type.Optional(wire) }, strict),
    ),
  },
  strict,
)
export type ParkConfig = Static<typeof ParkConfig>
