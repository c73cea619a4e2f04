import { ask, command } from './api.ts'
import type { Result } from './shapes.ts'

/** What pages ask of the incidents of the hub. */

export interface StoryEntry {
  what: string
  at: string
  actor: string
  text?: string
  team?: string
  clock?: string
  tier?: string
  camera?: string
  sha256?: string
  error?: string
}

export interface Team {
  id: string
  name: string
}

export interface Yardsticks {
  goals: Shares
  months: Array<{ month: string; raised: number; falseAlarms: number; shares: Shares }>
}
/** Null: there was nothing to count. */
export interface Shares {
  inTime: number | null
  resolved: number | null
  answered: number | null
}

const BASE = '/api/v1/incidents'
export const readTeams = () => ask<{ teams: Team[] }>('GET', `${BASE}/teams`)
export const readStory = (number: string) => ask<{ story: StoryEntry[] }>('GET', `${BASE}/${number}`)
export const readYardsticks = () => ask<Yardsticks>('GET', `${BASE}/yardsticks`)

export function step(number: string, name: string, args: object): Promise<Result> {
  return command(`hub/incident/${number}`, name, args)
}
