import { AuditRecord } from '../audit/chain.ts'
import { Result } from '../contract/command.ts'
import { Instant } from '../contract/event.ts'
import { Place } from '../contract/meta.ts'
import { COMMAND_ID_PATTERN, SEGMENT_PATTERN } from '../contract/topic.ts'
import { type TSchema, Type } from '../contract/type.ts'
import { HandoverSheet, NOTES_CHARS_MAX } from '../duty/handover.ts'
import { PlanPositions } from '../duty/plan.ts'
import { ROLES } from '../people/roles.ts'
import type { ApiRoute } from './api/openapi.ts'

/** The routes of the duty desk and of the login: what may be asked, which is what the routes check, and what is answered. */

const closed = { additionalProperties: false } as const
const Secret = Type.String({ minLength: 1, maxLength: 400 })
export const LoginBody = Type.Object({ name: Type.String({ maxLength: 80 }), secret: Secret }, closed)
export const SecretBody = Type.Object({ secret: Secret, next: Secret }, closed)
export const CommandBody = Type.Object(
  {
    id: Type.Optional(Type.String({ pattern: COMMAND_ID_PATTERN })),
    device: Type.String({ maxLength: 140, description: '{gateway}/{class}/{device}' }),
    name: Type.String({ pattern: SEGMENT_PATTERN }),
    args: Type.Optional(Type.Unknown()),
    reason: Type.Optional(Type.String({ maxLength: 200 })),
  },
  closed,
)
export const NotesBody = Type.Object({ notes: Type.String({ maxLength: NOTES_CHARS_MAX }) }, closed)
export const RemarkBody = Type.Object({ remark: Type.String({ maxLength: NOTES_CHARS_MAX }) }, closed)
export const PICTURE_TYPES = ['image/png', 'image/jpeg', 'image/webp']

const Refusal = Type.Object({ code: Type.String(), path: Type.Optional(Type.String()), message: Type.String() })
const Person = Type.Object({
  name: Type.String(),
  role: Type.Enum([...ROLES]),
  language: Type.Optional(Type.Enum(['zh', 'en'])),
  mustChange: Type.Boolean({ description: 'nothing else is open before the secret was changed' }),
  may: Type.Array(Type.Object({ zh: Type.String(), en: Type.String() })),
})
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const ShownEvent = Type.Object({
  id: Type.String(),
  path: Type.String({ description: 'linli/v1/…/{class}/{device}' }),
  gateway: Type.String(),
  class: Type.String(),
  device: Type.String(),
  type: Type.String(),
  time: Instant,
  severity: Type.String(),
  replayed: Type.Boolean(),
  place: nullable(Place),
  data: Type.Unknown({ description: 'without the reference to a credential' }),
})
const PlanTold = Type.Object({
  image: nullable(Type.Object({ url: Type.String(), width: Type.Integer(), height: Type.Integer() })),
  positions: PlanPositions,
})
const {
  outgoing: _,
  incoming: __,
  number: ___,
  notes: ____,
  remark: _____,
  to: ______,
  ...drafted
} = HandoverSheet.properties
const Sheets = Type.Object({
  sheets: Type.Array(HandoverSheet, { description: 'newest first' }),
  draft: Type.Object(drafted, { description: 'what a sheet would say now' }),
})
const AuditPage = Type.Object({
  lines: Type.Array(AuditRecord, { description: 'newest first' }),
  before: nullable(Type.Integer({ description: 'for the page before this one; null: that was all' })),
})

const refused = (says: string) => ({ says, schema: Refusal })
const bad = { 400: refused('a field is missing or not allowed') }
const session = {
  401: refused('not logged in'),
  403: refused('the role may not, or the request comes from another site'),
}
const number = Type.String({ pattern: '^[0-9]{1,15}$', description: 'number of the sheet' })
const sheetAnswers = {
  200: { says: 'the sheet', schema: HandoverSheet },
  ...bad,
  ...session,
  404: refused('there is no such sheet'),
  409: refused('it waits for whoever takes over, was signed, or both names are the same: `code` says which'),
}
const planAnswers = { 200: { says: 'the plan as it is now', schema: PlanTold }, ...bad, ...session }
const read = { method: 'GET', role: 'viewer' } as const

const LOGIN_ROUTES: readonly ApiRoute[] = [
  {
    method: 'POST',
    path: '/api/v1/session',
    says: { zh: '登录', en: 'log in' },
    body: LoginBody,
    answers: {
      200: { says: 'the cookie of the session, and who it is', schema: Person },
      ...bad,
      401: refused('name or secret is wrong'),
      429: refused('too many wrong tries: `retry-after` says how long it is paused'),
      503: refused('too many log in at once'),
    },
  },
  {
    method: 'DELETE',
    role: 'viewer',
    path: '/api/v1/session',
    says: { zh: '退出', en: 'log out' },
    answers: { 204: { says: 'logged out' }, ...session },
  },
  {
    ...read,
    path: '/api/v1/me',
    says: { zh: '我是谁', en: 'who am I' },
    answers: { 200: { says: 'who is logged in', schema: Person }, ...session },
  },
  {
    method: 'PUT',
    role: 'viewer',
    path: '/api/v1/me/secret',
    says: { zh: '改密码', en: 'change my secret' },
    body: SecretBody,
    answers: {
      200: { says: 'changed: a new cookie, all other sessions have ended', schema: Person },
      ...bad,
      ...session,
      422: refused('the next one is too weak'),
      429: refused('too many wrong tries'),
    },
  },
]

const COMMAND_ROUTES: readonly ApiRoute[] = [
  {
    ...read,
    path: '/api/v1/live',
    says: { zh: '小区实时情况', en: 'the estate, live' },
    query: Type.Object({ after: Type.String({ description: 'id of the last change that was heard' }) }),
    headers: { 'last-event-id': Type.String({ description: 'the same, as browsers send it' }) },
    answers: {
      200: {
        says:
          'Server-Sent Events: first `picture` (devices, incidents, readings, events), or with `after` only what was missed, then each change: ' +
          '`device`, `device-gone`, `event`, `readings`, `incident`, `incident-gone`, `command`, `result`, `plan`, `handover`; `beat` every 3 s',
        type: 'text/event-stream',
      },
      ...session,
      503: refused('too many pages are open'),
    },
  },
  {
    method: 'POST',
    role: 'operator',
    path: '/api/v1/commands',
    says: { zh: '下达命令', en: 'order something of a device' },
    body: CommandBody,
    answers: {
      200: { says: 'the one final result, also when it was refused or has failed', schema: Result },
      ...bad,
      401: session[401],
      403: refused('the role may not, or this command cannot be given from a page'),
      503: refused('the hub cannot do it now'),
    },
  },
  {
    method: 'GET',
    role: 'operator',
    path: '/api/v1/commands/{id}',
    params: { id: Type.String({ pattern: COMMAND_ID_PATTERN }) },
    says: { zh: '命令的结果', en: 'how a command ended' },
    answers: {
      200: { says: 'the final result', schema: Result },
      ...session,
      404: refused('no such command has ended'),
    },
  },
  {
    ...read,
    path: '/api/v1/events',
    says: { zh: '一台设备最近的事件', en: 'latest events of one device' },
    query: Type.Object({ device: CommandBody.properties.device }),
    answers: {
      200: { says: 'newest first', schema: Type.Object({ events: Type.Array(ShownEvent) }) },
      ...bad,
      ...session,
    },
  },
]

const PLAN_ROUTES: readonly ApiRoute[] = [
  { ...read, path: '/api/v1/plan', says: { zh: '平面图', en: 'plan of the site' }, answers: planAnswers },
  {
    ...read,
    path: '/api/v1/plan/image',
    says: { zh: '平面图的图片', en: 'its picture' },
    answers: { 200: { says: 'the picture', type: 'image/*' }, ...session, 404: refused('there is none') },
  },
  {
    method: 'PUT',
    role: 'installer',
    path: '/api/v1/plan/image',
    says: { zh: '换平面图', en: 'change the picture' },
    bodyTypes: PICTURE_TYPES,
    answers: {
      ...planAnswers,
      413: refused('too large'),
      415: refused('not a picture that the hub knows'),
    },
  },
  {
    method: 'DELETE',
    role: 'installer',
    path: '/api/v1/plan/image',
    says: { zh: '移除平面图', en: 'remove the picture' },
    answers: planAnswers,
  },
  {
    method: 'PUT',
    role: 'installer',
    path: '/api/v1/plan/positions',
    says: { zh: '摆放设备', en: 'where devices are on it' },
    body: PlanPositions,
    answers: planAnswers,
  },
]

export const DESK_ROUTES: readonly ApiRoute[] = [
  ...LOGIN_ROUTES,
  ...COMMAND_ROUTES,
  ...PLAN_ROUTES,
  {
    ...read,
    path: '/api/v1/handovers',
    says: { zh: '交接单', en: 'sheets of shift handovers' },
    answers: { 200: { says: 'the newest, and a draft', schema: Sheets }, ...session },
  },
  {
    method: 'POST',
    role: 'operator',
    path: '/api/v1/handovers',
    says: { zh: '写交接单并签名交班', en: 'write the sheet, and sign as leaving' },
    body: NotesBody,
    answers: sheetAnswers,
  },
  {
    method: 'POST',
    role: 'operator',
    path: '/api/v1/handovers/{number}/sign',
    params: { number },
    says: { zh: '签名接班', en: 'sign as taking over' },
    body: RemarkBody,
    answers: sheetAnswers,
  },
  {
    method: 'GET',
    role: 'admin',
    path: '/api/v1/audit',
    says: { zh: '审计记录', en: 'the audit log' },
    query: Type.Object({ before: Type.Integer({ description: '`before` of the answer before' }) }),
    answers: { 200: { says: 'a page of it', schema: AuditPage }, ...bad, ...session },
  },
  {
    method: 'GET',
    role: 'operator',
    path: '/api/v1/incidents/{id}/pictures/{sha256}',
    params: {
      id: Type.String({ pattern: '^[0-9]{1,15}$', description: 'number of the incident' }),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'as the story of the incident names it' }),
    },
    says: { zh: '事件的图片', en: 'a picture of an incident; each look has its line in the audit log' },
    answers: {
      200: { says: 'the picture', type: 'image/jpeg' },
      ...session,
      404: refused('this incident has no such picture'),
      410: refused('it is kept no more'),
    },
  },
]

/** Those that stand once in the document. */
export const DESK_SCHEMAS: Readonly<Record<string, TSchema>> = {
  ...{ Person, HandoverSheet, PlanTold, PlanPositions, EstateEvent: ShownEvent, AuditRecord },
}
