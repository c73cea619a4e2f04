import { type ApiError, ask, newId } from './api.ts'
import type { Result } from './shapes.ts'

/** What pages ask of the incidents of the hub. */

export interface StoryEntry {
  what: string
  at: string
  actor: string
  text?: string
  comment?: string
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
export const readStory = (number: string) =>
  ask<{ incident: { matter?: string }; story: StoryEntry[] }>('GET', `${BASE}/${number}`)
export const readYardsticks = () => ask<Yardsticks>('GET', `${BASE}/yardsticks`)

/** One step, done once however often it is sent: after a broken connection it is asked for again under the same key. */
export async function step(number: string, name: string, args: object): Promise<Result> {
  const send = (key: string) => ask<Result>('POST', `${BASE}/${number}/${name}`, args, { 'idempotency-key': key })
  const key = newId()
  try {
    return await send(key)
  } catch (error) {
    if ((error as ApiError).code !== 'HUB_AWAY') throw error
    return send(key)
  }
}

/** Something that no device has told. */
export function raise(matter: { text: string; kind: string }): Promise<Result> {
  return ask('POST', BASE, matter, { 'idempotency-key': newId() })
}
