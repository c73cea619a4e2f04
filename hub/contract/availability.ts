import { instant } from './event.ts'
import { type Static, Type } from './type.ts'

/** `online`: heard within its interval. `stale`: silent for too long. `fault`: reports that it cannot work. `offline`: gone. */
export const AVAILABILITIES = ['online', 'stale', 'fault', 'offline'] as const
export type AvailabilityStatus = (typeof AVAILABILITIES)[number]

export const Availability = Type.Object({
  status: Type.Enum([...AVAILABILITIES]),
  reason: Type.Optional(
    Type.String({
      pattern: '^[a-z0-9-]{1,60}$',
      description: 'kebab-case, e.g. board-unplugged, loop-open, gateway-offline',
    }),
  ),
  since: Type.Optional(instant('absent in a will, which is written before the fact; the hub fills it in')),
})
export type Availability = Static<typeof Availability>
