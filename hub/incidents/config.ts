import { INCIDENT_KINDS, INCIDENT_TIERS, type IncidentClock, type IncidentKind } from '../contract/incident.ts'
import type { Place } from '../contract/meta.ts'
import { DEVICE_CLASSES, Segment } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'
import type { Limit } from './clock-machine.ts'

/** `incidents` of site.json: who there is, what raises an incident, and how long everything may take. */

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export const TEAM_SORTS = ['patrol', 'mediation', 'property', 'volunteers', 'police'] as const
const closed = { additionalProperties: false } as const
const PEOPLE_MAX = 500
const TEAMS_MAX = 100

const Text = Type.String({ minLength: 1, maxLength: 80 })
const Where = Type.Object(
  {
    building: Type.Optional(Type.String({ maxLength: 40 })),
    floor: Type.Optional(Type.String({ maxLength: 40 })),
    spot: Type.Optional(Type.String({ maxLength: 80 })),
  },
  { ...closed, minProperties: 1, description: 'a place fits when it has all that is named' },
)
const Time = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'HH:MM, time of the site' })
const Shift = Type.Object(
  {
    days: Type.Optional(
      Type.Array(Type.Enum([...DAYS]), { minItems: 1, description: 'on which it begins; every day' }),
    ),
    from: Time,
    to: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'at or before from: on the next day' }),
    people: Type.Array(Segment, { minItems: 1, maxItems: 50 }),
  },
  closed,
)
export type Shift = Static<typeof Shift>

/** Nothing of a person but this. */
const Person = Type.Object(
  {
    name: Text,
    role: Type.Optional(Text),
    contact: Type.Object({ channel: Segment, address: Type.String({ minLength: 1, maxLength: 200 }) }, closed),
  },
  closed,
)
export type Person = Static<typeof Person>

const Team = Type.Object(
  {
    name: Text,
    sort: Type.Enum([...TEAM_SORTS]),
    tier: Type.Enum([...INCIDENT_TIERS], { description: 'which is told when something is late' }),
    places: Type.Optional(Type.Array(Where, { maxItems: 100, description: 'everywhere when absent' })),
    skills: Type.Optional(Type.Array(Segment, { maxItems: 20 })),
    shifts: Type.Array(Shift, { maxItems: 50 }),
  },
  closed,
)
export type Team = Static<typeof Team>

const Seconds = Type.Union([Type.Integer({ minimum: 10, maximum: 30 * 86_400 }), Type.Null()])
const Limits = Type.Object(
  {
    kinds: Type.Optional(Type.Array(Type.Enum([...INCIDENT_KINDS]), { minItems: 1 })),
    places: Type.Optional(Type.Array(Where, { minItems: 1, maxItems: 100 })),
    acknowledge_s: Type.Optional(Seconds),
    dispatch_s: Type.Optional(Seconds),
    resolve_s: Type.Optional(Seconds),
    answer_s: Type.Optional(Seconds),
  },
  { ...closed, description: 'null: no clock' },
)

const Rule = Type.Object(
  {
    name: Segment,
    class: Type.Enum([...DEVICE_CLASSES]),
    events: Type.Array(Segment, { minItems: 1, maxItems: 20 }),
    places: Type.Optional(Type.Array(Where, { minItems: 1, maxItems: 100 })),
    kind: Type.Union([Type.Enum([...INCIDENT_KINDS]), Type.Literal('none')], { description: 'none: raises nothing' }),
    skill: Type.Optional(Segment),
    team: Type.Optional(Segment),
  },
  closed,
)
export type Rule = Static<typeof Rule>

export const IncidentSettings = Type.Object(
  {
    people: Type.Optional(Type.Record(Segment, Person, { maxProperties: PEOPLE_MAX, ...closed })),
    teams: Type.Optional(Type.Record(Segment, Team, { maxProperties: TEAMS_MAX, ...closed })),
    /** The first that fits decides; behind them stand the shipped ones. */
    rules: Type.Optional(Type.Array(Rule, { maxItems: 100 })),
    /** Each that fits changes what the ones before it said; the shipped ones come first. */
    limits: Type.Optional(Type.Array(Limits, { maxItems: 100 })),
    unavailable: Type.Optional(
      Type.Object(
        {
          classes: Type.Optional(
            Type.Array(Type.Enum([...DEVICE_CLASSES]), { maxItems: 10, description: 'none: it raises nothing' }),
          ),
          after_s: Type.Optional(Type.Integer({ minimum: 10, maximum: 86_400 })),
        },
        { ...closed, description: 'devices that report a fault or are gone' },
      ),
    ),
    /** How long a closed one stays where it can be opened again, and retained for the city app. */
    keepClosed_h: Type.Optional(Type.Integer({ minimum: 1, maximum: 24 * 30 })),
  },
  closed,
)
export type IncidentSettings = Static<typeof IncidentSettings>

export interface IncidentConfig {
  timeZone: string
  people: Readonly<Record<string, Person>>
  teams: Readonly<Record<string, Team>>
  rules: readonly Rule[]
  limits: readonly Static<typeof Limits>[]
  keepClosed_ms: number
  unavailable: { classes: readonly string[]; after_ms: number }
}

/** What raises an incident where the site says nothing else. */
export const SHIPPED_RULES: readonly Rule[] = [
  { name: 'button', class: 'alarm-button', events: ['pressed'], kind: 'major', skill: 'patrol' },
  { name: 'button-fault', class: 'alarm-button', events: ['stuck'], kind: 'shared', skill: 'property' },
  { name: 'duress', class: 'access-gate', events: ['duress'], kind: 'major', skill: 'patrol' },
  { name: 'forced', class: 'access-gate', events: ['forced'], kind: 'major', skill: 'patrol' },
  { name: 'held-open', class: 'access-gate', events: ['held-open'], kind: 'shared', skill: 'patrol' },
  { name: 'gate-fault', class: 'access-gate', events: ['fault'], kind: 'shared', skill: 'property' },
  { name: 'tamper', class: 'alarm-button', events: ['tamper'], kind: 'shared', skill: 'patrol' },
  { name: 'tamper', class: 'access-gate', events: ['tamper'], kind: 'shared', skill: 'patrol' },
  { name: 'threshold', class: 'park-sensor', events: ['threshold-raised'], kind: 'shared', skill: 'property' },
  { name: 'board-lost', class: 'gateway', events: ['board-lost'], kind: 'shared', skill: 'property' },
  { name: 'evacuation', class: 'hub', events: ['evacuation'], kind: 'major', skill: 'patrol' },
  { name: 'flows', class: 'hub', events: ['flows-fell-back'], kind: 'shared', skill: 'property' },
]

/** Of an incident that is open already: told with it, and nothing more. */
export const FOLLOWING_EVENTS: Readonly<Record<string, readonly string[]>> = {
  'alarm-button': ['cancelled', 'stuck', 'reset', 'tamper-cleared'],
  'access-gate': ['forced-cleared', 'held-open-cleared', 'tamper-cleared', 'fault-cleared'],
  'park-sensor': ['threshold-cleared'],
  gateway: ['board-ready'],
  hub: ['evacuation-ended'],
}

const SHIPPED_LIMITS: IncidentConfig['limits'] = [
  { acknowledge_s: 60, dispatch_s: 300, resolve_s: 7_200, answer_s: 86_400 },
  // What residents settle themselves needs nobody who goes there.
  { kinds: ['private'], dispatch_s: null },
]

/** From one tier to the next. */
const GAP_MS: Record<IncidentClock, number> = {
  acknowledge: 60_000,
  dispatch: 300_000,
  resolve: 1_800_000,
  answer: 86_400_000,
}
const HOUR_MS = 3_600_000
const KEEP_CLOSED_H = 72
/** What people rely on; a park can do without a sensor until somebody looks. */
const UNAVAILABLE_CLASSES = ['alarm-button', 'access-gate', 'gateway']
/** A restart of a gateway, a plug that was put back. */
const UNAVAILABLE_S = 60

export function incidentConfig(settings: IncidentSettings = {}, timeZone = 'UTC'): IncidentConfig {
  return {
    timeZone,
    people: settings.people ?? {},
    teams: settings.teams ?? {},
    rules: [...(settings.rules ?? []), ...SHIPPED_RULES],
    limits: [...SHIPPED_LIMITS, ...(settings.limits ?? [])],
    unavailable: {
      classes: settings.unavailable?.classes ?? UNAVAILABLE_CLASSES,
      after_ms: (settings.unavailable?.after_s ?? UNAVAILABLE_S) * 1000,
    },
    keepClosed_ms: (settings.keepClosed_h ?? KEEP_CLOSED_H) * HOUR_MS,
  }
}

/** Undefined: there is no such clock. */
export function limitOf(
  config: IncidentConfig,
  clock: IncidentClock,
  kind: IncidentKind,
  place: Place | undefined,
): Limit | undefined {
  let limit_s: number | null = null
  for (const { kinds, places, ...limits } of config.limits) {
    const said = limits[`${clock}_s`]
    if (said !== undefined && (kinds ?? [kind]).includes(kind) && isIn(places, place)) limit_s = said
  }
  return limit_s === null ? undefined : { limit_ms: limit_s * 1000, gap_ms: GAP_MS[clock] }
}

/** @param places everywhere when absent */
export function isIn(places: readonly Static<typeof Where>[] | undefined, place: Place | undefined): boolean {
  if (!places) return true
  return places.some((where) =>
    (['building', 'floor', 'spot'] as const).every(
      (part) => where[part] === undefined || where[part] === place?.[part],
    ),
  )
}

/** The rule for an event; undefined: it raises nothing. */
export function ruleFor(
  { rules }: Pick<IncidentConfig, 'rules'>,
  event: { class: string; type: string; place?: Place | undefined },
): (Rule & { kind: IncidentKind }) | undefined {
  const rule = rules.find(
    (one) => one.class === event.class && one.events.includes(event.type) && isIn(one.places, event.place),
  )
  return rule && rule.kind !== 'none' ? { ...rule, kind: rule.kind } : undefined
}

/** What no schema sees: people and teams that are not there. Path and message of the first mistake. */
export function settingsFault(settings: IncidentSettings): { path: string; message: string } | undefined {
  const { people = {}, teams = {}, rules = [] } = settings
  for (const [id, team] of Object.entries(teams)) {
    for (const [index, shift] of team.shifts.entries()) {
      const stranger = shift.people.find((person) => !Object.hasOwn(people, person))
      if (stranger !== undefined)
        return {
          path: `/teams/${id}/shifts/${index}/people`,
          message: `names "${stranger}"; people has: ${Object.keys(people).join(', ') || 'nobody'}`,
        }
    }
  }
  const index = rules.findIndex(({ team }) => team !== undefined && !Object.hasOwn(teams, team))
  if (index < 0) return undefined
  const known = Object.keys(teams).join(', ') || 'none'
  return { path: `/rules/${index}/team`, message: `is "${rules[index]?.team}"; teams has: ${known}` }
}
