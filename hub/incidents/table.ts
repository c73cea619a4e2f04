import { csvField } from '../history/export.ts'
import { siteTime } from '../history/site-time.ts'
import type { Archive, IncidentFilter } from './archive/types.ts'
import { countOf, everyIncident } from './query.ts'
import type { Live } from './record.ts'
import type { Incident } from './types.ts'

/** Incidents as CSV (RFC 4180), for spreadsheets: page by page, so that a year needs no more memory than a day. */

const STEPS = ['acknowledged', 'dispatched', 'on-site', 'resolved', 'answered', 'false-alarm'] as const
const HEADING = [
  ...[
    'incident',
    'raised',
    'status',
    'kind',
    'source',
    'cause',
    'count',
    'gateway',
    'class',
    'device',
    'building',
    'floor',
    'spot',
  ],
  ...['team', 'person', 'reference', ...STEPS, 'resolved_in_min', 'escalated_to', 'matter', 'text'],
]
/** Excel takes a file without it for one of the machine's own code page. */
const BOM = '\ufeff'

export async function incidentCsv(
  places: { live: () => Iterable<Live>; archive: Pick<Archive, 'page' | 'count'> },
  filter: IncidentFilter,
): Promise<{ rows: number; lines: AsyncGenerator<string> }> {
  return { rows: await countOf(places, filter), lines: csv(everyIncident(places, filter)) }
}

async function* csv(pages: AsyncGenerator<Incident[]>): AsyncGenerator<string> {
  yield `${BOM}${HEADING.join()}\r\n`
  for await (const page of pages)
    yield page.map((incident) => `${fieldsOf(incident).map(csvField).join()}\r\n`).join('')
}

function fieldsOf(incident: Incident): string[] {
  const { id, raised, status, kind, source, cause, count, device = '', place = {}, reached, highest } = incident
  const [gateway = '', deviceClass = '', name = ''] = device.split('/')
  const { resolved } = reached
  const minutes = resolved ? String(Math.round((resolved.run_ms - raised.run_ms) / 60_000)) : ''
  const steps = STEPS.map((step) => {
    const at = reached[step]
    return at ? siteTime(at.wall_ms) : ''
  })
  return [
    ...[id, siteTime(raised.wall_ms), status, kind, source, cause, String(count), gateway, deviceClass, name],
    ...[place.building ?? '', place.floor ?? '', place.spot ?? place.label ?? ''],
    ...[incident.team ?? '', incident.person ?? '', incident.reference ?? '', ...steps, minutes, highest ?? ''],
    ...[incident.matter ?? '', incident.text ?? ''],
  ]
}
