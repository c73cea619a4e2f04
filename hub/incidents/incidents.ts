import type { Message } from '../contract/decode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { addressPath } from '../contract/topic.ts'
import { createAbsences } from './absences.ts'
import { createArchiving } from './archive/archiving.ts'
import { type Changes, createBook, createChanges } from './book.ts'
import { nextLook } from './clock-machine.ts'
import { createKeeper } from './keeper.ts'
import { type IncidentInput, stepIncident } from './machine.ts'
import { incidentAddress } from './messages.ts'
import { createNotices } from './notices.ts'
import { carryOut, notDone, settled, succeeded } from './orders.ts'
import { type PicturesWanted, picturesUnderWay } from './pictures.ts'
import { INCIDENT_LANE, type Live, newestOf, type RoomRecord, restoreRoom } from './record.ts'
import type { Change, IncidentDeps, IncidentRoomConfig, Incidents } from './room.ts'
import { advanceTime, beginTime, type ClockSample, resumeTime } from './running-time.ts'
import { createTaking, EVENT_LANE, failed } from './taking.ts'
import type { Moment } from './types.ts'

/**
 * The shell of the incidents. It reads the journal by a cursor of its own, long after an event was acknowledged and on its way
 * upstream: whatever happens here holds up no alarm. One thing at a time, and nothing is in memory, told or answered before
 * it is on disk.
 */

/** How far running time goes back at most by a crash of the machine. */
const CHECKPOINT_MS = 30_000
const RETRY_MS = 5_000
const LOOK_MS_MAX = 3_600_000
const NUMBERS_SKIPPED = 100

export function createIncidents(deps: IncidentDeps, config: IncidentRoomConfig): Incidents {
  const { log, archive, desk } = deps
  const began_ms = performance.now()
  const book = createBook()
  const changed = new Set<(change: Change) => void>()
  const fetches = new Set<(wanted: PicturesWanted) => void>()
  const notices = createNotices(deps.config, () => book.all())
  const archiving = createArchiving({ ...deps, book, forget: (gone) => inTurn(() => forget(gone())) })
  const taking = createTaking(deps, { room: () => room, moment, changes: () => createChanges(book), commit, inTurn })
  const absences = watchAbsences()
  const addressOf = (id: string) => incidentAddress(config.site, id)
  const keeper = createKeeper({ ...deps, addressOf, uptime_ms: () => performance.now() - began_ms })
  let room: RoomRecord = { created_ms: 0, boots: 0, position: 0, number: 0, time: beginTime(sample()).anchor }
  let fault: LinliError | undefined
  let last: Promise<unknown> = Promise.resolve()
  let phase: 'starting' | 'running' | 'closed' = 'starting'
  let lookTimer: ReturnType<typeof setTimeout> | undefined

  function watchAbsences() {
    return createAbsences(deps, {
      ...{ book, moment, inTurn },
      changes: () => createChanges(book),
      number: () => room.number,
      commit: (changes, number) => commit(changes, { ...room, number }),
    })
  }

  function problems(): string[] {
    const aside = taking.setAside()
    return [
      ...[fault, archiving.fault()].flatMap((found) => found?.message ?? []),
      ...(aside > 0 ? [`INCIDENT_FAILED: ${aside} events raised no incident; see the audit log`] : []),
    ]
  }

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
    last = last
      .then(() => (phase === 'running' ? work() : undefined))
      .catch((error: unknown) => setFault(asFault(error)))
  }

  function setFault(next: LinliError | undefined): void {
    if (next && next.message !== fault?.message) deps.onFault(next)
    fault = next
  }

  async function commit(changes: Changes, next: RoomRecord = room): Promise<void> {
    const all = changes.all()
    for (const { incident } of all) deps.places.know(incident)
    const pieces = await keeper.write(next, all)
    room = { ...next, time: room.time }
    setFault(undefined)
    for (const { incident, story } of all) {
      const { story: told = [], pieces: keys = [] } = book.get(incident.id) ?? {}
      told.push(...story)
      const piece = pieces.get(incident.id)
      if (piece !== undefined) keys.push(piece)
      book.put({ incident, story: told, pieces: keys })
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
      archiving.look(now.run_ms)
    } finally {
      plan()
    }
  }

  async function forget(gone: Live[]): Promise<void> {
    await keeper.forget(gone)
    for (const { incident } of gone) {
      book.remove(incident.id)
      deps.places.forget(incident.id)
    }
    plan()
  }

  /** When to look again. */
  function plan(): void {
    clearTimeout(lookTimer)
    if (phase !== 'running') return
    const { run_ms } = room.time
    let next_ms = run_ms + LOOK_MS_MAX
    let isWaiting = false
    for (const { incident } of book.all()) {
      const { closed_ms, clocks } = incident
      next_ms = Math.min(next_ms, nextLook(clocks))
      if (closed_ms !== undefined) next_ms = Math.min(next_ms, archiving.dueAt(closed_ms, run_ms))
      else isWaiting = true
    }
    if (isWaiting) next_ms = Math.min(next_ms, run_ms + (config.checkpoint_ms ?? CHECKPOINT_MS))
    lookTimer = setTimeout(() => inTurn(look), Math.max(0, next_ms - run_ms))
  }

  /** @returns ids of events that the journal may hand out once more, after damage */
  async function restore(): Promise<Set<string>> {
    const { room: stored, live, unreadable } = restoreRoom(await log.list(INCIDENT_LANE.name))
    for (const one of live) {
      book.put(one)
      deps.places.know(one.incident)
    }
    const recovery = log.recovery()
    const isDoubtful =
      [INCIDENT_LANE.name, EVENT_LANE].some((lane) => recovery?.lanes[lane]?.isDoubtful) || unreadable > 0
    const opened = archiving.open()
    const archived = stored && !isDoubtful ? 0 : await opened
    if (isDoubtful && stored)
      deps.onFault(
        failed(`the record of incidents was damaged (${unreadable} entries cannot be read)`, recovery?.message),
      )
    const time = stored ? resumeTime(stored.time, sample()) : beginTime(sample())
    room = {
      created_ms: stored?.created_ms ?? deps.now_ms(),
      boots: (stored?.boots ?? 0) + 1,
      position: Math.min(stored?.position ?? 0, log.last(EVENT_LANE)),
      // Numbers that were given out and are lost with the record are not given out again.
      number: newestOf(live, stored, archived) + (isDoubtful ? NUMBERS_SKIPPED : 0),
      time: time.anchor,
    }
    await keeper.write(room, [])
    return new Set(isDoubtful ? live.flatMap(({ story }) => story.flatMap(({ event }) => event ?? [])) : [])
  }

  /** A journal that refuses keeps no hub from running: it is tried again. */
  async function begin(): Promise<void> {
    try {
      const seen = await restore()
      if (phase === 'closed') return
      settle(deps, config, book.all())
      phase = 'running'
      taking.start(seen)
      absences.start()
      for (const wanted of picturesUnderWay(book.all(), room.time.run_ms))
        for (const listener of fetches) listener(wanted)
      plan()
    } catch (error) {
      setFault(asFault(error))
      if (phase === 'starting') lookTimer = setTimeout(() => (last = last.then(begin)), RETRY_MS)
    }
  }

  return {
    onCommand: (message) => inTurn(() => order(message)),
    heard: absences.heard,
    problems,
    counts: () => ({ live: book.size, behind: taking.behind(), setAside: taking.setAside() }),
    live: () => book.all(),
    now: moment,
    config: deps.config,
    get: async (id) => book.get(id) ?? archive.get(id),
    archive,
    onChange: (listener) => subscribe(changed, listener),
    onNotice: notices.onNotice,
    onFetch: (listener) => subscribe(fetches, listener),
    delivered: (about) => inform(about.notice.split('-')[0] ?? '', about),
    pictured: (picture) => inform(picture.incident, picture),
    async start() {
      // Nobody waits for its disk: what comes meanwhile has its turn behind it.
      last = begin()
    },
    async close() {
      phase = 'closed'
      taking.close()
      absences.close()
      clearTimeout(lookTimer)
      await archive.close()
    },
  }
}

/** Commands that were taken and not answered. */
function settle({ desk, now_ms }: IncidentDeps, { site }: IncidentRoomConfig, live: Iterable<Live>): void {
  const open = desk.openBelow(addressPath(incidentAddress(site, '')))
  for (const { topic, result } of settled(open, live, now_ms())) desk.answer(topic, result)
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function asFault(error: unknown): LinliError {
  return error instanceof LinliError ? error : failed('the incidents failed', error)
}
