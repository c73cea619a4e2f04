import type { RegisterRange } from '../../ports/register-bus.ts'
import {
  BACKOFF_FIRST_MS,
  BACKOFF_MAX_MS,
  type Exchange,
  type Failure,
  type Job,
  type Outcome,
  type Turn,
  type Unit,
  unitOf,
} from './bus-state.ts'
import {
  BROADCAST,
  EXCEPTION_BYTES,
  EXCEPTIONS,
  isRepeated,
  isSamePlace,
  type Reply,
  repliesIn,
  replyAt,
  replyBytes,
} from './frame.ts'
import { answer, type Run, replaceUnit, set, tell } from './run.ts'
import { GAP_MS } from './timing.ts'

/** What comes in on the line: the reply that was asked for, or anything else. */

/** More than the longest echo and reply; of what is more only the end is kept. */
const HEARD_BYTES_MAX = 1024
/** A line on which somebody babbles is used again after this, so that its units are missed at least. */
const BABBLE_MS = 500
const UNREADABLE_SCORE = 8
const UNREADABLE_SCORE_MAX = 16
/** Exceptions that say that a range does not exist as a whole (application protocol v1.1b3, §7). */
const ILLEGAL_ADDRESS = 2
const ILLEGAL_VALUE = 3
const STILL_WORKING = 5
const BUSY = 6
const BUSY_MS = 100
const RECENT_MAX = 64
/** Trying units that are away takes no more than this share of the line. */
const PROBE_SHARE = 0.1
/** Merged requests in a row that get no answer, until they are taken for what the unit does not answer. */
const MERGE_MISSES_MAX = 2

export function onBytes(run: Run, bytes: Uint8Array) {
  const heard = Buffer.concat([run.state.heard, bytes]).subarray(-HEARD_BYTES_MAX)
  set(run, { heard })
  const { exchange } = run.state
  if (!exchange) return onIdleBytes(run)
  const start = replyStart(run, exchange)
  const { request } = exchange.turn
  for (let offset = start; offset + EXCEPTION_BYTES <= heard.length; offset++) {
    const reply = replyAt(request, exchange.asked, heard, offset)
    if (reply) return onReply(run, exchange, reply, start, offset)
  }
  // An echo that is coming in is no reply yet.
  const isEcho = run.state.echo !== false && Buffer.compare(heard, exchange.asked.subarray(0, heard.length)) === 0
  const came = isEcho ? 0 : heard.length - start
  const whole = came >= Math.min(replyBytes(request), EXCEPTION_BYTES)
  const { firstByte_ms, limit_ms } = exchange
  const moved_ms = run.now_ms + GAP_MS
  set(run, {
    exchange: { ...exchange, deadline_ms: Math.min(limit_ms, whole ? moved_ms : Math.max(firstByte_ms, moved_ms)) },
  })
}

/** Where the reply may begin: behind the echo, if the adapter repeats what it sends. */
function replyStart(run: Run, exchange: Exchange): number {
  const { heard, echo } = run.state
  const { request } = exchange.turn
  const at = Buffer.from(heard.buffer, heard.byteOffset, heard.length).indexOf(exchange.asked)
  // Of two that look alike the second is the reply; an exception looks different.
  if (isRepeated(request)) return echo === true && at >= 0 ? at + exchange.asked.length : 0
  // Noise may come before the echo of an adapter that is known to have one.
  if (at < 0 || (at > 0 && echo !== true)) return 0
  if (echo !== true) learnEcho(run, request.unit)
  return at + exchange.asked.length
}

function learnEcho(run: Run, unit: number): void {
  set(run, { echo: true })
  tell(run, { type: 'fault', kind: 'echo', unit })
}

function onReply(run: Run, exchange: Exchange, reply: Reply, start: number, offset: number): void {
  const { heard, echo } = run.state
  const { request } = exchange.turn
  const { unit } = request
  const length = reply.ok ? replyBytes(request) : EXCEPTION_BYTES
  if (echo === undefined && start === 0) set(run, { echo: false })
  judge(run, heard.subarray(start, offset), unit)
  const before = unitOf(run.state, unit)
  const taken_ms = run.now_ms - exchange.sent_ms
  const { max, sum, count } = before.roundTrip_ms
  replaceUnit(run, unit, {
    online: true,
    misses: 0,
    ...readable(before),
    ...(exchange.turn.merged === 'none' ? {} : { mergeMisses: 0 }),
    mergeBefore: before.merge,
    backoff_ms: BACKOFF_FIRST_MS,
    awayUntil_ms: 0,
    roundTrip_ms: { last: taken_ms, max: Math.max(max, taken_ms), sum: sum + taken_ms, count: count + 1 },
  })
  tell(run, { type: 'count', unit, count: 'replies' })
  if (before.online !== true) tell(run, { type: 'unit', unit, online: true })
  release(run, heard.subarray(offset + length), unit)
  if (reply.ok) serve(run, exchange, reply.values)
  else onException(run, exchange, reply.exception)
  if (run.state.heard.length > 0) onIdleBytes(run)
}

/** The exchange is over; the line is used again after a silence. */
function release(run: Run, heard: Uint8Array, answered: number | undefined): void {
  const { now_ms, timing } = run
  set(run, {
    exchange: undefined,
    heard,
    answered,
    free_ms: now_ms + timing.silence_ms,
    freeLatest_ms: now_ms + BABBLE_MS,
  })
}

function serve(run: Run, exchange: Exchange, values: readonly number[]): void {
  const { turn, sent_ms } = exchange
  const at_ms = run.now_ms
  const { request } = turn
  if (request.type === 'read') remember(run, request, values, at_ms)
  const part = ({ address, count }: { address: number; count: number }): Outcome => {
    const first = request.type === 'write' ? 0 : address - request.address
    return { ok: true, values: values.slice(first, first + count), at_ms }
  }
  for (const job of turn.jobs) {
    const range = job.request.type === 'write' ? { address: 0, count: 0 } : job.request
    answer(run, job, part(range))
  }
  for (const { id, range } of turn.watches) {
    schedule(run, id, sent_ms)
    tell(run, { type: 'reading', watch: id, outcome: part(range) })
  }
}

function remember(
  run: Run,
  { unit, table, address, count }: RegisterRange,
  values: readonly number[],
  at_ms: number,
): void {
  const others = run.state.recent.filter(
    ({ range }) => range.unit !== unit || range.table !== table || range.address !== address || range.count !== count,
  )
  set(run, { recent: [{ range: { unit, table, address, count }, values, at_ms }, ...others].slice(0, RECENT_MAX) })
}

/** Due again a period after it was due, or after it was read if that was earlier. */
function schedule(run: Run, id: number, sent_ms: number): void {
  const watch = run.state.watches.get(id)
  if (!watch) return
  const due_ms = Math.max(run.now_ms, Math.min(watch.due_ms, sent_ms) + watch.every_ms)
  set(run, { watches: new Map(run.state.watches).set(id, { ...watch, due_ms }) })
}

function onException(run: Run, exchange: Exchange, exception: number): void {
  const { turn, sent_ms } = exchange
  const { unit } = turn.request
  tell(run, { type: 'count', unit, count: 'exceptions' })
  const isRange = exception === ILLEGAL_ADDRESS || exception === ILLEGAL_VALUE
  if (isRange && turn.merged !== 'none') {
    // What was merged may be what does not exist: each part is asked for on its own merit.
    replaceUnit(run, unit, { merge: less(turn.merged) })
    set(run, { queue: [...turn.jobs, ...run.state.queue] })
    return
  }
  const what = EXCEPTIONS[exception] ?? 'an exception of its own'
  const failure: Failure = {
    ok: false,
    code: 'BUS_EXCEPTION',
    message: `unit ${unit} answered exception ${exception}: ${what}`,
    exception,
  }
  const isBusy = exception === BUSY || exception === STILL_WORKING
  if (isBusy) replaceUnit(run, unit, { awayUntil_ms: run.now_ms + BUSY_MS })
  for (const job of turn.jobs) {
    if (isBusy) retry(run, job, failure)
    else answer(run, job, failure)
  }
  for (const { id } of turn.watches) {
    schedule(run, id, sent_ms)
    tell(run, { type: 'reading', watch: id, outcome: failure })
  }
}

const less = (merged: Turn['merged']): Turn['merged'] => (merged === 'gaps' ? 'adjacent' : 'none')

/** Many units say nothing at all where a range does not exist; then its parts are asked for. A unit that is gone proves nothing. */
function doubtMerge(run: Run, turn: Turn, isAway: boolean): Partial<Unit> {
  const { merge, mergeMisses, mergeBefore } = unitOf(run.state, turn.request.unit)
  if (isAway) return { mergeMisses: 0, merge: mergeBefore }
  if (turn.merged === 'none') return {}
  const misses = mergeMisses + 1
  if (misses < MERGE_MISSES_MAX) return { mergeMisses: misses }
  return { mergeMisses: 0, mergeBefore: merge, merge: less(turn.merged) }
}

/** Before everything else that waits, unless it was tried often enough or another write to the same place waits. */
function retry(run: Run, job: Job, failed: Failure): void {
  const attempts = job.attempts + 1
  const overtaken = run.state.queue.some(({ request }) => isSamePlace(request, job.request))
  if (attempts > run.timing.retries || overtaken) answer(run, job, failed)
  else set(run, { queue: [{ ...job, attempts, failed }, ...run.state.queue] })
}

/** The time for a reply is over. */
export function onDeadline(run: Run, exchange: Exchange) {
  const { turn, asked } = exchange
  const { unit } = turn.request
  if (unit === BROADCAST) {
    release(run, new Uint8Array(0), undefined)
    return serve(run, exchange, [])
  }
  const start = replyStart(run, exchange)
  const bytes = run.state.heard.subarray(start)
  const isWhole = hasBrokenReply(exchange, bytes)
  const others = judge(run, bytes, unit)
  const before = unitOf(run.state, unit)
  const isCorrupt = bytes.length > 0 && others === 0
  // Another unit's reply may have ended the wait early: this one has its whole time all the same.
  const until_ms = Math.max(run.now_ms, exchange.firstByte_ms) + run.timing.late_ms
  replaceUnit(run, unit, {
    owed: [...before.owed, { asked, until_ms, mayRepeat: isCorrupt && isWhole, overtaken: false }],
  })
  tell(run, { type: 'count', unit, count: isCorrupt ? 'corrupted' : 'timeouts' })
  if (isCorrupt) onUnreadable(run, unit)
  release(run, new Uint8Array(0), undefined)
  onMiss(run, exchange, isCorrupt ? corrupt(unit) : noReply(unit, others > 0))
}

/**
 * A whole reply came and is broken, so that none is owed any more. Noise of the same length proves nothing: the reply
 * may still come then, and would be taken for the answer to a repetition, older than whoever asked in the meantime.
 */
function hasBrokenReply({ turn, asked }: Exchange, bytes: Uint8Array): boolean {
  const length = replyBytes(turn.request)
  for (let offset = 0; offset + length <= bytes.length; offset++) {
    const isHead = bytes[offset] === asked[0] && bytes[offset + 1] === asked[1]
    if (isHead && (turn.request.type === 'write' || bytes[offset + 2] === length - 5)) return true
  }
  return false
}

function onUnreadable(run: Run, unit: number): void {
  const { corruptScore, isUnreadable } = unitOf(run.state, unit)
  const score = Math.min(UNREADABLE_SCORE_MAX, corruptScore + 2)
  const tells = !isUnreadable && score >= UNREADABLE_SCORE
  replaceUnit(run, unit, { corruptScore: score, isUnreadable: isUnreadable || tells })
  if (tells) tell(run, { type: 'fault', kind: 'unreadable-replies', unit })
}

/** A reply could be read; a unit that answers soundly for long may be told again. */
function readable({ corruptScore, isUnreadable }: Unit): Pick<Unit, 'corruptScore' | 'isUnreadable'> {
  const score = Math.max(0, corruptScore - 1)
  return { corruptScore: score, isUnreadable: isUnreadable && score > 0 }
}

const corrupt = (unit: number): Failure => ({
  ok: false,
  code: 'BUS_CORRUPT',
  message: `no reply of unit ${unit} could be read in what came; check speed, parity and cable`,
})
const noReply = (unit: number, isForeign: boolean): Failure => ({
  ok: false,
  code: 'BUS_NO_REPLY',
  message: isForeign ? `another unit answered for unit ${unit}` : `unit ${unit} did not answer`,
})

function onMiss(run: Run, { turn, sent_ms }: Exchange, failure: Failure): void {
  const { unit } = turn.request
  const { misses, online, backoff_ms } = unitOf(run.state, unit)
  const isAway = online === false || misses + 1 > run.timing.retries
  replaceUnit(run, unit, {
    misses: misses + 1,
    ...doubtMerge(run, turn, isAway),
    ...(isAway
      ? {
          online: false,
          awayUntil_ms: run.now_ms + backoff_ms,
          backoff_ms: Math.min(BACKOFF_MAX_MS, backoff_ms * 2),
        }
      : {}),
  })
  if (online === false) set(run, { probe_ms: run.now_ms + (run.now_ms - sent_ms) * (1 / PROBE_SHARE - 1) })
  if (isAway && online !== false)
    tell(run, { type: 'unit', unit, online: false, reason: failure.code === 'BUS_CORRUPT' ? 'unreadable' : 'no-reply' })
  for (const { id } of turn.watches) tell(run, { type: 'reading', watch: id, outcome: failure })
  if (!isAway) {
    for (const job of turn.jobs) retry(run, job, failure)
    return
  }
  const waiting = run.state.queue.filter((job) => job.request.unit === unit)
  set(run, { queue: run.state.queue.filter((job) => job.request.unit !== unit) })
  for (const job of [...turn.jobs, ...waiting]) answer(run, job, failure)
}

function onIdleBytes(run: Run): void {
  const { free_ms, freeLatest_ms, heard, answered } = run.state
  const quiet_ms = run.now_ms + run.timing.silence_ms
  set(run, { free_ms: Math.min(Math.max(free_ms, quiet_ms), Math.max(free_ms, freeLatest_ms)) })
  if (judge(run, heard, answered) > 0) set(run, { heard: new Uint8Array(0) })
}

/**
 * Sound replies that nobody waits for: late ones, which are owed no longer, a second answer to one question, or answers of
 * a unit that was not asked.
 * @returns how many
 */
function judge(run: Run, bytes: Uint8Array, asked: number | undefined): number {
  const found = bytes.length < EXCEPTION_BYTES ? [] : repliesIn(bytes)
  for (const { unit, code } of found) {
    const { owed, isDoubled } = unitOf(run.state, unit)
    const index = owed.findIndex((one) => one.asked[1] === code)
    if (index >= 0) {
      replaceUnit(run, unit, { owed: owed.toSpliced(index, 1) })
      tell(run, { type: 'count', unit, count: 'late' })
    } else if (unit === asked && run.state.answered === unit) {
      if (!isDoubled) tell(run, { type: 'fault', kind: 'two-on-one-address', unit })
      replaceUnit(run, unit, { isDoubled: true })
    } else tell(run, { type: 'count', unit: asked ?? unit, count: 'foreign' })
  }
  return found.length
}
