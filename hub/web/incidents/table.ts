import { Result } from '../../contract/command.ts'
import {
  INCIDENT_KINDS,
  INCIDENT_SOURCES,
  INCIDENT_STATUSES,
  INCIDENT_TIERS,
  incidentCommands,
} from '../../contract/incident.ts'
import { Place } from '../../contract/meta.ts'
import { COMMAND_ID_PATTERN, Segment } from '../../contract/topic.ts'
import { type Static, type TSchema, Type } from '../../contract/type.ts'
import { COMMAND_WORDS } from '../../contract/words.ts'
import { TEAM_SORTS } from '../../incidents/config.ts'
import type { StepName } from '../../incidents/life-machine.ts'
import { ShownEntry, ShownIncident } from '../../incidents/shown.ts'
import type { ApiRoute } from '../api/openapi.ts'

/** The routes of the incidents, with what may be asked and what is answered: for the checks and for the document. */

const closed = { additionalProperties: false } as const
const Number4 = (description: string) => Type.String({ pattern: '^[0-9]{1,4}$', description })
const When = Type.String({ maxLength: 40, description: 'a time with a zone, or a day of the site' })
const Month = Type.String({ pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', description: 'YYYY-MM' })
const filter = {
  status: Type.Optional(
    Type.String({
      maxLength: 120,
      description: `one or more, with commas: ${INCIDENT_STATUSES.join(', ')}, open, closed`,
    }),
  ),
  kind: Type.Optional(Type.Enum([...INCIDENT_KINDS])),
  source: Type.Optional(Type.Enum([...INCIDENT_SOURCES])),
  cause: Type.Optional(Segment),
  device: Type.Optional(Type.String({ maxLength: 130, description: '{gateway}/{class}/{device}' })),
  building: Type.Optional(Type.String({ maxLength: 40 })),
  team: Type.Optional(Segment),
  from: Type.Optional(When),
  to: Type.Optional(When),
}
export const FilterQuery = Type.Object(filter, closed)
export type FilterQuery = Static<typeof FilterQuery>
export const ListQuery = Type.Object(
  {
    ...filter,
    limit: Type.Optional(Number4('1 to 200; 50')),
    cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description: '`next` of the page before' })),
  },
  closed,
)
export type ListQuery = Static<typeof ListQuery>
export const MonthsQuery = Type.Object({ from: Type.Optional(Month), to: Type.Optional(Month) }, closed)
export const NoQuery = Type.Object({}, closed)

export const STEPS = Object.keys(incidentCommands).filter(
  (name): name is StepName => name !== 'submit' && name !== 'raise',
)
export const CommandId = Type.String({
  pattern: COMMAND_ID_PATTERN,
  description: 'the id of the command: the same one is carried out once, and answered the same again',
})
export const IDEMPOTENCY_KEY = 'idempotency-key'
/** How many rows a file has: told before its first byte, so that whoever saves it can show how far it is. */
export const ROWS_HEADER = 'linli-rows'

const Refusal = Type.Object({ code: Type.String(), path: Type.Optional(Type.String()), message: Type.String() })
const BASE = '/api/v1/incidents'
const id = Type.String({ pattern: '^[0-9]{1,15}$', description: 'number of the incident' })
const bad = { 400: { says: 'a field is missing or not allowed', schema: Refusal } }
const session = {
  401: { says: 'not logged in', schema: Refusal },
  403: { says: 'the role may not, or the request comes from another site', schema: Refusal },
}
const Page = Type.Object({
  incidents: Type.Array(ShownIncident),
  next: Type.Optional(Type.String({ description: 'the cursor of the next page; absent: that was all' })),
  missing: Type.Optional(Type.String({ description: 'why those of the archive are not there' })),
  stream: Type.String({ description: 'Last-Event-ID from which the stream goes on behind this list' }),
})
const Share = Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()])
const Yardsticks = Type.Object({
  goals: Type.Object({ inTime: Type.Number(), resolved: Type.Number(), answered: Type.Number() }),
  months: Type.Array(
    Type.Object({
      month: Month,
      raised: Type.Integer(),
      falseAlarms: Type.Integer(),
      resolved: Type.Integer(),
      inTime: Type.Integer({ description: 'resolved within 2 h' }),
      answered: Type.Integer(),
      shares: Type.Object({ inTime: Share, resolved: Share, answered: Share }),
    }),
  ),
})
const Teams = Type.Object({
  teams: Type.Array(
    Type.Object({
      id: Segment,
      name: Type.String(),
      sort: Type.Enum([...TEAM_SORTS]),
      tier: Type.Enum([...INCIDENT_TIERS]),
      onShift: Type.Array(Segment),
    }),
  ),
  people: Type.Array(Type.Object({ id: Segment, name: Type.String(), role: Type.Optional(Type.String()) })),
})

const read = { method: 'GET', role: 'viewer' } as const
const stepAnswers = {
  200: { says: 'done; `data` has the incident and its status', schema: Result },
  ...bad,
  ...session,
  404: { says: 'there is no such incident, or it is closed for too long', schema: Result },
  409: { says: 'not possible: `code` and `message` say why and what is', schema: Result },
  503: { says: 'not done, or nobody knows: try again with the same key', schema: Result },
}
const act = {
  method: 'POST',
  role: 'operator',
  headers: { [IDEMPOTENCY_KEY]: CommandId },
  answers: stepAnswers,
} as const

export const INCIDENT_ROUTES: readonly ApiRoute[] = [
  {
    ...read,
    path: BASE,
    says: { zh: '事件列表,最新在前', en: 'incidents, newest first' },
    query: ListQuery,
    answers: { 200: { says: 'a page', schema: Page }, ...bad, ...session },
  },
  { ...act, path: BASE, says: { zh: '登记事件', en: 'raise an incident' }, body: incidentCommands.raise },
  {
    ...read,
    path: `${BASE}.csv`,
    says: { zh: '导出表格', en: 'export for spreadsheets' },
    query: FilterQuery,
    answers: {
      200: {
        says: 'RFC 4180 with a byte order mark; cells that a spreadsheet would take for a formula begin with an apostrophe',
        type: 'text/csv',
        headers: { [ROWS_HEADER]: Type.Integer({ description: 'lines behind the heading' }) },
      },
      ...bad,
      ...session,
    },
  },
  {
    ...read,
    path: `${BASE}/stream`,
    says: { zh: '实时变化', en: 'live changes' },
    query: NoQuery,
    headers: { 'last-event-id': Type.String({ description: 'goes on behind this one' }) },
    answers: {
      200: {
        says: 'Server-Sent Events: `change` with { incident, story } for each change; `reset`: too long away, read the list again',
        type: 'text/event-stream',
      },
      ...session,
      503: { says: 'too many listen already', schema: Refusal },
    },
  },
  {
    ...read,
    path: `${BASE}/yardsticks`,
    says: { zh: '考核指标,按月', en: 'yardsticks by month' },
    query: MonthsQuery,
    answers: { 200: { says: 'the present month when none is given', schema: Yardsticks }, ...bad, ...session },
  },
  {
    ...read,
    path: `${BASE}/teams`,
    says: { zh: '队伍与当班人员', en: 'teams, and who is on shift' },
    query: NoQuery,
    answers: { 200: { says: 'names and roles, no contacts', schema: Teams }, ...session },
  },
  {
    ...read,
    path: `${BASE}/{id}`,
    params: { id },
    says: { zh: '一个事件及其经过', en: 'one incident with its story' },
    query: NoQuery,
    answers: {
      200: { says: 'all of it', schema: Type.Object({ incident: ShownIncident, story: Type.Array(ShownEntry) }) },
      ...session,
      404: { says: 'there is no such incident', schema: Refusal },
    },
  },
  ...STEPS.map(
    (step): ApiRoute => ({
      ...act,
      path: `${BASE}/{id}/${step}`,
      params: { id },
      says: COMMAND_WORDS[step] ?? { zh: step, en: step },
      body: incidentCommands[step] as TSchema,
    }),
  ),
]

/** Those that stand once in the document. */
export const INCIDENT_SCHEMAS: Readonly<Record<string, TSchema>> = {
  ...{ Incident: ShownIncident, StoryEntry: ShownEntry, Result, Refusal, Place, CommandId, IncidentId: id },
  ...{ IncidentPage: Page, Yardsticks, Teams },
}
