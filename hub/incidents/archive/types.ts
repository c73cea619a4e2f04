import type { IncidentKind, IncidentSource, IncidentStatus } from '../../contract/incident.ts'
import type { Incident, StoryEntry } from '../types.ts'

/** What the incidents ask of the thing that holds closed ones: a thread in a process, the same store called directly in tests. */

export const ARCHIVE_FOLDER = 'incidents'
export const ARCHIVE_FILE = 'archive.db'

export interface Archived {
  incident: Incident
  story: StoryEntry[]
}

/** What is named has to fit. */
export interface IncidentFilter {
  status?: readonly IncidentStatus[]
  kind?: IncidentKind
  source?: IncidentSource
  cause?: string
  device?: string
  building?: string
  team?: string
  /** Raised in this stretch of time, epoch ms; `to_ms` is not in it. */
  from_ms?: number
  to_ms?: number
}

/** Of the incidents raised in a month of the site; false alarms are counted and are in no share. */
export interface MonthCounts {
  /** YYYY-MM. */
  month: string
  raised: number
  falseAlarms: number
  resolved: number
  /** … within the goal from when it was raised. */
  inTime: number
  answered: number
}

export interface Archive {
  /** What became of a damaged file, if there was one. Rejects with INCIDENT_ARCHIVE. */
  open(): Promise<{ damage: string | undefined }>
  /** One transaction, on disk when it resolves; what is there already is replaced. */
  put(closed: ReadonlyArray<Archived & { month: string }>): Promise<void>
  /** Newest first, with numbers below `before`. */
  page(filter: IncidentFilter, before: number | null, limit: number): Promise<Incident[]>
  count(filter: IncidentFilter): Promise<number>
  get(id: string): Promise<Archived | undefined>
  /** Oldest first; both months included. */
  months(from: string, to: string): Promise<MonthCounts[]>
  /** The highest number; 0 when empty. */
  last(): Promise<number>
  /** A whole copy, as a file that must not exist. */
  copyTo(path: string): Promise<void>
  close(): Promise<void>
}

/** The share of incidents that are to be resolved in this time (goal 95 %). */
export const GOAL_MS = 2 * 3_600_000
