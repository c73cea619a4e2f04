import { type Static, Type } from 'typebox'
import { Instant } from './event.ts'
import { COMMAND_ID_PATTERN } from './topic.ts'

/** What the hub says of itself, and the commands that mean the whole estate. */

/** Why a command for the estate failed, or was refused; beside the codes of its gates. */
export const ESTATE_CODES = {
  ESTATE_RELEASE_INCOMPLETE: 'not every gate said that it is released: data lists those that did not',
  ESTATE_END_INCOMPLETE: 'not every gate said that its evacuation has ended: data lists those that did not',
  ESTATE_SUPERSEDED: 'a later release-all or end-release took its place',
  HUB_RESTARTED: 'the hub restarted before every gate had answered: send it again',
  HUB_UNKNOWN: 'this hub has another name: see its state topic',
} as const
export type EstateCode = keyof typeof ESTATE_CODES

/** Gates named in one message at most; the counts are always whole. */
export const MISSING_MAX = 200

const Count = Type.Integer({ minimum: 0 })
const Who = {
  command: Type.String({ pattern: COMMAND_ID_PATTERN, description: 'id of the command' }),
  actor: Type.String({ maxLength: 120, description: 'kind:id of who asked' }),
  reason: Type.Optional(Type.String({ maxLength: 200 })),
}

export const hubEvents = {
  evacuation: Type.Object({ ...Who, gates: Count }),
  'evacuation-ended': Type.Object({ ...Who, gates: Count }),
} as const

const Missing = Type.Object({
  gate: Type.String({ maxLength: 81, description: '{gateway}/{device}' }),
  code: Type.Optional(Type.String({ maxLength: 60, description: 'why; absent while it has not been asked' })),
})

export const HubState = Type.Object({
  version: Type.String({ maxLength: 40 }),
  audit: Type.Optional(
    Type.Object({ sequence: Count, hash: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256, hex' }) }),
  ),
  evacuation: Type.Optional(
    Type.Object({
      ...Who,
      since: Instant,
      gates: Count,
      released: Count,
      missing: Type.Array(Missing, { maxItems: MISSING_MAX }),
    }),
  ),
})
export type HubState = Static<typeof HubState>

const empty = Type.Object({}, { additionalProperties: false })

export const hubCommands = { 'release-all': empty, 'end-release': empty } as const
