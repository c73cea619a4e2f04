import type { IncidentArgs, IncidentCode, IncidentCommand, IncidentStatus } from '../contract/incident.ts'
import { teamDuty } from './duty.ts'
import type { Draft } from './machine.ts'
import { type Incident, STORY_MAX, type StoryEntry } from './types.ts'

/** The steps of people: which can be done where, and what they do. */

export type StepName = Exclude<IncidentCommand, 'submit' | 'raise'>

export type StepInput = {
  [N in StepName]: { type: 'step'; step: N; args: IncidentArgs<N>; actor: string; command: string }
}[StepName]

export interface Refusal {
  refused: IncidentCode
  message: string
}

const OPEN: readonly IncidentStatus[] = ['raised', 'acknowledged', 'dispatched', 'on-site']
const CLOSED: readonly IncidentStatus[] = ['answered', 'false-alarm']
const TAKEN: readonly IncidentStatus[] = ['acknowledged', 'dispatched', 'on-site']
const EVERYWHERE: readonly IncidentStatus[] = [...OPEN, 'resolved', ...CLOSED]

/** Where each step may be done. Whoever takes an incident has acknowledged it first; nothing else is a must before it is resolved. */
export const ALLOWED: Readonly<Record<StepName, readonly IncidentStatus[]>> = {
  acknowledge: ['raised'],
  dispatch: TAKEN,
  arrive: ['acknowledged', 'dispatched'],
  resolve: TAKEN,
  answer: ['resolved'],
  'false-alarm': OPEN,
  reopen: ['resolved', ...CLOSED],
  comment: EVERYWHERE,
  'correct-kind': EVERYWHERE,
  assign: OPEN,
  confirm: ['resolved', 'answered'],
}

export function isOpen({ status }: Pick<Incident, 'status'>): boolean {
  return OPEN.includes(status)
}

/** Undefined: it is done. */
export function doStep(draft: Draft, input: StepInput): Refusal | undefined {
  const { incident } = draft
  if (!ALLOWED[input.step].includes(incident.status)) return outOfPlace(incident, input.step)
  switch (input.step) {
    case 'acknowledge':
      return reach(draft, input, 'acknowledged', { ...comment(input) })
    case 'dispatch':
      return staffed(draft, input.args) ?? dispatch(draft, input)
    case 'arrive':
      return reach(draft, input, 'on-site', comment(input))
    case 'resolve':
    case 'answer':
      return settle(draft, input)
    case 'false-alarm':
      return reach(draft, input, 'false-alarm', { text: input.args.reason }, { reason: input.args.reason })
    case 'reopen':
      return reopen(draft, input, input.args.reason)
    case 'confirm':
      return confirm(draft, input)
    case 'comment':
      return noted(draft, input, 'commented', { comment: input.args.text })
    case 'assign':
      return staffed(draft, input.args) ?? assign(draft, input)
    case 'correct-kind': {
      const { kind: previous } = incident
      const { kind } = input.args
      incident.kind = kind
      draft.retime()
      draft.say('kind-corrected', { actor: input.actor, kind, previous })
      return noted(draft, input, 'kind-corrected', { kind, previous, ...comment(input) })
    }
  }
}

function dispatch(draft: Draft, input: StepInput & { step: 'dispatch' }): undefined {
  const { incident } = draft
  give(incident, input.args)
  reach(draft, input, 'dispatched', { ...given(incident), ...comment(input) }, teamOf(incident))
  draft.notify('dispatched', whoNow(draft))
}

function settle(draft: Draft, input: StepInput & { step: 'resolve' | 'answer' }): undefined {
  const { text } = input.args
  const told = text === undefined ? {} : { text }
  if (text !== undefined) draft.incident.text = text
  reach(draft, input, input.step === 'resolve' ? 'resolved' : 'answered', { ...told, ...comment(input) }, told)
}

function assign(draft: Draft, input: StepInput & { step: 'assign' }): Refusal | undefined {
  const { incident } = draft
  give(incident, input.args)
  if (incident.team !== undefined) draft.say('assigned', { actor: input.actor, team: incident.team })
  const refused = noted(draft, input, 'assigned', { ...given(incident), ...comment(input) })
  if (!refused) draft.notify('assigned', whoNow(draft))
  return refused
}

/** Satisfied is an answer; not satisfied begins it again. */
function confirm(draft: Draft, input: StepInput & { step: 'confirm' }): Refusal | undefined {
  const { satisfied, text } = input.args
  const said = text === undefined ? {} : { text }
  draft.tell('confirmed', input.actor, { command: input.command, ...said })
  if (!satisfied) return reopen(draft, input, text ?? 'the resident is not satisfied')
  return draft.incident.status === 'resolved' ? reach(draft, input, 'answered', {}) : undefined
}

function reopen(draft: Draft, { actor, command }: StepInput, reason: string): undefined {
  const { incident, now } = draft
  incident.status = 'raised'
  incident.reached = { raised: { ...now, actor } }
  incident.reopened += 1
  delete incident.closed_ms
  incident.clocks = {}
  draft.begin('acknowledge', 'dispatch', 'resolve')
  incident.alerted_ms = now.run_ms
  draft.tell('reopened', actor, { command, text: reason })
  draft.say('reopened', { actor, reason })
  draft.notify('reopened', whoNow(draft))
}

/** The one way to a status: with who and when. */
function reach(
  draft: Draft,
  { actor, command }: StepInput,
  status: Exclude<IncidentStatus, 'raised'>,
  told: Partial<StoryEntry>,
  said: Record<string, unknown> = {},
): undefined {
  const { incident, now } = draft
  incident.status = status
  incident.reached = { ...incident.reached, [status]: { ...now, actor } }
  draft.end('acknowledge')
  if (status !== 'acknowledged') draft.end('dispatch')
  if (status === 'resolved' || CLOSED.includes(status)) draft.end('resolve', 'answer')
  if (status === 'resolved') draft.begin('answer')
  if (CLOSED.includes(status)) incident.closed_ms = now.run_ms
  draft.tell(status, actor, { command, ...told })
  draft.say(status, { actor, ...said })
}

/** No step: where the story is full, nothing of it is done. */
function noted(
  draft: Draft,
  { actor, command }: StepInput,
  what: 'commented' | 'assigned' | 'kind-corrected',
  told: Partial<StoryEntry>,
): Refusal | undefined {
  if (draft.incident.entries >= STORY_MAX)
    return { refused: 'INCIDENT_FULL', message: `incident ${draft.incident.id} has ${STORY_MAX} entries: finish it` }
  draft.tell(what, actor, { command, ...told })
  return undefined
}

function staffed({ config }: Draft, { team, person }: { team?: string; person?: string }): Refusal | undefined {
  if (team !== undefined && !Object.hasOwn(config.teams, team))
    return { refused: 'INCIDENT_TEAM', message: `there is no team ${team}; there are: ${list(config.teams)}` }
  if (person !== undefined && !Object.hasOwn(config.people, person))
    return { refused: 'INCIDENT_TEAM', message: `there is nobody called ${person}; there are: ${list(config.people)}` }
  return undefined
}

function list(named: object): string {
  return Object.keys(named).slice(0, 20).join(', ') || 'none'
}

/** Another team takes it from the person who had it. */
function give(incident: Incident, { team, person }: { team?: string; person?: string }): void {
  if (team !== undefined && team !== incident.team) delete incident.person
  if (team !== undefined) incident.team = team
  if (person !== undefined) incident.person = person
}

function given({ team, person }: Incident): Partial<StoryEntry> {
  return { ...(team === undefined ? {} : { team }), ...(person === undefined ? {} : { person }) }
}

function teamOf({ team }: Incident): { team?: string } {
  return team === undefined ? {} : { team }
}

function whoNow({ config, incident, now }: Draft): string[] {
  return incident.person === undefined ? teamDuty(config, incident.team, now) : [incident.person]
}

function comment(input: StepInput): { comment?: string } {
  const { comment: said } = input.args as { comment?: string }
  return said === undefined ? {} : { comment: said }
}

function outOfPlace({ id, status, reached }: Incident, step: StepName): Refusal {
  const at = reached[status]
  const since = at ? ` by ${at.actor} at ${new Date(at.wall_ms).toISOString()}` : ''
  const possible = (Object.keys(ALLOWED) as StepName[]).filter((name) => ALLOWED[name].includes(status))
  const message = `${step} does not begin here: incident ${id} is ${status}${since}; possible: ${possible.join(', ')}`
  return { refused: 'INCIDENT_STEP', message: message.slice(0, 400) }
}
