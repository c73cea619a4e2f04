import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Archive, IncidentFilter } from './archive/types.ts'
import type { Live } from './record.ts'
import type { Incident } from './types.ts'

/** Lists over both places where incidents are: memory counts where both have one. */

export interface Page {
  incidents: Incident[]
  /** To go on with; undefined: that was all. */
  next: number | undefined
  /** Why those of the archive are missing. */
  missing: string | undefined
}

interface Places {
  live: () => Iterable<Live>
  archive: Pick<Archive, 'page' | 'count'>
}

/** Newest first. @param before number of the last one of the page before */
export async function pageOf(
  { live, archive }: Places,
  filter: IncidentFilter,
  before: number | null,
  limit: number,
): Promise<Page> {
  const found = new Map<number, Incident>()
  const here = new Set<number>()
  for (const { incident } of live()) {
    here.add(incident.number)
    if ((before === null || incident.number < before) && fits(incident, filter)) found.set(incident.number, incident)
  }
  let missing: string | undefined
  if (mayBeArchived(filter)) {
    try {
      for (const incident of await archive.page(filter, before, limit + 1))
        if (!here.has(incident.number)) found.set(incident.number, incident)
    } catch (error) {
      missing = reasonOf(error)
    }
  }
  const sorted = [...found.values()].sort((a, b) => b.number - a.number)
  const incidents = sorted.slice(0, limit)
  return { incidents, next: sorted.length > limit ? incidents.at(-1)?.number : undefined, missing }
}

export async function countOf({ live, archive }: Places, filter: IncidentFilter): Promise<number> {
  const here = [...live()].filter(({ incident }) => fits(incident, filter)).length
  return here + (mayBeArchived(filter) ? await archive.count(filter) : 0)
}

/** Every page. Rejects when the archive cannot be read: a file with a hole would look whole. */
export async function* everyIncident(places: Places, filter: IncidentFilter): AsyncGenerator<Incident[]> {
  let before: number | null = null
  for (;;) {
    const { incidents, next, missing }: Page = await pageOf(places, filter, before, PAGE)
    if (missing !== undefined) throw new LinliError('INCIDENT_ARCHIVE', missing, { kind: 'fault' })
    if (incidents.length > 0) yield incidents
    if (next === undefined) return
    before = next
  }
}
const PAGE = 500

function mayBeArchived({ status }: IncidentFilter): boolean {
  return status === undefined || status.includes('answered') || status.includes('false-alarm')
}

function fits(incident: Incident, filter: IncidentFilter): boolean {
  const { status, building, from_ms, to_ms, ...equal } = filter
  const { wall_ms } = incident.raised
  return (
    (status === undefined || status.includes(incident.status)) &&
    (building === undefined || incident.place?.building === building) &&
    (from_ms === undefined || wall_ms >= from_ms) &&
    (to_ms === undefined || wall_ms < to_ms) &&
    Object.entries(equal).every(([name, value]) => value === undefined || incident[name as 'kind'] === value)
  )
}
