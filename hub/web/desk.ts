import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { AUDIT_LANE } from '../audit/audit.ts'
import type { Site } from '../contract/topic.ts'
import { createHandovers } from '../duty/handover.ts'
import { createPlan } from '../duty/plan.ts'
import { openRecords } from '../duty/records.ts'
import type { Hub } from '../hub.ts'
import { stateOf } from '../incidents/messages.ts'
import type { Log } from '../journal/types.ts'
import { createLive } from '../live/live.ts'
import { recentEvents } from '../live/recent.ts'
import { addDutyRoutes, type DutyRoutes } from './duty.ts'
import { addLiveRoutes, type LiveDoor } from './live.ts'
import { addPageRoutes } from './pages/pages.ts'

/** The duty desk of one hub: its pages, and what they ask. */
export interface Desk {
  rooms: DutyRoutes
  close(): void
}

/** Events of the journal that are looked through for what pages show. */
const EVENTS_READ = 3_000

export async function openDesk(
  deps: { hub: Pick<Hub, 'devices' | 'desk' | 'audit' | 'incidents' | 'onAccepted'>; log: Log; now_ms: () => number },
  { site }: { site: Site },
): Promise<Desk> {
  const { hub, log, now_ms } = deps
  const { devices, desk, audit } = hub
  const incidents = () =>
    [...hub.incidents.live()].map(({ incident }) => ({ number: incident.id, ...stateOf(incident) }))
  const live = createLive({ devices, incidents, now_ms, run: randomUUID() }, await recentEvents(log, EVENTS_READ))
  const leave = hub.onAccepted(live.heard)
  const records = await openRecords({ log, now_ms })
  const plan = createPlan(records)
  const handovers = createHandovers({ records, devices, incidents, now_ms })
  const auditLast = () => log.last(AUDIT_LANE.name)

  return {
    rooms: { site, desk, live, plan, handovers, audit, auditLast, newId: randomUUID },
    close() {
      leave()
      live.close()
    },
  }
}

export function addDeskRoutes(app: FastifyInstance, rooms: DutyRoutes, door: LiveDoor): void {
  addPageRoutes(app)
  addLiveRoutes(app, rooms.live, door)
  addDutyRoutes(app, rooms)
}
