import { INCIDENT_CLOCKS, INCIDENT_KINDS } from '../contract/incident.ts'
import { toldTier } from '../incidents/clock-machine.ts'
import { isOpen } from '../incidents/life-machine.ts'
import type { Incidents } from '../incidents/room.ts'
import { GOALS, monthOf, yardsticks } from '../incidents/yardsticks.ts'
import type { AddGauge } from './metrics-page.ts'

/** How incidents stand, for whoever watches many estates: numbers only, nothing of what happened or where. */

export type IncidentReadings = Pick<Incidents, 'live' | 'archive' | 'config' | 'now' | 'counts'>

const NOBODY = 'none'

export function incidentGauges(gauge: AddGauge, read: () => IncidentReadings | undefined): void {
  gauge('linli_incidents_open', 'Open incidents, by the highest tier that was told', ['kind', 'tier'], (set) => {
    const counts = new Map(INCIDENT_KINDS.map((kind) => [`${kind} ${NOBODY}`, 0]))
    for (const { incident } of read()?.live() ?? []) {
      if (!isOpen(incident)) continue
      const key = `${incident.kind} ${incident.highest ?? NOBODY}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    for (const [key, count] of counts) {
      const [kind = '', tier = ''] = key.split(' ')
      set({ kind, tier }, count)
    }
  })
  gauge('linli_incidents_overdue', 'Incidents with something that was not done in time', ['clock'], (set) => {
    const counts = new Map(INCIDENT_CLOCKS.map((clock) => [clock, 0]))
    for (const { incident } of read()?.live() ?? [])
      for (const clock of INCIDENT_CLOCKS) {
        const running = incident.clocks[clock]
        if (running && toldTier(running)) counts.set(clock, (counts.get(clock) ?? 0) + 1)
      }
    for (const [clock, count] of counts) set({ clock }, count)
  })
  gauge('linli_incidents_behind_events', 'Events that incidents have not looked at yet', [], (set) =>
    set({}, read()?.counts().behind ?? 0),
  )
  gauge('linli_incidents_set_aside', 'Events that no rule could be applied to, since start', [], (set) =>
    set({}, read()?.counts().setAside ?? 0),
  )
  gauge('linli_incidents_month_raised', 'Incidents raised this month, false alarms among them', [], async (set) => {
    set({}, (await thisMonth(read()))?.raised ?? 0)
  })
  gauge('linli_incidents_month_share', 'Yardsticks of this month, 0 to 1', ['yardstick'], async (set) => {
    const shares = (await thisMonth(read()))?.shares
    for (const [yardstick, share] of Object.entries(shares ?? {})) if (share !== null) set({ yardstick }, share)
  })
  gauge('linli_incidents_month_goal', 'What the yardsticks should be', ['yardstick'], (set) => {
    for (const [yardstick, goal] of Object.entries(GOALS)) set({ yardstick }, goal)
  })
}

async function thisMonth(incidents: IncidentReadings | undefined) {
  if (!incidents) return undefined
  const { timeZone } = incidents.config()
  const month = monthOf({ raised: incidents.now() }, timeZone)
  // An archive that cannot be read is told elsewhere; everything else is still to be seen.
  const [found] = await yardsticks(incidents.archive, incidents.live(), { from: month, to: month, timeZone }).catch(
    () => [],
  )
  return found
}
