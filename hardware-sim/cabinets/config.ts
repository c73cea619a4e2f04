import { type Static, Type } from 'typebox'

/** A control cabinet: devices on a terminal strip, and wires from its terminals to channels of modules on buses. */
export const CabinetFrame = Type.Object(
  {
    /** Pins of these devices are terminals. */
    devices: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 20 }),
    /** `"2": "relays/0"` leads terminal 2 to channel 0 of the module `relays`. */
    wires: Type.Record(
      Type.String({ pattern: '^[0-9]{1,2}$' }),
      Type.String({ pattern: '^[a-z0-9-]{1,40}/[0-9]{1,2}$' }),
    ),
  },
  { additionalProperties: false },
)
export type CabinetFrame = Static<typeof CabinetFrame>

export interface Wire {
  module: string
  channel: number
}

export function wireOf(text: string): Wire {
  const [module = '', channel] = text.split('/')
  return { module, channel: Number(channel) }
}
