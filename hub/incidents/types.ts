import type { TimeQuality } from '../contract/event.ts'
import type { IncidentClock, IncidentKind, IncidentSource, IncidentStatus, IncidentTier } from '../contract/incident.ts'
import type { Place } from '../contract/meta.ts'

/** The words of the engine: an incident, its story, and the moment in which something happens to it. */

/**
 * `run_ms` is running time: it never goes back, and no step of the wall clock moves it (running-time.ts). All deadlines are
 * in it. `wall_ms` is for people.
 */
export interface Moment {
  run_ms: number
  wall_ms: number
  quality: TimeQuality
}

export interface Clock {
  begun_ms: number
  due_ms: number
  /** Between two tiers. */
  gap_ms: number
  /** Tiers that were told. */
  told: number
  /** Reminders after the last tier. */
  reminders: number
  /** When it wants to be looked at again. */
  next_ms: number
}

export interface Reached extends Moment {
  actor: string
}

export interface Incident {
  id: string
  number: number
  status: IncidentStatus
  kind: IncidentKind
  source: IncidentSource
  /** Of the rule, or `submit`, `raise`. */
  cause: string
  /** `{gateway}/{class}/{device}`. */
  device?: string
  place?: Place
  reference?: string
  /** What was said when it was raised. */
  matter?: string
  /** What the resident is told. */
  text?: string
  late: boolean
  count: number
  team?: string
  person?: string
  raised: Moment
  /** How it came to where it is. */
  reached: Partial<Record<IncidentStatus, Reached>>
  clocks: Partial<Record<IncidentClock, Clock>>
  /** Those that its kind has no limit for; another kind may set them going again, with what they have told. */
  parked?: Partial<Record<IncidentClock, Clock>>
  /** Times that it was begun again. */
  reopened: number
  /** The highest tier that was ever told. */
  highest?: IncidentTier
  /** Running time of the close; undefined while there is something to do. */
  closed_ms?: number
  /** Entries of its story. */
  entries: number
  /** When staff were last alerted of a repetition. */
  alerted_ms?: number
}

export const STORY_WORDS = [
  'raised',
  'repeated',
  'followed',
  'acknowledged',
  'dispatched',
  'on-site',
  'resolved',
  'answered',
  'false-alarm',
  'reopened',
  'kind-corrected',
  'assigned',
  'commented',
  'confirmed',
  'escalated',
  'reminded',
  'notified',
  'delivery',
  'picture',
] as const
export type StoryWord = (typeof STORY_WORDS)[number]

export interface StoryEntry {
  what: StoryWord
  run_ms: number
  wall_ms: number
  quality: TimeQuality
  actor: string
  /** Id of the event that it rests on, and where that came from. */
  event?: string
  type?: string
  /** Id of the command. */
  command?: string
  text?: string
  /** Of staff, for staff. */
  comment?: string
  kind?: IncidentKind
  previous?: IncidentKind
  team?: string
  person?: string
  clock?: IncidentClock
  tier?: IncidentTier
  late_ms?: number
  /** Ids of people, and what became of the notice to one of them. */
  to?: string[]
  notice?: string
  delivery?: 'sent' | 'delivered' | 'failed'
  camera?: string
  when?: 'before' | 'at' | 'after'
  sha256?: string
  error?: string
}

/** Entries of one story: beyond that repetitions are only counted, so that a broken contact fills no memory. */
export const STORY_MAX = 2_000
/** Places in a story that repetitions never take. */
export const STORY_RESERVED = 500
