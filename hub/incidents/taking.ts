import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Entry } from '../journal/types.ts'
import type { Changes } from './book.ts'
import { type IncidentConfig, incidentConfig } from './config.ts'
import { factOf, takeFact } from './facts.ts'
import type { RoomRecord } from './record.ts'
import type { IncidentDeps } from './room.ts'
import type { Moment } from './types.ts'

/** Takes events out of the journal, in order and in batches, by a cursor of its own. */
export interface Taking {
  /** Events with these ids became incidents before, although the journal may hand them out once more. */
  start(seen: ReadonlySet<string>): void
  behind(): number
  /** Events that raised nothing because even the shipped rules failed on them. */
  setAside(): number
  close(): void
}

export interface TakingHost {
  room(): RoomRecord
  moment(): Moment
  changes(): Changes
  /** Resolves when all of it is on disk, the place in the journal included. */
  commit(changes: Changes, next: RoomRecord): Promise<void>
  inTurn(work: () => Promise<void>): void
}

export const INCIDENT_CURSOR = 'incidents'
export const EVENT_LANE = 'alarm'
const ENTRIES_AT_ONCE = 256
/** Between two batches: of a thousand presses a second twenty commits come, not a thousand. */
const PAUSE_MS = 50
const RETRY_MS = 5_000
/** What happened longer before there were incidents in this journal raises none. */
const BEFORE_MS = 3_600_000

export function createTaking(deps: IncidentDeps, host: TakingHost): Taking {
  const { log } = deps
  const cursor = log.cursor(INCIDENT_CURSOR, [EVENT_LANE])
  let seen: ReadonlySet<string> = new Set()
  let setAside = 0
  let isTaking = true
  let timer: ReturnType<typeof setTimeout> | undefined

  function take(entry: Entry, changes: Changes, next: RoomRecord, now: Moment): void {
    const by = (config: IncidentConfig) => {
      const fact = factOf(entry, config, deps.placeOf)
      if (fact && !seen.has(fact.event)) takeFact(config, fact, changes, next, now)
    }
    try {
      by(deps.config())
    } catch (error) {
      // The site's rules are at fault, or we are: an alarm is an incident all the same.
      deps.onFault(failed(`an event was taken by the shipped rules: ${entry.topic}`, error))
      try {
        by(incidentConfig())
      } catch (second) {
        leave(entry, failed(`no incident for the event ${EVENT_LANE}:${entry.position} ${entry.topic}`, second))
      }
    }
  }

  function leave({ topic, position }: Entry, why: LinliError): void {
    setAside += 1
    deps.onFault(why)
    const who = { actor: 'hub:incidents', source: 'hub', outcome: 'failed', code: why.code } as const
    const detail = { topic, position, reason: why.message.slice(0, 400) }
    deps.audit.note({ kind: 'audit', action: 'incident-not-raised', ...who, detail })
  }

  async function takeBatch(): Promise<void> {
    const entries = await log.read(EVENT_LANE, host.room().position, ENTRIES_AT_ONCE)
    const changes = host.changes()
    const now = host.moment()
    const next = { ...host.room() }
    const from_ms = next.created_ms - BEFORE_MS
    for (const entry of entries) if (entry.time_ms >= from_ms) take(entry, changes, next, now)
    next.position = entries.at(-1)?.position ?? log.last(EVENT_LANE)
    const isChange = changes.all().length > 0
    if (isChange) await host.commit(changes, next)
    else host.room().position = next.position
    cursor.advance(EVENT_LANE, next.position)
    again(entries.length === ENTRIES_AT_ONCE || !isChange ? 0 : PAUSE_MS)
  }

  function wake(): void {
    if (isTaking || behind() <= 0) return
    isTaking = true
    host.inTurn(() =>
      takeBatch().catch((error: unknown) => {
        again(RETRY_MS)
        throw error
      }),
    )
  }

  function again(after_ms: number): void {
    timer = setTimeout(() => {
      isTaking = false
      wake()
    }, after_ms)
  }

  const behind = () => log.last(EVENT_LANE) - host.room().position
  const stopListening = log.onCommit((lanes) => {
    if (lanes.has(EVENT_LANE)) wake()
  })

  return {
    start(known) {
      seen = known
      isTaking = false
      cursor.advance(EVENT_LANE, host.room().position)
      wake()
    },
    behind,
    setAside: () => setAside,
    close() {
      isTaking = true
      stopListening()
      clearTimeout(timer)
    },
  }
}

export function failed(what: string, cause: unknown): LinliError {
  return new LinliError('INCIDENT_FAILED', `${what}: ${reasonOf(cause)}`, { kind: 'fault', cause })
}
