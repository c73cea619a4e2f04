import type { AvailabilityStatus } from '../../../../hub/contract/availability.ts'
import type { Severity } from '../../../../hub/contract/event.ts'
import type { ReadingReason } from '../../../../hub/contract/park-sensor.ts'
import { type Moment, momentAt } from '../../../moment.ts'
import type { Outcome } from '../../driver.ts'
import { intervalOf_ms, type Quantity, staleAfter_ms } from '../quantity.ts'
import { type CalibrateArgs, solve } from './calibration.ts'
import type { BeliefConfig } from './config.ts'
import { NEIGHBOURS_MIN, noDrift, watchDrift } from './drift.ts'
import { type Judged, judge, qualityOf } from './judged.ts'
import { type Judgement, judgeLack, judgeSample } from './judgement.ts'
import { noJumps } from './jump.ts'
import type { Digest } from './neighbours.ts'
import { type Surroundings, standstillShare } from './standstill.ts'
import { availabilityOf, type BeliefShown, type BeliefState, type QuantityState, shownBelief } from './state.ts'
import { gather, nothingGathered, SHARE_MIN, type Summed, sumUp } from './summary.ts'
import { type Candidate, isNews, mayGoAlong, type Reading } from './telling.ts'
import { quiet, watchLimit } from './threshold.ts'

/**
 * Which readings of a park sensor to believe, and which to tell. Pure; the driver feeds it with polls and calls again at
 * `nextDeadline`. It owns quality, calibration, thresholds and the rhythm of telling; it knows no bus and no board.
 */

export type PollResult =
  | { quantity: string; raw: number }
  | { quantity: string; fault: 'bus-error' | 'sensor-fault'; code?: number }

export type BeliefInput =
  /** What one visit to the sensor gave; `now` is the moment of the visit. */
  | { type: 'poll'; results: readonly PollResult[] }
  | { type: 'neighbours'; digests: readonly Digest[] }
  /** @param actor kind:id */
  | { type: 'calibrate'; args: CalibrateArgs; actor: string }
  | { type: 'tick' }

export type BeliefEffect =
  /** Belong into one SenML pack. */
  | { type: 'readings'; readings: Reading[] }
  | { type: 'event'; event: string; severity: Severity; at: Moment; data: unknown }
  | { type: 'state'; state: BeliefShown }
  | { type: 'availability'; status: AvailabilityStatus; reason: string | undefined; at: Moment }
  | { type: 'outcome'; outcome: Outcome }

interface Offer extends Candidate {
  index: number
  at: Moment
  raw: number | null
  /** Of a summary. */
  summed: Summed | null
  /** Told whatever the deadband says. */
  forced: boolean
}

interface Run {
  config: BeliefConfig
  now: Moment
  state: BeliefState
  offers: Offer[]
  effects: BeliefEffect[]
}

export function step(config: BeliefConfig, before: BeliefState, input: BeliefInput, at: Moment) {
  // Time does not run backwards here.
  const now = at.monotonic_ms >= before.at_ms ? at : momentAt(at, before.at_ms)
  const run: Run = { config, now, state: { ...before, at_ms: now.monotonic_ms }, offers: [], effects: [] }
  passTime(run)
  take(run, input)
  tellNews(run)
  report(run, before)
  return { state: run.state, effects: run.effects }
}

/** When `step` must be called again with a tick, in monotonic ms. */
export function nextDeadline(config: BeliefConfig, state: BeliefState): number | undefined {
  return firstDue(config, state)?.at_ms
}

function take(run: Run, input: BeliefInput): void {
  switch (input.type) {
    case 'poll':
      for (const result of input.results) takeResult(run, result)
      return
    case 'neighbours':
      for (const digest of input.digests) takeDigest(run, digest)
      return
    case 'calibrate':
      run.effects.push({ type: 'outcome', outcome: calibrate(run, input.args, input.actor) })
      return
    case 'tick':
      return
  }
}

interface Due {
  at_ms: number
  index: number
  what: 'stale' | 'interval'
}

function firstDue({ quantities }: BeliefConfig, state: BeliefState): Due | undefined {
  let first: Due | undefined
  const add = (at_ms: number, index: number, what: Due['what']) => {
    if (first === undefined || at_ms < first.at_ms) first = { at_ms, index, what }
  }
  quantities.forEach((quantity, index) => {
    const one = state.quantities[index]
    if (one === undefined) return
    if (!isSilent(one)) add(one.heard_ms + staleAfter_ms(quantity), index, 'stale')
    if (quantity.report.summary !== 'last') add(one.gathered.start_ms + intervalOf_ms(quantity), index, 'interval')
  })
  return first
}

/** Already known to say nothing: silence is no news of it. */
function isSilent({ settled, standing: { reason } }: QuantityState): boolean {
  return settled && (reason === 'stale' || reason === 'bus-error' || reason === 'sensor-fault')
}

function passTime(run: Run): void {
  for (;;) {
    const due = firstDue(run.config, run.state)
    if (due === undefined || due.at_ms > run.now.monotonic_ms) return
    const at = momentAt(run.now, due.at_ms)
    if (due.what === 'interval') closeInterval(run, due.index, at)
    else change(run, due.index, (one) => judgeLack(one, judge(at, {}, 'stale')))
  }
}

function takeResult(run: Run, result: PollResult): void {
  const index = run.config.quantities.findIndex(({ name }) => name === result.quantity)
  const quantity = run.config.quantities[index]
  if (quantity === undefined) return
  change(run, index, (one) => {
    const heard = { ...one, heard_ms: run.now.monotonic_ms }
    if ('raw' in result) return judgeSample(quantity, heard, result.raw, run.now, surroundings(run, quantity, one))
    return judgeLack(heard, judge(run.now, { code: result.code ?? null }, result.fault))
  })
}

/** What neighbours said longer ago than this is of another weather. */
const DIGEST_AGE_MAX_MS = 30 * 60_000

function surroundings(run: Run, { stuck }: Quantity, { neighbours }: QuantityState): Surroundings {
  const fresh = neighbours !== null && run.now.monotonic_ms - neighbours.at_ms <= DIGEST_AGE_MAX_MS
  const median = fresh ? neighbours.median : null
  if (stuck?.unless === undefined) return { still: false, median }
  const value = believed(run, stuck.unless.quantity)
  return { still: value === undefined || value < stuck.unless.below, median }
}

/** The value of another quantity of the device, if it is good and not old. */
function believed(run: Run, name: string): number | undefined {
  const index = run.config.quantities.findIndex((quantity) => quantity.name === name)
  const quantity = run.config.quantities[index]
  const one = run.state.quantities[index]
  if (quantity === undefined || !one?.latest || one.standing.quality !== 'good') return undefined
  return run.now.monotonic_ms - one.latest.at_ms <= staleAfter_ms(quantity) ? one.latest.value : undefined
}

function change(run: Run, index: number, judging: (one: QuantityState) => Judgement): void {
  const quantity = run.config.quantities[index]
  const before = run.state.quantities[index]
  if (quantity === undefined || before === undefined) return
  const { state, judged, reset } = judging(before)
  put(run, index, state)
  if (reset !== null) {
    const { at, before, after } = reset
    run.effects.push({
      type: 'event',
      event: 'counter-reset',
      severity: 'warning',
      at,
      data: { quantity: quantity.name, before, after },
    })
    put(run, index, { ...state, gathered: { ...state.gathered, incomplete: true } })
  }
  for (const one of judged) settle(run, index, quantity, one)
}

function put(run: Run, index: number, one: QuantityState): void {
  run.state = { ...run.state, quantities: run.state.quantities.with(index, one) }
}

/** What one verdict changes: the standing, what neighbours hear, the thresholds, the summary, and what may be told. */
function settle(run: Run, index: number, quantity: Quantity, one: Judged): void {
  stand(run, index, quantity, one)
  const state = run.state.quantities[index]
  if (state === undefined) return
  const good = one.quality === 'good' && one.value !== null
  const { summary } = quantity.report
  if (one.value !== null && (good || one.reason === 'drift')) {
    const latest = { value: one.value, at_ms: one.at.monotonic_ms }
    const weight = believed(run, quantity.report.weight ?? '') ?? 0
    const gathered = good && summary !== 'last' ? gather(state.gathered, one.value, weight) : state.gathered
    put(run, index, { ...state, latest, gathered })
  }
  const { at, raw, value, quality, reason } = one
  const offer = { index, at, at_ms: at.monotonic_ms, raw, value, quality, reason, summed: null }
  if (summary === 'last') {
    const forced = good && one.value !== null && watchLimits(run, quantity, one.value, at)
    run.offers.push({ ...offer, forced })
  } else if (state.standing.quality !== 'good' && !good) {
    // Between summaries only bad news is told at once.
    run.offers.push({ ...offer, forced: false })
  }
}

/** Reasons of which one alone says little: the next sample decides. */
const PASSING: ReadonlySet<ReadingReason | null> = new Set<ReadingReason>(['spike', 'bus-error', 'missing-data'])

function stand(run: Run, index: number, quantity: Quantity, { at, quality, reason, code }: Judged): void {
  const before = run.state.quantities[index]
  if (before === undefined) return
  const doubts = PASSING.has(reason) ? before.doubts + 1 : 0
  const { standing, announced } = before
  const same = before.settled && standing.quality === quality && standing.reason === reason
  if (same || doubts === 1) {
    put(run, index, { ...before, doubts })
    return
  }
  const told = announced?.quality === quality && announced.reason === reason
  const next = { quality, reason, since_ms: told ? announced.since_ms : at.wall_ms }
  put(run, index, { ...before, doubts, settled: true, standing: next, announced: next })
  if (quality !== 'good') endAlarms(run, quantity, at)
  if (told) return
  const data = {
    quantity: quantity.name,
    quality,
    previous: announced?.quality ?? 'bad',
    ...(reason === null ? {} : { reason }),
    ...(code === null ? {} : { code }),
  }
  const severity = quality === 'good' ? 'notice' : 'warning'
  run.effects.push({ type: 'event', event: 'quality-changed', severity, at, data })
}

/** @returns whether the value crossed a limit or an alarm changed */
function watchLimits(run: Run, quantity: Quantity, value: number, at: Moment): boolean {
  let crossed = false
  run.config.thresholds.forEach((threshold, index) => {
    const before = run.state.alarms[index]
    if (threshold.quantity !== quantity.name || before === undefined) return
    const { alarm, change } = watchLimit(threshold, before, value, at.monotonic_ms)
    if (alarm !== before) run.state = { ...run.state, alarms: run.state.alarms.with(index, alarm) }
    if (value !== null && (change !== null || (alarm.beyond_ms === null) !== (before.beyond_ms === null)))
      crossed = true
    if (change === null || value === null) return
    const { name, limit, side, severity } = threshold
    const data = { quantity: quantity.name, threshold: name, value }
    if (change === 'raised')
      run.effects.push({ type: 'event', event: 'threshold-raised', severity, at, data: { ...data, limit, side } })
    else tellCleared(run, at, data, before.raised_ms)
  })
  return crossed
}

/** The quantity is not good any more: nothing is known of what was beyond a limit. */
function endAlarms(run: Run, { name }: Quantity, at: Moment): void {
  run.config.thresholds.forEach((threshold, index) => {
    const alarm = run.state.alarms[index]
    if (threshold.quantity !== name || alarm === undefined || alarm.beyond_ms === null) return
    run.state = { ...run.state, alarms: run.state.alarms.with(index, quiet) }
    if (alarm.raised_ms !== null) tellCleared(run, at, { quantity: name, threshold: threshold.name }, alarm.raised_ms)
  })
}

function tellCleared(run: Run, at: Moment, data: object, raised_ms: number | null): void {
  const lasted_ms = Math.max(0, Math.round(at.monotonic_ms - (raised_ms ?? at.monotonic_ms)))
  run.effects.push({ type: 'event', event: 'threshold-cleared', severity: 'notice', at, data: { ...data, lasted_ms } })
}

function closeInterval(run: Run, index: number, at: Moment): void {
  const quantity = run.config.quantities[index]
  const one = run.state.quantities[index]
  if (quantity === undefined || one === undefined) return
  const { gathered, standing } = one
  const summed = sumUp(quantity, gathered, at.monotonic_ms)
  const isSum = quantity.report.summary === 'sum'
  const thin = summed === undefined || (!isSum && summed.share < SHARE_MIN)
  const reason = standing.reason ?? (thin || gathered.incomplete ? 'missing-data' : null)
  const value = summed === undefined || standing.quality === 'bad' ? null : summed.value
  const quality = value === null ? 'bad' : qualityOf(reason)
  const crossed = quality === 'good' && value !== null && watchLimits(run, quantity, value, at)
  const offer = { index, at, at_ms: at.monotonic_ms, raw: null, value, quality, reason, summed: summed ?? null }
  // That there is no number is told once; an amount that is no news stays for the next interval.
  const repeats = value === null && one.told?.value === null && one.told.reason === reason
  const news = !repeats && (crossed || isNews(quantity, one.told, offer))
  if (news || (!repeats && !isSum)) run.offers.push({ ...offer, forced: news })
  // A process that slept for long leaves one interval behind it, not thousands.
  const length_ms = intervalOf_ms(quantity)
  const late_ms = Math.floor((run.now.monotonic_ms - at.monotonic_ms) / length_ms) * length_ms
  const kept = isSum && (value === null || !news) ? { sum: gathered.sum, incomplete: gathered.incomplete } : {}
  put(run, index, { ...one, gathered: { ...nothingGathered(at.monotonic_ms + late_ms), ...kept } })
}

/** Picks what is news, and takes along what would be soon. */
function tellNews(run: Run): void {
  const readings: Reading[] = []
  const rest = run.offers.filter((offer) => !tellIf(run, offer, readings, isNews))
  if (readings.length === 0) return
  for (const offer of rest) tellIf(run, offer, readings, mayGoAlong)
  run.effects.unshift({ type: 'readings', readings })
}

function tellIf(run: Run, offer: Offer, readings: Reading[], worth: typeof isNews): boolean {
  const quantity = run.config.quantities[offer.index]
  const one = run.state.quantities[offer.index]
  if (quantity === undefined || one === undefined) return false
  if (!offer.forced && !worth(quantity, one.told, offer)) return false
  const { value, quality, reason, at_ms, at, raw, summed } = offer
  put(run, offer.index, { ...one, told: { value, quality, reason, at_ms } })
  const common = { unit: quantity.unit, at, quality, ...(reason === null ? {} : { reason }) }
  const share = summed === null ? {} : { share: summed.share }
  const numbers = { ...(value === null ? {} : { value }), ...(raw === null ? {} : { raw }) }
  readings.push({ name: quantity.name, ...common, ...numbers, ...share })
  if (summed !== null && summed.max !== null && value !== null)
    readings.push({ name: `${quantity.name}.max`, ...common, value: summed.max, ...share })
  return true
}

/** From this share of the time to being stuck on, a sensor is not compared with its neighbours. */
const STANDSTILL_SHARE_MAX = 1 / 4

function takeDigest(run: Run, digest: Digest): void {
  const index = run.config.quantities.findIndex(({ name }) => name === digest.quantity)
  const quantity = run.config.quantities[index]
  const one = run.state.quantities[index]
  if (quantity === undefined || one === undefined || digest.count < NEIGHBOURS_MIN) return
  const now_ms = run.now.monotonic_ms
  const heard = one.latest !== null && now_ms - one.latest.at_ms <= staleAfter_ms(quantity) ? one.latest : undefined
  // What may be stuck says nothing about drift.
  const moves = heard !== undefined && standstillShare(quantity, one.standstill) < STANDSTILL_SHARE_MAX
  const drift = moves ? watchDrift(quantity, one.drift, heard.value, digest, now_ms) : one.drift
  put(run, index, { ...one, drift, neighbours: { median: digest.median, at_ms: now_ms } })
}

function calibrate(run: Run, args: CalibrateArgs, actor: string): Outcome {
  const index = run.config.quantities.findIndex(({ name }) => name === args.quantity)
  const quantity = run.config.quantities[index]
  const one = run.state.quantities[index]
  if (quantity === undefined || one === undefined)
    return {
      status: 'refused',
      code: 'PARK_QUANTITY_UNKNOWN',
      message: `this sensor measures ${run.config.quantities.map(({ name }) => name).join(', ')}, not ${args.quantity}`,
    }
  const found = solve(quantity, args)
  if (found === undefined)
    return {
      status: 'refused',
      code: 'PARK_CALIBRATION_INVALID',
      message: `no calibration of a ${quantity.kind}: give offset and gain, or one or two points that differ`,
    }
  const none = args.offset === undefined && args.gain === undefined && args.points === undefined
  const calibration = none ? null : { ...found, at_ms: run.now.wall_ms, author: actor }
  // What was seen so far was seen through the old calibration; only what a counter counted stays.
  const gathered = quantity.kind === 'counter' ? one.gathered : nothingGathered(run.now.monotonic_ms)
  put(run, index, {
    ...one,
    calibration,
    jumps: noJumps,
    standstill: null,
    drift: noDrift(false),
    latest: null,
    gathered,
    told: null,
  })
  const data = { quantity: quantity.name, ...found, author: actor }
  run.effects.push({ type: 'event', event: 'calibrated', severity: 'notice', at: run.now, data })
  return { status: 'succeeded', data: found }
}

/** State and availability after the step, when they differ from before. */
function report(run: Run, before: BeliefState): void {
  if (run.state.quantities === before.quantities && run.state.alarms === before.alarms) return
  const changed =
    run.state.alarms !== before.alarms ||
    run.state.quantities.some((one, index) => {
      const old = before.quantities[index]
      return one.standing !== old?.standing || one.calibration !== old.calibration
    })
  if (changed) {
    const shown = shownBelief(run.config, run.state, run.now)
    if (JSON.stringify(shown) !== JSON.stringify(shownBelief(run.config, before, run.now)))
      run.effects.push({ type: 'state', state: shown })
  }
  const was = availabilityOf(before)
  const is = availabilityOf(run.state)
  if (is.status !== was.status || is.reason !== was.reason)
    run.effects.push({ type: 'availability', ...is, at: run.now })
}
