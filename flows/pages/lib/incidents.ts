import { command } from './api.ts'
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

export function step(number: string, name: string, args: object): Promise<Result> {
  return command(`hub/incident/${number}`, name, args)
}
