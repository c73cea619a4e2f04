import { LinliError } from '../../contract/errors.ts'
import { INCIDENT_STATUSES, type IncidentStatus } from '../../contract/incident.ts'
import { parseInstant } from '../../history/site-time.ts'
import type { IncidentFilter } from '../../incidents/archive/types.ts'
import type { FilterQuery, ListQuery } from './table.ts'

/** What was asked for, in numbers and lists. */

const LIMIT = 50
const LIMIT_MAX = 200
const CLOSED: readonly IncidentStatus[] = ['answered', 'false-alarm']
const GROUPS: Readonly<Record<string, readonly IncidentStatus[]>> = {
  open: INCIDENT_STATUSES.filter((status) => !CLOSED.includes(status)),
  closed: CLOSED,
}

/** @throws {LinliError} SCHEMA_VIOLATION, HISTORY_QUERY */
export function filterOf({ status, from, to, ...rest }: FilterQuery & Partial<ListQuery>): IncidentFilter {
  const { limit: _limit, cursor: _cursor, ...equal } = rest
  return {
    ...equal,
    ...(status === undefined ? {} : { status: statusesOf(status) }),
    ...(from === undefined ? {} : { from_ms: parseInstant(from, '/from') }),
    ...(to === undefined ? {} : { to_ms: parseInstant(to, '/to') }),
  }
}

function statusesOf(text: string): IncidentStatus[] {
  return text.split(',').flatMap((one) => {
    const found = GROUPS[one] ?? INCIDENT_STATUSES.filter((status) => status === one)
    if (found.length > 0) return found
    const allowed = [...INCIDENT_STATUSES, ...Object.keys(GROUPS)].join(', ')
    throw new LinliError('SCHEMA_VIOLATION', `/status is "${one}"; allowed: ${allowed}`, {
      kind: 'caller',
      path: '/status',
    })
  })
}

export function limitOf({ limit }: Pick<ListQuery, 'limit'>): number {
  const given = limit === undefined ? LIMIT : Number(limit)
  if (given >= 1 && given <= LIMIT_MAX) return given
  throw new LinliError('SCHEMA_VIOLATION', `/limit is ${given}; allowed: 1 to ${LIMIT_MAX}`, {
    kind: 'caller',
    path: '/limit',
  })
}
