import type { Severity } from '../contract/event.ts'
import { INCIDENT_CLOCKS, INCIDENT_STATUSES, type IncidentState } from '../contract/incident.ts'
import type { Address, Site } from '../contract/topic.ts'
import { toldTier } from './clock-machine.ts'
import { defined } from './machine.ts'
import type { Incident, StoryWord } from './types.ts'

/** What of an incident goes on the wire. */

export function incidentAddress(site: Site, id: string): Address {
  const { street, community, estate } = site
  return { street, community, estate, gateway: 'hub', class: 'incident', device: id }
}

export function stateOf(incident: Incident): IncidentState {
  const { status, kind, source, cause, raised, count, late, reached, clocks } = incident
  const { device, place, reference, team, text } = incident
  const steps = INCIDENT_STATUSES.flatMap((step) => {
    const at = reached[step]
    return at ? [{ status: step, at: new Date(at.wall_ms).toISOString(), actor: at.actor.slice(0, 120) }] : []
  })
  const overdue = INCIDENT_CLOCKS.flatMap((clock) => {
    const running = clocks[clock]
    const tier = running && toldTier(running)
    return tier ? [{ clock, tier }] : []
  })
  return {
    ...{ status, kind, source, cause, since: new Date(raised.wall_ms).toISOString(), count, late },
    ...defined({ device, place, reference, team, text }),
    steps,
    overdue,
  }
}

export function severityOf(event: StoryWord, { kind }: Pick<Incident, 'kind'>): Severity {
  const isUrgent = event === 'raised' || event === 'repeated' || event === 'reopened' || event === 'escalated'
  if (!isUrgent) return 'notice'
  return kind === 'major' ? 'alarm' : 'warning'
}
