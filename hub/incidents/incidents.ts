import type { Message } from '../contract/decode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Place } from '../contract/meta.ts'
import { addressPath, type Site } from '../contract/topic.ts'
import type { Entry } from '../journal/types.ts'
import { type Changes, createBook, createChanges } from './book.ts'
import { nextLook } from './clock-machine.ts'
import { type IncidentConfig, incidentConfig } from './config.ts'
import { factOf, takeFact } from './facts.ts'
import { createKeeper } from './keeper.ts'
import { type IncidentInput, stepIncident } from './machine.ts'
import { incidentAddress } from './messages.ts'
import { createNotices } from './notices.ts'
import { carryOut, notDone, settled, succeeded } from './orders.ts'
import { INCIDENT_LANE, type Live, newestOf, type RoomRecord, restoreRoom } from './record.ts'
import type { Change, IncidentDeps, Incidents } from './room.ts'
import { advanceTime, beginTime, type ClockSample, resumeTime } from './running-time.ts'
import type { Moment } from './types.ts'
import { monthOf } from './yardsticks.ts'

/**
 * The shell of the incidents. It reads the journal by a cursor of its own, long after an event was acknowledged and on its way
 * upstream: whatever happens here holds up no alarm. One thing at a time, and nothing is in memory, told or answered before
 * it is on disk.
 */

export const INCIDENT_CURSOR = 'incidents'
const LANE = 'alarm'
const ENTRIES_AT_ONCE = 256
/** Between two batches: of a thousand presses a second twenty commits come, not a thousand. */
const PAUSE_MS = 50
const RETRY_MS = 5_000
/** How far running time goes back at most by a crash of the machine. */
const CHECKPOINT_MS = 30_000
const LOOK_MS_MAX = 3_600_000
const ARCHIVE_RETRY_MS = 60_000
const ARCHIVED_AT_ONCE = 50
const NUMBERS_SKIPPED = 100

export function createIncidents(deps: IncidentDeps, { site }: { site: Site }): Incidents {
  const { log, archive, desk } = deps
  const began_ms = performance.now()
  const book = createBook()
  const cursor = log.cursor(INCIDENT_CURSOR, [LANE])
  const changed = new Set<(change: Change) => void>()
  const fetches = new Set<(wanted: { incident: string; place: Place | undefined; at: number }) => void>()
  const notices = createNotices(deps.config, () => book.all())
  const addressOf = (id: string) => incidentAddress(site, id)
  const keeper = createKeeper({
    ...deps,
    addressOf,
    uptime_ms: () => performance.now() - began_ms,
  })
  let room: RoomRecord = { created_ms: 0, boots: 0, position: 0, number: 0, time: beginTime(sample()).anchor }
  let fault: LinliError | undefined
  let archiveFault: LinliError | undefined
  let setAside = 0
  /** Ids that a damaged journal may hand out once more; undefined: none. */
  let seen: Set<string> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let isTaking = false
  let isRunning = false
  let takeTimer: ReturnType<typeof setTimeout> | undefined
  let lookTimer: ReturnType<typeof setTimeout> | undefined
  let archiveFrom_ms = 0
  let isPuttingAway = false

  function sample(): ClockSample {
    const { boot, monotonic_ms } = deps.machine
    return { boot, monotonic_ms: monotonic_ms(), wall_ms: deps.now_ms(), quality: deps.timeQuality() }
  }
  function moment(): Moment {
    room.time = advanceTime({ anchor: room.time }, sample()).anchor
    const { run_ms, wall_ms, quality } = room.time
    return { run_ms, wall_ms, quality }
  }

  /** One after the other; what fails is told, and the next one has its turn. */
  function inTurn(work: () => Promise<void>): void {
    last = last.then(() => (isRunning ? work() : undefined)).catch((error: unknown) => setFault(asFault(error)))
  }

  function setFault(next: LinliError | undefined): void {
    if (next && next.message !== fault?.message) deps.onFault(next)
    fault = next
  }

  async function commit(changes: Changes, next: RoomRecord = room): Promise<void> {
    const all = changes.all()
    const pieces = await keeper.write(next, all)
    room = { ...next, time: room.time }
    setFault(undefined)
    for (const { incident, story } of all) {
      const { story: before = [], pieces: keys = [] } = book.get(incident.id) ?? {}
      before.push(...story)
      const piece = pieces.get(incident.id)
      if (piece !== undefined) keys.push(piece)
      book.put({ incident, story: before, pieces: keys })
    }
    for (const { incident, story, effects } of all) {
      for (const listener of changed) listener({ incident, story })
      for (const effect of effects) {
        if (effect.type === 'notify') notices.send(incident, effect)
        else if (effect.type === 'fetch-pictures')
          for (const listener of fetches) listener({ incident: effect.incident, place: effect.place, at: effect.at })
      }
    }
    plan()
  }

  function take(entry: Entry, changes: Changes, next: RoomRecord, now: Moment): void {
    const taken = (config: IncidentConfig) => {
      const fact = factOf(entry, config, deps.placeOf)
      if (fact && !seen?.has(fact.event)) takeFact(config, fact, changes, next, now)
    }
    try {
      taken(deps.config())
    } catch (error) {
      // The site's rules are at fault, or we are: an alarm is an incident all the same.
      deps.onFault(failed(`an event was taken by the shipped rules: ${entry.topic}`, error))
      try {
        taken(incidentConfig())
      } catch (second) {
        setAside += 1
        const why = failed(`no incident for the event ${LANE}:${entry.position} ${entry.topic}`, second)
        deps.onFault(why)
        noteSetAside(entry, why)
      }
    }
  }

  function noteSetAside({ topic, position }: Entry, why: LinliError): void {
    const detail = { topic, position, reason: why.message.slice(0, 400) }
    const who = { actor: 'hub:incidents', source: 'hub', outcome: 'failed', code: why.code } as const
    deps.audit.note({ kind: 'audit', action: 'incident-not-raised', ...who, detail })
  }

  async function takeBatch(): Promise<void> {
    const entries = await log.read(LANE, room.position, ENTRIES_AT_ONCE)
    const changes = createChanges(book)
    const now = moment()
    const next = { ...room }
    for (const entry of entries) take(entry, changes, next, now)
    next.position = entries.at(-1)?.position ?? log.last(LANE)
    const isChange = changes.all().length > 0
    if (isChange) await commit(changes, next)
    else room.position = next.position
    cursor.advance(LANE, room.position)
    takeAfter(entries.length === ENTRIES_AT_ONCE || !isChange ? 0 : PAUSE_MS)
  }

  function wake(): void {
    if (isTaking || !isRunning || log.last(LANE) <= room.position) return
    isTaking = true
    inTurn(() =>
      takeBatch().catch((error: unknown) => {
        takeAfter(RETRY_MS)
        throw error
      }),
    )
  }
  function takeAfter(after_ms: number): void {
    takeTimer = setTimeout(() => {
      isTaking = false
      wake()
    }, after_ms)
  }

  async function order({ topic, command }: Message & { kind: 'command' }): Promise<void> {
    const answer = (result: ReturnType<typeof notDone>) => desk.answer(topic, result)
    const now = moment()
    const at = new Date(now.wall_ms).toISOString()
    if (Date.parse(command.expiresat) <= deps.now_ms())
      return answer(notDone(command, 'expired', 'COMMAND_EXPIRED', `expired at ${command.expiresat}`, at))
    const changes = createChanges(book)
    const next = { ...room }
    const number = () => (next.number += 1)
    try {
      const outcome = carryOut(command, topic, { config: deps.config(), changes, size: book.size, next: number }, now)
      if ('refused' in outcome) return answer(notDone(command, 'refused', outcome.refused, outcome.message, at))
      changes.add(outcome)
      await commit(changes, next)
      answer(succeeded(command, outcome.incident.id, outcome.incident.status, at))
    } catch (error) {
      const isOurs = !(error instanceof LinliError)
      answer(notDone(command, 'failed', isOurs ? 'INCIDENT_FAILED' : 'INCIDENT_UNKEPT', reasonOf(error), at))
      throw error
    }
  }

  /** What others have to say of an incident: a notice was delivered, a picture came. */
  function inform(id: string, input: IncidentInput): void {
    inTurn(async () => {
      const live = book.get(id)
      if (!live) return
      const outcome = stepIncident(deps.config(), live.incident, input, moment())
      const changes = createChanges(book)
      if ('refused' in outcome || outcome.story.length === 0) return
      changes.add(outcome)
      await commit(changes)
    })
  }

  async function look(): Promise<void> {
    const now = moment()
    const changes = createChanges(book)
    try {
      for (const { incident } of book.all()) {
        if (nextLook(incident.clocks) > now.run_ms) continue
        const outcome = stepIncident(deps.config(), incident, { type: 'tick' }, now)
        if (!('refused' in outcome)) changes.add(outcome)
      }
      // With nothing changed this is how far running time has come.
      await commit(changes)
      void putAway(now)
    } finally {
      plan()
    }
  }

  /** Beside the turns: a slow archive holds up no incident. What was reopened meanwhile stays, and comes again later. */
  async function putAway({ run_ms }: Moment): Promise<void> {
    if (isPuttingAway || run_ms < archiveFrom_ms) return
    const { keepClosed_ms, timeZone } = deps.config()
    const isDue = ({ incident: { closed_ms } }: Live) => closed_ms !== undefined && closed_ms + keepClosed_ms <= run_ms
    const due = [...book.all()].filter(isDue).slice(0, ARCHIVED_AT_ONCE)
    if (due.length === 0) return
    isPuttingAway = true
    try {
      await archive.put(due.map(({ incident, story }) => ({ incident, story, month: monthOf(incident, timeZone) })))
      archiveFault = undefined
      inTurn(async () => {
        const gone = due.flatMap(({ incident }) => book.get(incident.id) ?? []).filter(isDue)
        await keeper.forget(gone)
        for (const { incident } of gone) book.remove(incident.id)
        plan()
      })
    } catch (error) {
      archiveFrom_ms = run_ms + ARCHIVE_RETRY_MS
      archiveFault = asFault(error)
      deps.onFault(archiveFault)
    } finally {
      isPuttingAway = false
    }
  }

  /** When to look again. */
  function plan(): void {
    clearTimeout(lookTimer)
    if (!isRunning) return
    const { run_ms } = room.time
    const { keepClosed_ms } = deps.config()
    let next_ms = run_ms + LOOK_MS_MAX
    let isWaiting = false
    for (const { incident } of book.all()) {
      const { closed_ms, clocks } = incident
      next_ms = Math.min(next_ms, nextLook(clocks))
      if (closed_ms !== undefined)
        next_ms = Math.min(next_ms, Math.max(closed_ms + keepClosed_ms, archiveFrom_ms, run_ms + 1000))
      else isWaiting = true
    }
    if (isWaiting) next_ms = Math.min(next_ms, run_ms + CHECKPOINT_MS)
    lookTimer = setTimeout(() => inTurn(look), Math.max(0, next_ms - run_ms))
  }

  async function restore(): Promise<void> {
    const { room: stored, live, unreadable } = restoreRoom(await log.list(INCIDENT_LANE.name))
    for (const one of live) book.put(one)
    const recovery = log.recovery()
    const isDoubtful = [INCIDENT_LANE.name, LANE].some((lane) => recovery?.lanes[lane]?.isDoubtful)
    if (unreadable > 0 || (isDoubtful && stored))
      deps.onFault(
        failed(`the record of incidents was damaged (${unreadable} entries cannot be read)`, recovery?.message),
      )
    if (isDoubtful) seen = new Set(live.flatMap(({ story }) => story.flatMap(({ event }) => event ?? [])))
    const archived = await archive.last().catch((error: unknown) => {
      archiveFault = asFault(error)
      deps.onFault(archiveFault)
      return 0
    })
    const time = stored ? resumeTime(stored.time, sample()) : beginTime(sample())
    room = {
      created_ms: stored?.created_ms ?? deps.now_ms(),
      boots: (stored?.boots ?? 0) + 1,
      // What happened before there were incidents raises none.
      position: Math.min(stored?.position ?? log.last(LANE), log.last(LANE)),
      // Numbers that were given out and are lost with the record are not given out again.
      number: newestOf(live, stored, archived) + (isDoubtful ? NUMBERS_SKIPPED : 0),
      time: time.anchor,
    }
    await keeper.write(room, [])
    cursor.advance(LANE, room.position)
  }

  /** Commands that were taken and not answered. */
  function settle(): void {
    const open = desk.openBelow(addressPath(addressOf('')))
    for (const { topic, result } of settled(open, book.all(), deps.now_ms())) desk.answer(topic, result)
  }

  const stopListening = log.onCommit((lanes) => {
    if (lanes.has(LANE)) wake()
  })

  return {
    onCommand: (message) => inTurn(() => order(message)),
    problems: () => [
      ...(fault ? [fault.message] : []),
      ...(archiveFault ? [archiveFault.message] : []),
      ...(setAside > 0
        ? [`INCIDENT_FAILED: ${setAside} events raised no incident; see the log and the audit log`]
        : []),
    ],
    counts: () => ({ live: book.size, behind: log.last(LANE) - room.position, setAside }),
    live: () => book.all(),
    async get(id) {
      const live = book.get(id)
      return live ?? archive.get(id)
    },
    archive,
    onChange: (listener) => subscribe(changed, listener),
    onNotice: notices.onNotice,
    onFetch: (listener) => subscribe(fetches, listener),
    delivered: (about) => inform(about.notice.split('-')[0] ?? '', about),
    pictured: (picture) => inform(picture.incident, picture),
    async start() {
      const { damage } = await archive.open().catch((error: unknown) => {
        archiveFault = asFault(error)
        deps.onFault(archiveFault)
        return { damage: undefined }
      })
      if (damage !== undefined) deps.onFault(failed('the archive of incidents was damaged', damage))
      await restore()
      settle()
      isRunning = true
      wake()
      plan()
    },
    async close() {
      isRunning = false
      stopListening()
      clearTimeout(takeTimer)
      clearTimeout(lookTimer)
      await archive.close()
    },
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function asFault(error: unknown): LinliError {
  return error instanceof LinliError ? error : failed('the incidents failed', error)
}

function failed(what: string, cause: unknown): LinliError {
  return new LinliError('INCIDENT_FAILED', `${what}: ${reasonOf(cause)}`, { kind: 'fault', cause })
}
