import type { IncidentClock, IncidentKind, IncidentSource, IncidentTier } from '../contract/incident.ts'
import type { Place } from '../contract/meta.ts'
import { beginClock, retimed, stepClock, toldTier } from './clock-machine.ts'
import { type IncidentConfig, limitOf, type Rule } from './config.ts'
import { dutyOf, teamDuty, teamFor } from './duty.ts'
import { doStep, type Refusal, type StepInput } from './life-machine.ts'
import type { PictureInput } from './pictures.ts'
import {
  type Clock,
  type Incident,
  type Moment,
  STORY_MAX,
  STORY_RESERVED,
  type StoryEntry,
  type StoryWord,
} from './types.ts'

/** One incident, from what raised it to its answer. Pure: what happens comes in, and what is to be done goes out. */

export type IncidentInput =
  /** The same again: same device, same rule, while it is open. */
  | { type: 'repeat'; event: string; eventType: string }
  /** Belongs to it and changes nothing, e.g. the door is shut again. */
  | { type: 'follow'; event: string; eventType: string }
  | StepInput
  | { type: 'tick' }
  | { type: 'delivery'; notice: string; person: string; delivery: 'sent' | 'delivered' | 'failed'; error?: string }
  | PictureInput

export type Why = 'raised' | 'repeated' | 'dispatched' | 'assigned' | 'reopened' | 'overdue' | 'reminder'

export type IncidentEffect =
  /** An event of the contract. */
  | { type: 'say'; event: StoryWord; data: Record<string, unknown> }
  /** `to` is empty where the site names nobody. */
  | { type: 'notify'; notice: string; why: Why; to: string[]; clock?: IncidentClock; tier?: IncidentTier }
  | { type: 'fetch-pictures'; incident: string; place: Place | undefined; at: number }

export interface Stepped {
  incident: Incident
  story: StoryEntry[]
  effects: IncidentEffect[]
}

export interface Cause {
  id: string
  number: number
  source: IncidentSource
  cause: string
  kind: IncidentKind
  actor: string
  rule: Pick<Rule, 'team' | 'skill'>
  device?: string
  place?: Place
  reference?: string
  matter?: string
  late?: boolean
  event?: string
  eventType?: string
  command?: string
  /** Of the event itself, epoch ms: around it pictures are looked for. */
  at_ms?: number
}

/** At most so often staff are alerted of the same again; each repetition is counted and shown all the same. */
const ALERT_EVERY_MS = 10_000

export function raiseIncident(config: IncidentConfig, cause: Cause, now: Moment): Stepped {
  const { rule, actor, event, eventType, command, at_ms, ...what } = cause
  const team = teamFor(config, rule, cause.place, now)
  const incident: Incident = {
    ...what,
    late: cause.late ?? false,
    status: 'raised',
    count: 1,
    raised: now,
    reached: { raised: { ...now, actor } },
    clocks: beginClocks(config, cause.kind, cause.place, ['acknowledge', 'dispatch', 'resolve'], now.run_ms),
    reopened: 0,
    entries: 0,
    alerted_ms: now.run_ms,
    ...(team === undefined ? {} : { team }),
  }
  const draft = new Draft(config, incident, now)
  const { kind, source, device, place, reference, matter } = cause
  draft.tell('raised', actor, {
    ...defined({ event, type: eventType, command, text: matter, kind, team }),
  })
  draft.say('raised', {
    ...defined({ actor, kind, source, cause: cause.cause, device, event, place, reference, team }),
  })
  draft.notify('raised', whoFirst(config, incident, now))
  if (source === 'event')
    draft.effects.push({ type: 'fetch-pictures', incident: incident.id, place, at: at_ms ?? now.wall_ms })
  return draft.done()
}

export function stepIncident(
  config: IncidentConfig,
  incident: Incident,
  input: IncidentInput,
  now: Moment,
): Stepped | Refusal {
  const draft = new Draft(config, incident, now)
  switch (input.type) {
    case 'repeat':
      return repeat(draft, input)
    case 'follow':
      draft.tellIfRoom('followed', 'hub:incidents', { event: input.event, type: input.eventType }, STORY_RESERVED)
      return draft.done()
    case 'step':
      // What was due before is told before, also when nobody looked since: time may just have been made up for.
      tick(draft)
      return doStep(draft, input) ?? draft.done()
    case 'tick':
      return tick(draft)
    case 'delivery': {
      const { notice, person, delivery, error } = input
      draft.tellIfRoom('delivery', 'hub:flows', { notice, person, delivery, ...defined({ error }) })
      return draft.done()
    }
    case 'picture': {
      const { camera, when, sha256, error, at } = input
      draft.tellIfRoom('picture', 'hub:cameras', { camera, when, ...defined({ sha256, error }), wall_ms: at })
      return draft.done()
    }
  }
}

function repeat(draft: Draft, { event, eventType }: IncidentInput & { type: 'repeat' }): Stepped {
  const { incident, now } = draft
  incident.count += 1
  draft.tellIfRoom('repeated', 'hub:incidents', { event, type: eventType }, STORY_RESERVED)
  draft.say('repeated', { count: incident.count, event })
  if (now.run_ms - (incident.alerted_ms ?? Number.NEGATIVE_INFINITY) >= ALERT_EVERY_MS) {
    incident.alerted_ms = now.run_ms
    draft.notify('repeated', whoFirst(draft.config, incident, now))
  }
  return draft.done()
}

function tick(draft: Draft): Stepped {
  const { incident, now, config } = draft
  for (const [name, before] of Object.entries(incident.clocks) as Array<[IncidentClock, Clock]>) {
    const { clock, effects } = stepClock(before, now.run_ms)
    if (effects.length === 0) continue
    incident.clocks = { ...incident.clocks, [name]: clock }
    for (const { type, tier, late_ms } of effects) {
      const isNew = type === 'escalate'
      draft.tell(isNew ? 'escalated' : 'reminded', 'hub:incidents', { clock: name, tier, late_ms })
      if (isNew) draft.say('escalated', { clock: name, tier, late_ms })
      draft.notify(isNew ? 'overdue' : 'reminder', dutyOf(config, tier, incident.place, now), { clock: name, tier })
    }
    const tier = toldTier(clock)
    if (tier && clock.told > rankOf(incident.highest)) incident.highest = tier
  }
  return draft.done()
}

const TIER_RANK = { building: 1, estate: 2, community: 3, street: 4 } as const
function rankOf(tier: IncidentTier | undefined): number {
  return tier ? TIER_RANK[tier] : 0
}

/** Those of its team, else those who are nearest. */
function whoFirst(config: IncidentConfig, { team, place }: Incident, now: Moment): string[] {
  const inTeam = teamDuty(config, team, now)
  if (inTeam.length > 0) return inTeam
  const near = dutyOf(config, 'building', place, now)
  return near.length > 0 ? near : dutyOf(config, 'estate', place, now)
}

function beginClocks(
  config: IncidentConfig,
  kind: IncidentKind,
  place: Place | undefined,
  names: readonly IncidentClock[],
  run_ms: number,
): Incident['clocks'] {
  const clocks: Incident['clocks'] = {}
  for (const name of names) {
    const limit = limitOf(config, name, kind, place)
    if (limit) clocks[name] = beginClock(limit, run_ms)
  }
  return clocks
}

/** A copy of the incident that is being changed, and what comes of it. */
export class Draft {
  readonly config: IncidentConfig
  readonly incident: Incident
  readonly now: Moment
  readonly story: StoryEntry[] = []
  readonly effects: IncidentEffect[] = []

  constructor(config: IncidentConfig, incident: Incident, now: Moment) {
    this.config = config
    this.incident = { ...incident }
    this.now = now
  }

  tell(what: StoryWord, actor: string, more: Partial<StoryEntry>): void {
    this.story.push({ what, ...this.now, actor, ...more })
    this.incident.entries += 1
  }
  /** What would make the story too long is left out; steps never are. */
  tellIfRoom(what: StoryWord, actor: string, more: Partial<StoryEntry>, reserved = 0): void {
    if (this.incident.entries < STORY_MAX - reserved) this.tell(what, actor, more)
  }
  say(event: StoryWord, data: Record<string, unknown>): void {
    this.effects.push({ type: 'say', event, data })
  }
  /** Told in the story too: who was to be told is part of what happened. */
  notify(why: Why, to: string[], about: { clock?: IncidentClock; tier?: IncidentTier } = {}): void {
    const notice = `${this.incident.id}-${this.incident.entries}`
    this.tellIfRoom('notified', 'hub:incidents', { notice, to, ...about }, why === 'repeated' ? STORY_RESERVED : 0)
    this.effects.push({ type: 'notify', notice, why, to, ...about })
  }
  begin(...names: IncidentClock[]): void {
    const { kind, place, clocks } = this.incident
    this.end(...names)
    this.incident.clocks = { ...clocks, ...beginClocks(this.config, kind, place, names, this.now.run_ms) }
  }
  end(...names: IncidentClock[]): void {
    const without = (clocks: Incident['clocks']) =>
      Object.fromEntries(Object.entries(clocks).filter(([name]) => !names.includes(name as IncidentClock)))
    this.incident.clocks = without(this.incident.clocks)
    if (this.incident.parked) this.incident.parked = without(this.incident.parked)
  }
  /** After another kind: other limits from the same beginning. */
  retime(): void {
    const { kind, place, status, reached } = this.incident
    const running: readonly IncidentClock[] = RUNNING[status] ?? []
    const all = { ...this.incident.parked, ...this.incident.clocks }
    const clocks: Incident['clocks'] = {}
    const parked: Incident['clocks'] = {}
    for (const name of running) {
      const limit = limitOf(this.config, name, kind, place)
      const begun = (name === 'answer' ? reached.resolved : reached.raised) ?? this.now
      const before = all[name] ?? (limit && beginClock(limit, begun.run_ms))
      if (limit && before) clocks[name] = retimed(before, limit)
      else if (before) parked[name] = before
    }
    this.incident.clocks = clocks
    this.incident.parked = parked
  }
  done(): Stepped {
    const { incident, story, effects } = this
    return { incident, story, effects }
  }
}

/** Which clocks run where. */
const RUNNING: Partial<Record<Incident['status'], readonly IncidentClock[]>> = {
  raised: ['acknowledge', 'dispatch', 'resolve'],
  acknowledged: ['dispatch', 'resolve'],
  dispatched: ['resolve'],
  'on-site': ['resolve'],
  resolved: ['answer'],
}

/** Without what is undefined. */
export function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never
}
