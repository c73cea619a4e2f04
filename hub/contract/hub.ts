import { Instant, instant } from './event.ts'
import { COMMAND_ID_PATTERN, Segment } from './topic.ts'
import { type Static, Type } from './type.ts'

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

/** Why a replay was refused, or failed. */
export const REPLAY_CODES = {
  REPLAY_RANGE: 'give either bootid, with from and to when not all of it, or since, with until when not up to now',
  REPLAY_UPSTREAM: 'name one upstream of this hub; who asks through an upstream may ask for that one only',
  REPLAY_BUSY: 'enough replays are waiting already: ask again later',
  REPLAY_BROKEN: 'it ended early, and message says why: ask for what is still missing',
} as const
export type ReplayCode = keyof typeof REPLAY_CODES
/** Events that one replay sends at most. */
export const REPLAY_MAX = 10_000

/** Gates named in one message at most; the counts are always whole. */
export const MISSING_MAX = 200

const Count = Type.Integer({ minimum: 0 })
const Who = {
  command: Type.String({ pattern: COMMAND_ID_PATTERN, description: 'id of the command' }),
  actor: Type.String({ maxLength: 120, description: 'kind:id of who asked' }),
  reason: Type.Optional(Type.String({ maxLength: 200 })),
}

const LeftDeploy = {
  from: Type.Integer({ minimum: 1, description: 'the version that was left' }),
  to: Count,
  user: Type.String({ maxLength: 120, description: 'who deployed it' }),
  cause: Type.String({ maxLength: 60, description: 'how the last process was lost' }),
}

export const hubEvents = {
  evacuation: Type.Object({ ...Who, gates: Count }),
  'evacuation-ended': Type.Object({ ...Who, gates: Count }),
  'flow-report': Type.Object(
    {
      flow: Type.String({ minLength: 1, maxLength: 80, description: 'the node of the flow that says it' }),
      name: Segment,
      text: Type.String({ minLength: 1, maxLength: 2_000, description: 'for people' }),
      data: Type.Optional(Type.Record(Type.String({ maxLength: 80 }), Type.Unknown())),
    },
    { description: 'what the local automation of the estate has to say upstream' },
  ),
  'flows-fell-back': Type.Object(LeftDeploy, {
    description: 'a deploy of flows ended their process twice: the last good version (0: the shipped one) runs again',
  }),
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
  upstreams: Type.Optional(
    Type.Array(
      Type.Object({
        name: Segment,
        status: Type.Enum(['connected', 'disconnected']),
        since: Instant,
        deadletters: Type.Integer({ minimum: 0, description: 'messages that it could not take, set aside' }),
      }),
      { maxItems: 16 },
    ),
  ),
  losses: Type.Optional(
    Type.Array(
      Type.Object({
        lane: Segment,
        dropped: Type.Integer({
          minimum: 0,
          description: 'gone before everybody had it, over the life of the journal',
        }),
        refused: Type.Integer({ minimum: 0, description: 'not taken since the hub started; whoever sent it knows' }),
      }),
      { maxItems: 32 },
    ),
  ),
  journal: Type.Optional(
    Type.Object(
      {
        fault: Type.Optional(
          Type.Object({
            code: Type.String({ maxLength: 60 }),
            message: Type.String({ maxLength: 400, description: 'for people' }),
          }),
        ),
        recovered: Type.Optional(
          Type.Object({
            message: Type.String({ maxLength: 400, description: 'what was found, and where the damaged file is kept' }),
            doubtful: Type.Array(Segment, {
              maxItems: 32,
              description: 'lanes that may lack the newest of what had been acknowledged',
            }),
          }),
        ),
      },
      { description: 'only while something is wrong with it, or was since the hub started' },
    ),
  ),
  flows: Type.Optional(
    Type.Object(
      {
        status: Type.Enum(['running', 'stopped', 'away'], {
          description: 'stopped: the process runs and its flows do not; away: there is no process just now',
        }),
        fellback: Type.Optional(
          Type.Object({ ...LeftDeploy, at: instant('when') }, { description: 'until a later deploy is good' }),
        ),
      },
      { description: 'local automation; absent where it is switched off' },
    ),
  ),
  evacuation: Type.Optional(
    Type.Object({
      ...Who,
      since: Instant,
      doubtful: Type.Optional(
        Type.Boolean({ description: 'read from a damaged journal: that it was ended may be lost' }),
      ),
      gates: Count,
      released: Count,
      missing: Type.Array(Missing, { maxItems: MISSING_MAX }),
    }),
  ),
})
export type HubState = Static<typeof HubState>

const empty = Type.Object({}, { additionalProperties: false })

const Sequence = Type.String({ pattern: '^[0-9]{12}$', description: 'as in the envelope' })

const replayArgs = Type.Object(
  {
    upstream: Type.Optional(Segment),
    gateway: Type.Optional(Segment),
    bootid: Type.Optional(Type.String({ pattern: '^[a-z0-9]{1,32}$' })),
    from: Type.Optional(Sequence),
    to: Type.Optional(Sequence),
    since: Type.Optional(instant('by when it came to the hub')),
    until: Type.Optional(instant('the last moment of it')),
  },
  { additionalProperties: false },
)
export type ReplayArgs = Static<typeof replayArgs>

export const hubCommands = { 'release-all': empty, 'end-release': empty, replay: replayArgs } as const
