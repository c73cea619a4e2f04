import {
  type BusEffect,
  type BusInput,
  type BusState,
  type Failure,
  type Job,
  type Owed,
  QUEUE_MAX,
  type Turn,
  type Unit,
  unitOf,
  WATCHES_MAX,
} from './bus-state.ts'
import { BROADCAST, encodeRequest, isRepeated, isSamePlace, type Request, refusalOf, replyBytes } from './frame.ts'
import { onBytes, onDeadline } from './replies.ts'
import { answer, type Run, replaceUnit, set, tell } from './run.ts'
import { type BusTiming, GAP_MS } from './timing.ts'
import { chooseTurn, mayTryAt } from './turn-choice.ts'

/** The master of a line, pure: one request on the line at a time, nobody's reply for another's, nothing waits for a dead unit. */

export interface StepResult {
  state: BusState
  effects: BusEffect[]
}

/** Units carry a broadcast out in this time (serial line v1.02, §2.4.1: 100 to 200 ms). */
const BROADCAST_MS = 100
export function step(timing: BusTiming, state: BusState, input: BusInput, now_ms: number): StepResult {
  const run: Run = { timing, now_ms, state, effects: [] }
  take(run, input)
  const { exchange } = run.state
  if (exchange && now_ms >= exchange.deadline_ms) onDeadline(run, exchange)
  dropExpired(run)
  if (run.state.up && !run.state.exchange && now_ms >= run.state.free_ms) begin(run)
  return { state: run.state, effects: run.effects }
}

/** When the next `tick` is due; undefined while there is nothing to wait for. */
export function nextDeadline(state: BusState, now_ms: number): number | undefined {
  const expiries = state.queue.map(({ expires_ms }) => expires_ms)
  const soonest = (...times: number[]) => {
    const first = Math.min(...times, ...expiries)
    return first === Number.POSITIVE_INFINITY ? undefined : first
  }
  if (!state.up) return undefined
  if (state.exchange) return soonest(state.exchange.deadline_ms)
  if (state.free_ms > now_ms) return soonest(state.free_ms)
  const choice = chooseTurn(state, now_ms)
  return 'wait_ms' in choice ? soonest(now_ms + choice.wait_ms) : now_ms
}

function take(run: Run, input: BusInput) {
  switch (input.type) {
    case 'line':
      return input.up ? onUp(run) : onDown(run)
    case 'bytes':
      return onBytes(run, input.bytes)
    case 'tick':
      return
    case 'request':
      return onRequest(run, input)
    case 'watch': {
      if (run.state.watches.size >= WATCHES_MAX) return
      const watches = new Map(run.state.watches)
      watches.set(input.watch.id, { ...input.watch, due_ms: run.now_ms })
      return set(run, { watches })
    }
    case 'unwatch': {
      const watches = new Map(run.state.watches)
      watches.delete(input.id)
      return set(run, { watches })
    }
    case 'finish':
      return onFinish(run)
  }
}

function onUp(run: Run): void {
  const units = new Map<number, Unit>()
  for (const [number, unit] of run.state.units)
    units.set(number, {
      ...unit,
      online: undefined,
      misses: 0,
      awayUntil_ms: 0,
      corruptScore: 0,
      isDoubled: false,
      isUnreadable: false,
      mergeMisses: 0,
    })
  const { timing, now_ms } = run
  set(run, { up: true, isFinishing: false, units, echo: timing.echo, heard: new Uint8Array(0), answered: undefined })
  // What the adapter still has from before passes by.
  set(run, { free_ms: now_ms + GAP_MS, freeLatest_ms: now_ms + GAP_MS, probe_ms: 0 })
}

const ABSENT: Failure = {
  ok: false,
  code: 'BUS_ABSENT',
  message: 'the adapter of the bus is not there; is it plugged in?',
}

function onDown(run: Run): void {
  const { exchange, queue, watches } = run.state
  if (exchange && exchange.turn.request.unit !== BROADCAST) {
    // The line may be back before its reply has come.
    const { unit } = exchange.turn.request
    const until_ms = exchange.deadline_ms + run.timing.late_ms
    const owed: Owed = { asked: exchange.asked, until_ms, mayRepeat: false, overtaken: false }
    replaceUnit(run, unit, { owed: [...unitOf(run.state, unit).owed, owed] })
  }
  set(run, { up: false, exchange: undefined, queue: [], recent: [] })
  for (const job of [...(exchange?.turn.jobs ?? []), ...queue]) answer(run, job, ABSENT)
  for (const { id } of watches.values()) run.effects.push({ type: 'reading', watch: id, outcome: ABSENT })
  for (const [number, unit] of run.state.units) {
    if (unit.online) tell(run, { type: 'unit', unit: number, online: false, reason: 'bus-absent' })
    replaceUnit(run, number, { online: undefined })
  }
}

function onFinish(run: Run): void {
  const { queue } = run.state
  const writes = queue.filter(({ request }) => request.type !== 'read')
  set(run, { isFinishing: true, watches: new Map(), queue: writes })
  for (const job of queue) if (!writes.includes(job)) answer(run, job, ABSENT)
}

/** Whether a write waits or is under way. */
export function isWriting({ exchange, queue }: BusState): boolean {
  return [...(exchange?.turn.jobs ?? []), ...queue].some(({ request }) => request.type !== 'read')
}

type RequestInput = Extract<BusInput, { type: 'request' }>

function onRequest(run: Run, { ticket, request, urgent, expires_ms, maxAge_ms }: RequestInput) {
  const job: Job = { ticket, request, urgent, expires_ms, attempts: 0 }
  const refusal = refusalOf(request)
  if (refusal !== undefined) return answer(run, job, { ok: false, code: 'BUS_REQUEST', message: refusal })
  if (!run.state.up || run.state.isFinishing) return answer(run, job, ABSENT)
  const cached = fresh(run, request, maxAge_ms)
  if (cached) return answer(run, job, { ok: true, ...cached })
  const unit = unitOf(run.state, request.unit)
  if (request.unit !== BROADCAST && unit.online === false && mayTryAt(run.state, unit) > run.now_ms)
    return answer(run, job, { ok: false, code: 'BUS_UNIT_AWAY', message: `unit ${request.unit} does not answer` })
  if (request.type !== 'read') supersede(run, request)
  if (run.state.queue.length >= QUEUE_MAX)
    return answer(run, job, { ok: false, code: 'BUS_QUEUE_FULL', message: `${QUEUE_MAX} requests wait already` })
  set(run, { queue: [...run.state.queue, job] })
}

function fresh(run: Run, request: Request, maxAge_ms: number) {
  if (request.type !== 'read' || maxAge_ms <= 0) return undefined
  for (const { range, values, at_ms } of run.state.recent) {
    const start = request.address - range.address
    const covers =
      range.unit === request.unit &&
      range.table === request.table &&
      start >= 0 &&
      start + request.count <= range.count &&
      run.now_ms - at_ms <= maxAge_ms
    if (covers) return { values: values.slice(start, start + request.count), at_ms }
  }
  return undefined
}

/** A write that has not gone out is pointless once another to the same place is asked for. */
function supersede(run: Run, request: Request): void {
  const { queue } = run.state
  const gone = queue.filter((job) => isSamePlace(job.request, request))
  set(run, {
    queue: queue.filter((job) => !gone.includes(job)),
    recent: run.state.recent.filter(({ range }) => request.unit !== BROADCAST && range.unit !== request.unit),
  })
  for (const job of gone)
    answer(run, job, { ok: false, code: 'BUS_SUPERSEDED', message: 'another write to the same place came after it' })
}

function dropExpired(run: Run): void {
  const gone = run.state.queue.filter(({ expires_ms }) => expires_ms <= run.now_ms)
  if (gone.length === 0) return
  set(run, { queue: run.state.queue.filter((job) => !gone.includes(job)) })
  for (const job of gone)
    answer(run, job, job.failed ?? { ok: false, code: 'BUS_EXPIRED', message: 'the line had no time for it' })
}

function begin(run: Run): void {
  const { state, timing, now_ms } = run
  const choice = chooseTurn(state, now_ms)
  if ('wait_ms' in choice) return
  const turn = state.echo === undefined && isRepeated(choice.request) ? probe(choice.request) : choice
  const asked = encodeRequest(turn.request)
  const { unit } = turn.request
  const wire_ms = asked.length * timing.byte_ms
  const isBroadcast = unit === BROADCAST
  const deadline_ms = now_ms + wire_ms + (isBroadcast ? BROADCAST_MS : timing.silence_ms + timing.timeout_ms)
  const reply_ms = (replyBytes(turn.request) + asked.length) * timing.byte_ms
  set(run, {
    exchange: {
      turn,
      asked,
      sent_ms: now_ms,
      deadline_ms,
      firstByte_ms: deadline_ms,
      limit_ms: deadline_ms + reply_ms + GAP_MS,
    },
    queue: state.queue.filter((job) => !turn.jobs.includes(job)),
    heard: new Uint8Array(0),
    answered: undefined,
    urgentInRow: inRow(state, turn),
  })
  if (!isBroadcast) {
    markOvertaken(run, turn, asked)
    tell(run, { type: 'count', unit, count: 'requests' })
    if (turn.jobs.some(({ attempts }) => attempts > 0) || unitOf(state, unit).misses > 0)
      tell(run, { type: 'count', unit, count: 'retries' })
  }
  tell(run, { type: 'send', bytes: asked })
}

/** Whether the adapter echoes has to be known before a write whose answer looks like its echo; any reply to a read tells. */
function probe({ unit, table, address }: Extract<Request, { type: 'write' }>): Turn {
  return { request: { type: 'read', unit, table, address, count: 1 }, jobs: [], watches: [], merged: 'none' }
}

function inRow(state: BusState, turn: Turn): number {
  if (turn.request.type !== 'read') return state.urgentInRow
  const urgent = [...turn.jobs, ...turn.watches].some((one) => one.urgent)
  return urgent ? state.urgentInRow + 1 : 0
}

function markOvertaken(run: Run, { request }: Turn, asked: Uint8Array): void {
  const { owed } = unitOf(run.state, request.unit)
  if (owed.length === 0) return
  replaceUnit(run, request.unit, {
    owed: owed
      .filter(({ until_ms }) => until_ms > run.now_ms)
      .map((one) => {
        const same = Buffer.compare(one.asked, asked) === 0
        return same ? { ...one, mayRepeat: false } : { ...one, overtaken: one.overtaken || request.type === 'write' }
      }),
  })
}
