import type { FinalStatus } from '../contract/command.ts'
import { type EstateCode, MISSING_MAX } from '../contract/hub.ts'

/**
 * The evacuation of a whole estate: one standing order, carried to every gate exactly once. Pure: time comes in, effects
 * go out; only what is inside `state` is changed.
 *
 * A gate keeps its own evacuation over anything that happens to it. So the hub's part is over as soon as a gate has the
 * order, whatever it then says; what the order did not reach gets it when it can be reached, as long as it stands.
 */

/** After a gate was not reached although its gateway is there. */
export const RETRY_MS = 10_000
/** After a restart: how long gateways may take to come back before they count as away (return-watch.ts). */
export const GIVE_UP_MS = 45_000
/** Orders remembered with their results, so that one that comes again is answered and not carried out again. */
export const ANSWERED_MAX = 8

/** Codes of the gate itself: it has the order. Any other says that it did not get there, or that nobody knows. */
const OF_GATE = /^GATE_/
/** Staff ended the evacuation at this gate: the order that still stands for the others does not begin it again. */
const ENDED_BY_NAME = 'GATE_ENDED_BY_NAME'

/** Who ordered it, in the words of the command. */
export interface Order {
  id: string
  actor: { kind: string; id: string }
  reason: string | undefined
}

export interface GateProgress {
  /** 0: not sent since the hub started. */
  attempt: number
  sentAt_ms: number | undefined
  isDone: boolean
  /** The last answer, when it is not done. */
  code: string | undefined
}

export interface Round extends Order {
  name: 'release-all' | 'end-release'
  /** When it was ordered. */
  begun_ms: number
  /** From when on the gates may be expected to answer: later than `begun_ms` when the hub restarted since. */
  asking_ms: number
  gates: Map<string, GateProgress>
  isAnswered: boolean
  /** Read from a damaged journal: that it was ended may be lost. */
  isDoubtful?: boolean
}

export interface Answer {
  id: string
  name: Round['name']
  status: 'accepted' | 'executing' | FinalStatus
  code?: EstateCode
  data?: unknown
}

export interface EvacuationState {
  /** The evacuation that is on. */
  release: Round | undefined
  /** The end of one, until all gates have answered. */
  ending: Round | undefined
  /** Final answers, oldest first. */
  answered: Answer[]
}

export type EvacuationInput =
  | { type: 'release'; order: Order; gates: readonly string[] }
  | { type: 'end'; order: Order; evacuating: readonly string[] }
  | { type: 'outcome'; order: string; gate: string; attempt: number; status: FinalStatus; code: string | undefined }
  /** Staff ended it at this gate by name: it is not asked again. */
  | { type: 'ended-there'; gate: string }
  /** It stands open by the evacuation, whatever it answered before. */
  | { type: 'open-there'; gate: string }
  /** Gates that can be told something now, each with the moment since when. */
  | { type: 'tick'; reachable: ReadonlyMap<string, number> }

export type EvacuationEffect =
  /** To be on disk before anything else happens. */
  | { type: 'keep' }
  | { type: 'keep-gate'; order: string; gate: string; progress: GateProgress }
  | { type: 'answer'; answer: Answer }
  | { type: 'send'; round: Round; gate: string; attempt: number }
  | { type: 'event'; event: 'evacuation' | 'evacuation-ended'; round: Round }

export function createEvacuationState(): EvacuationState {
  return { release: undefined, ending: undefined, answered: [] }
}

/** Never throws. */
export function stepEvacuation(state: EvacuationState, input: EvacuationInput, now_ms: number): EvacuationEffect[] {
  switch (input.type) {
    case 'release':
      return takeOrder(state, input.order) ?? release(state, input.order, input.gates, now_ms)
    case 'end':
      return takeOrder(state, input.order) ?? end(state, input.order, input.evacuating, now_ms)
    case 'outcome':
      return onOutcome(state, input)
    case 'ended-there':
      return onEndedThere(state, input.gate)
    case 'open-there':
      return onOpenThere(state, input.gate)
    case 'tick':
      return onTick(state, input.reachable, now_ms)
  }
}

/** The order has got there, or the gate took it and could not carry it out: it is not sent again. */
export function isDelivered({ isDone, code }: Pick<GateProgress, 'isDone' | 'code'>): boolean {
  return isDone || (code !== undefined && OF_GATE.test(code))
}

/** @returns what is to be done when the order is known, or nothing when it is new */
function takeOrder(state: EvacuationState, { id }: Order): EvacuationEffect[] | undefined {
  const answer = state.answered.find((one) => one.id === id)
  if (answer) return [{ type: 'answer', answer }]
  return state.release?.id === id || state.ending?.id === id ? [] : undefined
}

function release(state: EvacuationState, order: Order, gates: readonly string[], now_ms: number): EvacuationEffect[] {
  const superseded = supersede(state)
  const round = newRound('release-all', order, gates, now_ms)
  state.release = round
  return [{ type: 'keep' }, ...superseded, ...begin(state, round, 'evacuation', now_ms)]
}

function end(state: EvacuationState, order: Order, evacuating: readonly string[], now_ms: number): EvacuationEffect[] {
  const superseded = supersede(state)
  // A gate may have the order and not have said so yet.
  const told = [...(state.release?.gates ?? [])].filter(([, progress]) => mayHave(progress)).map(([gate]) => gate)
  state.release = undefined
  const round = newRound('end-release', order, [...new Set([...evacuating, ...told])], now_ms)
  state.ending = round
  return [{ type: 'keep' }, ...superseded, ...begin(state, round, 'evacuation-ended', now_ms)]
}

function mayHave({ attempt, code }: GateProgress): boolean {
  if (attempt === 0 || code === ENDED_BY_NAME) return false
  return !(attempt === 1 && code === 'GATEWAY_OFFLINE')
}

function newRound(name: Round['name'], order: Order, gates: readonly string[], now_ms: number): Round {
  const progress = gates.map((gate): [string, GateProgress] => [gate, notAsked()])
  return { ...order, name, begun_ms: now_ms, asking_ms: now_ms, gates: new Map(progress), isAnswered: false }
}

export function notAsked(): GateProgress {
  return { attempt: 0, sentAt_ms: undefined, isDone: false, code: undefined }
}

function begin(
  state: EvacuationState,
  round: Round,
  event: 'evacuation' | 'evacuation-ended',
  now_ms: number,
): EvacuationEffect[] {
  const { id, name } = round
  return [
    { type: 'answer', answer: { id, name, status: 'accepted' } },
    { type: 'event', event, round },
    { type: 'answer', answer: { id, name, status: 'executing', data: progressOf(round) } },
    ...[...round.gates.keys()].map((gate) => send(round, gate, now_ms)),
    ...answerWhenAll(state, round),
  ]
}

function send(round: Round, gate: string, now_ms: number): EvacuationEffect {
  const before = round.gates.get(gate) ?? notAsked()
  const attempt = before.attempt + 1
  round.gates.set(gate, { ...before, attempt, sentAt_ms: now_ms })
  return { type: 'send', round, gate, attempt }
}

/** Exactly one final answer each: an order that is overtaken gets its own now. */
function supersede(state: EvacuationState): EvacuationEffect[] {
  const running = [state.release, state.ending].filter((round) => round && !round.isAnswered)
  state.ending = undefined
  return running.flatMap((round) => (round ? [finish(state, round, 'failed', 'ESTATE_SUPERSEDED')] : []))
}

export function finish(
  state: EvacuationState,
  round: Round,
  status: FinalStatus,
  code?: EstateCode,
): EvacuationEffect & { type: 'answer' } {
  round.isAnswered = true
  const { id, name } = round
  const answer: Answer = { id, name, status, ...(code === undefined ? {} : { code }), data: progressOf(round) }
  state.answered = [...state.answered, answer].slice(-ANSWERED_MAX)
  return { type: 'answer', answer }
}

function answerWhenAll(state: EvacuationState, round: Round): EvacuationEffect[] {
  const all = [...round.gates.values()]
  if (round.isAnswered || all.some(({ isDone, code }) => !isDone && code === undefined)) return []
  const incomplete = round.name === 'release-all' ? 'ESTATE_RELEASE_INCOMPLETE' : 'ESTATE_END_INCOMPLETE'
  const answer = all.every(({ isDone }) => isDone)
    ? finish(state, round, 'succeeded')
    : finish(state, round, 'failed', incomplete)
  if (state.ending === round) state.ending = undefined
  return [{ type: 'keep' }, answer]
}

function onOutcome(state: EvacuationState, input: EvacuationInput & { type: 'outcome' }): EvacuationEffect[] {
  const round = [state.release, state.ending].find((one) => one?.id === input.order)
  const before = round?.gates.get(input.gate)
  if (!round || !before || isDelivered(before)) return []
  const isDone = input.status === 'succeeded'
  // What an earlier attempt failed by says nothing about this one.
  if (!isDone && input.attempt < before.attempt) return []
  const progress = { ...before, isDone, code: isDone ? undefined : (input.code ?? 'COMMAND_FAILED') }
  round.gates.set(input.gate, progress)
  return [...kept(state, round, input.gate, progress), ...told(state, round)]
}

/** How far it has got, or that it is over. */
function told(state: EvacuationState, round: Round): EvacuationEffect[] {
  if (round.isAnswered) return []
  const final = answerWhenAll(state, round)
  if (final.length > 0) return final
  const { id, name } = round
  return [{ type: 'answer', answer: { id, name, status: 'executing', data: progressOf(round) } }]
}

function kept(state: EvacuationState, round: Round, gate: string, progress: GateProgress): EvacuationEffect[] {
  if (round !== state.release || !isDelivered(progress)) return []
  return [{ type: 'keep-gate', order: round.id, gate, progress }]
}

function onEndedThere(state: EvacuationState, gate: string): EvacuationEffect[] {
  const { release: round } = state
  const before = round?.gates.get(gate)
  // One that was not sent there cannot have been ended there: that was an evacuation from before.
  if (!round || !before || before.attempt === 0 || before.code === ENDED_BY_NAME) return []
  const progress = { ...before, isDone: false, code: ENDED_BY_NAME }
  round.gates.set(gate, progress)
  return [...kept(state, round, gate, progress), ...told(state, round)]
}

function onOpenThere(state: EvacuationState, gate: string): EvacuationEffect[] {
  const { release: round } = state
  const before = round?.gates.get(gate)
  if (!round || !before || before.attempt === 0) return []
  if (before.isDone || before.code === undefined || before.code === ENDED_BY_NAME) return []
  const progress = { ...before, isDone: true, code: undefined }
  round.gates.set(gate, progress)
  return [...kept(state, round, gate, progress), ...told(state, round)]
}

function onTick(state: EvacuationState, reachable: ReadonlyMap<string, number>, now_ms: number): EvacuationEffect[] {
  const { release: round } = state
  if (!round) return []
  const effects: EvacuationEffect[] = []
  for (const [gate, since_ms] of reachable) {
    const progress = round.gates.get(gate) ?? notAsked()
    if (isDue(progress, since_ms, now_ms)) effects.push(send(round, gate, now_ms))
  }
  if (!round.isAnswered && now_ms >= round.asking_ms + GIVE_UP_MS) effects.push(...giveUp(state, round))
  return effects
}

function isDue(progress: GateProgress, reachableSince_ms: number, now_ms: number): boolean {
  const { sentAt_ms, code } = progress
  if (isDelivered(progress)) return false
  // Sent before its gateway was there, so it got lost.
  if (sentAt_ms === undefined || sentAt_ms < reachableSince_ms) return true
  return code !== undefined && now_ms >= sentAt_ms + RETRY_MS
}

/** Gates that were never asked since the hub restarted: their gateways are away. */
function giveUp(state: EvacuationState, round: Round): EvacuationEffect[] {
  for (const [gate, progress] of round.gates)
    if (!progress.isDone && progress.code === undefined && progress.attempt === 0)
      round.gates.set(gate, { ...progress, code: 'GATEWAY_OFFLINE' })
  return answerWhenAll(state, round)
}

/** What a platform is told of a round: whole counts, and the gates that are not done. */
export function progressOf(round: Round): {
  gates: number
  released: number
  missing: Array<{ gate: string; code?: string }>
} {
  const missing = [...round.gates].filter(([, { isDone }]) => !isDone)
  return {
    gates: round.gates.size,
    released: round.gates.size - missing.length,
    missing: missing
      .slice(0, MISSING_MAX)
      .map(([gate, { code }]) => ({ gate, ...(code === undefined ? {} : { code }) })),
  }
}
