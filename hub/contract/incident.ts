import { instant } from './event.ts'
import { Place } from './meta.ts'
import { Segment } from './topic.ts'
import { type Static, Type } from './type.ts'

/** What the hub says of an incident, and what it can be told: `…/hub/incident/{number}/…`. */

/** 大事 (government handles), 小事 (handled together), 私事 (residents themselves). */
export const INCIDENT_KINDS = ['major', 'shared', 'private'] as const
export type IncidentKind = (typeof INCIDENT_KINDS)[number]

export const INCIDENT_STATUSES = [
  'raised',
  'acknowledged',
  'dispatched',
  'on-site',
  'resolved',
  'answered',
  'false-alarm',
] as const
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number]

/** What has to be done in time. */
export const INCIDENT_CLOCKS = ['acknowledge', 'dispatch', 'resolve', 'answer'] as const
export type IncidentClock = (typeof INCIDENT_CLOCKS)[number]

/** Who is told when it was not, one after the other. */
export const INCIDENT_TIERS = ['building', 'estate', 'community', 'street'] as const
export type IncidentTier = (typeof INCIDENT_TIERS)[number]

/** An event of a device, staff, or a matter of a resident. */
export const INCIDENT_SOURCES = ['event', 'staff', 'resident'] as const
export type IncidentSource = (typeof INCIDENT_SOURCES)[number]

/** The device segment of commands that raise an incident: it has no number yet. */
export const NEW_INCIDENT = 'new'

/** Why a command to an incident was refused. */
export const INCIDENT_CODES = {
  INCIDENT_UNKNOWN: 'there is no incident of this number, or it is closed for so long that nothing can be done to it',
  INCIDENT_STEP: 'the incident is not where this step begins: message says where it is and what can be done',
  INCIDENT_TEAM: 'the site has no such team or person',
  INCIDENT_FULL: 'too many incidents are open, or this one has too long a story: finish some first',
  INCIDENT_UNKEPT: 'the hub could not write it to its disk: nothing was done, send it again',
  INCIDENT_FAILED: 'the hub failed on it, and its log says how: nothing was done',
  INCIDENT_RESTARTED: 'the hub restarted before it was done: nothing was done, send it again with a new id',
} as const
export type IncidentCode = keyof typeof INCIDENT_CODES

/** Of what people write. */
export const TEXT_CHARS_MAX = 2_000
const Text = Type.String({ minLength: 1, maxLength: TEXT_CHARS_MAX })
const Count = Type.Integer({ minimum: 0 })
const Kind = Type.Enum([...INCIDENT_KINDS])
const Clock = Type.Enum([...INCIDENT_CLOCKS])
const Tier = Type.Enum([...INCIDENT_TIERS])
const Device = Type.String({ maxLength: 200, description: '{gateway}/{class}/{device}' })
const EventId = Type.String({ maxLength: 120, description: 'id of the event' })
const Reference = Type.String({ minLength: 1, maxLength: 80, description: 'what whoever submitted it calls it' })
const actor = Type.String({ maxLength: 120, description: 'kind:id of who did it' })
const status = Type.Enum([...INCIDENT_STATUSES], { description: 'where it is now' })
const by = { actor }

export const incidentEvents = {
  raised: Type.Object({
    actor,
    kind: Kind,
    source: Type.Enum([...INCIDENT_SOURCES]),
    cause: Type.String({
      maxLength: 80,
      description: 'name of the rule, unavailable (a device in fault or gone), submit or raise',
    }),
    device: Type.Optional(Device),
    event: Type.Optional(EventId),
    place: Type.Optional(Place),
    reference: Type.Optional(Reference),
    team: Type.Optional(Segment),
  }),
  repeated: Type.Object({ count: Type.Integer({ minimum: 2, description: 'so far' }), event: EventId }),
  acknowledged: Type.Object(by),
  dispatched: Type.Object({ ...by, team: Type.Optional(Segment) }),
  'on-site': Type.Object(by),
  resolved: Type.Object({ ...by, text: Type.Optional(Text) }),
  answered: Type.Object({ ...by, text: Type.Optional(Text) }),
  'false-alarm': Type.Object({ ...by, reason: Text }),
  reopened: Type.Object({ ...by, reason: Text }),
  'kind-corrected': Type.Object({ actor, kind: Kind, previous: Kind }),
  assigned: Type.Object({ actor, team: Segment }),
  escalated: Type.Object({ clock: Clock, tier: Tier, late_ms: Count }),
} as const

export const IncidentState = Type.Object({
  status,
  kind: Kind,
  source: Type.Enum([...INCIDENT_SOURCES]),
  cause: Type.String({ maxLength: 80 }),
  since: instant('when it was raised'),
  count: Type.Integer({ minimum: 1, description: 'how often the event came; 1 for other sources' }),
  late: Type.Boolean({ description: 'what raised it was delivered late, because of an outage' }),
  device: Type.Optional(Device),
  place: Type.Optional(Place),
  reference: Type.Optional(Reference),
  team: Type.Optional(Segment),
  steps: Type.Array(Type.Object({ status: Type.Enum([...INCIDENT_STATUSES]), at: instant('when'), actor }), {
    maxItems: 7,
    description: 'how it came to where it is; a step that was taken back is not there',
  }),
  overdue: Type.Array(Type.Object({ clock: Clock, tier: Tier }), {
    maxItems: 4,
    description: 'what is late now, and who was told last',
  }),
  text: Type.Optional(Type.String({ maxLength: TEXT_CHARS_MAX, description: 'what the resident is told' })),
})
export type IncidentState = Static<typeof IncidentState>

const closed = { additionalProperties: false } as const
const comment = Type.Optional(Text)
const reference = Type.Optional(Reference)
const who = { team: Type.Optional(Segment), person: Type.Optional(Segment) }

export const incidentCommands = {
  /** A matter of a resident: no name, no number; the app knows whose it is by `reference`. */
  submit: Type.Object({ text: Text, kind: Type.Optional(Kind), place: Type.Optional(Place), reference }, closed),
  raise: Type.Object({ text: Text, kind: Type.Optional(Kind), place: Type.Optional(Place) }, closed),
  acknowledge: Type.Object({ comment }, closed),
  dispatch: Type.Object({ ...who, comment }, closed),
  arrive: Type.Object({ comment }, closed),
  resolve: Type.Object({ text: Type.Optional(Text), comment }, closed),
  answer: Type.Object({ text: Type.Optional(Text), comment }, closed),
  'false-alarm': Type.Object({ reason: Text }, closed),
  reopen: Type.Object({ reason: Text }, closed),
  comment: Type.Object({ text: Text }, closed),
  'correct-kind': Type.Object({ kind: Kind, comment }, closed),
  assign: Type.Object({ ...who, comment }, { ...closed, minProperties: 1 }),
  /** What the resident says to it; not satisfied reopens it. */
  confirm: Type.Object({ satisfied: Type.Boolean(), text: Type.Optional(Text) }, closed),
} as const
export type IncidentCommand = keyof typeof incidentCommands
export type IncidentArgs<N extends IncidentCommand> = Static<(typeof incidentCommands)[N]>
