import type { IncidentClock, IncidentTier } from '../contract/incident.ts'
import type { IncidentConfig } from './config.ts'
import { defined, type IncidentEffect, type Why } from './machine.ts'
import type { Live } from './record.ts'
import type { Incident, StoryEntry } from './types.ts'

/** What people are to be told of, on its way to the flows that reach them. It goes nowhere else: contacts stay in the hub. */
export interface Notice {
  id: string
  why: Why
  clock?: IncidentClock
  tier?: IncidentTier
  incident: Pick<Incident, 'id' | 'kind' | 'status' | 'cause' | 'count' | 'device' | 'place' | 'matter'>
  to: Array<{ person: string; name: string; role?: string; channel: string; address: string }>
}

export interface Notices {
  send(incident: Incident, effect: Omit<IncidentEffect & { type: 'notify' }, 'type'>): void
  /** Whoever begins to listen gets the last one of each open incident of which nobody knows what became; its id is the same. */
  onNotice(listener: (notice: Notice) => void): () => void
}

export function createNotices(config: () => IncidentConfig, live: () => Iterable<Live>): Notices {
  const listeners = new Set<(notice: Notice) => void>()

  function noticeOf(incident: Incident, effect: Omit<IncidentEffect & { type: 'notify' }, 'type'>): Notice | undefined {
    const { people } = config()
    const to = effect.to.flatMap((person) => {
      const found = people[person]
      if (!found) return []
      const { name, role, contact } = found
      return [{ person, name, ...(role === undefined ? {} : { role }), ...contact }]
    })
    if (to.length === 0) return undefined
    const { id, kind, status, cause, count, device, place, matter } = incident
    const { notice, why, clock, tier } = effect
    const about = { id, kind, status, cause, count, ...defined({ device, place, matter }) }
    return { id: notice, why, ...defined({ clock, tier }), incident: about, to }
  }

  return {
    send(incident, effect) {
      const notice = noticeOf(incident, effect)
      if (notice) for (const listener of listeners) listener(notice)
    },
    onNotice(listener) {
      listeners.add(listener)
      for (const { incident, story } of live()) {
        const sent = incident.closed_ms === undefined ? undelivered(story) : undefined
        const notice = sent && noticeOf(incident, sent)
        if (notice) listener(notice)
      }
      return () => listeners.delete(listener)
    },
  }
}

function undelivered(story: readonly StoryEntry[]): Omit<IncidentEffect & { type: 'notify' }, 'type'> | undefined {
  const sent = story.findLast(({ what, to = [] }) => what === 'notified' && to.length > 0)
  if (!sent?.notice || story.some(({ what, notice }) => what === 'delivery' && notice === sent.notice)) return undefined
  const { notice, to = [], clock, tier } = sent
  return { notice, to, why: clock ? 'overdue' : 'raised', ...defined({ clock, tier }) }
}
