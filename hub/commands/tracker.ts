import {
  type Command,
  type CommandCode,
  type FinalStatus,
  isFinal,
  type Result,
  type ResultStatus,
} from '../contract/command.ts'
import type { ContractCode } from '../contract/errors.ts'

/**
 * Follows commands to exactly one final result. Pure: time comes in, effects go out. What it holds of a command is on
 * disk before the command is delivered, so it outlives the hub.
 *
 * A command that its gateway never answered ends as `failed` with RESULT_UNKNOWN when its expiry and a grace have
 * passed: the hub never guesses and never sends a motion twice.
 *
 * An id is forgotten only after that moment, and the horizon is then at least its expiry. A command that expires at or
 * before the horizon may have been one of the forgotten, so it is never delivered and never answered again: whatever the
 * clock does, no command is delivered twice.
 */

/** How long after `expiresat` a gateway may still report the outcome of something it began in time. */
export const GRACE_MS = 10_000
/** A command may be worth this long at most: its id has to be remembered until it has expired. */
export const TTL_MS_MAX = 24 * 60 * 60_000
/** Ids are remembered this long after their deadline, while there is room, for those who ask again. */
export const REMEMBERED_MS = 10 * 60_000
/** Commands remembered, open or ended. When nothing can be forgotten, a new one is refused. */
export const REMEMBERED_MAX = 10_000
/** Of these, places that only the hub's own commands and commands to the hub may take: an evacuation finds room. */
export const RESERVED = 2_000
/** A longer `data` is not given again to those who ask again. */
export const DATA_CHARS_MAX = 16 * 1024

export interface Tracked {
  id: string
  name: string
  /** Address path of the device. */
  topic: string
  /** `kind:id`. */
  actor: string
  expires_ms: number
  /** When the hub gives up on it. Undefined of a command to the hub itself: it follows those to its gates, which have one. */
  deadline_ms: number | undefined
  /** The last result that was told. */
  said: Pick<Result, 'status' | 'at'> | undefined
  final: Result | undefined
}

export interface TrackerState {
  commands: Map<string, Tracked>
  horizon_ms: number
  /**
   * What was issued up to then may have been carried out and its record lost with a damaged journal: 0 when nothing was.
   * It is never delivered. An evacuation is: it harms nobody to have it twice.
   */
  doubtful_ms: number
}

export type TrackerInput =
  | {
      type: 'command'
      topic: string
      command: Command
      gatewayOnline: boolean
      from: 'others' | 'hub' | 'to-hub'
      again?: boolean
    }
  /** One that the contract refuses; nothing but its topic can be relied on. */
  | { type: 'malformed'; topic: string; id: string; name: string; code: string; message: string }
  | { type: 'result'; topic: string; result: Result }
  /** The newest of what was held may be lost: of what is open nobody knows how it went. */
  | { type: 'doubt'; until_ms: number }
  | { type: 'tick' }

export type TrackerEffect =
  /** Pass the command on to its gateway. */
  | { type: 'deliver' }
  /** Publish this result in the hub's own name. */
  | { type: 'answer'; topic: string; result: Result }
  /** A result goes on to everyone. */
  | { type: 'pass'; result: Result }
  /** It was written already, and its sender does not know that: whoever missed it may have it, nothing is written. */
  | { type: 'repeat'; result: Result }
  /** Not passed on: `late` after the final one, `stale` overtaken by a later status, `unknown` of no command that is remembered. */
  | { type: 'drop'; result: Result; why: 'late' | 'stale' | 'unknown' }
  /** The command is known: executed once, and not again. */
  | { type: 'known'; id: string; isOpen: boolean }
  /** So long expired that its id may have been forgotten: neither delivered nor answered. */
  | { type: 'beyond-horizon' }
  /** What is held of this id is to be on disk. */
  | { type: 'keep'; id: string }
  | { type: 'forget'; id: string }
  | { type: 'keep-horizon' }

export function createTrackerState(): TrackerState {
  return { commands: new Map(), horizon_ms: 0, doubtful_ms: 0 }
}

/** Mutates only `state`; returns what is to be done. Never throws. */
export function stepTracker(state: TrackerState, input: TrackerInput, now_ms: number): TrackerEffect[] {
  switch (input.type) {
    case 'command':
      return onCommand(state, input, now_ms)
    case 'malformed':
      return onMalformed(state, input, now_ms)
    case 'result':
      return onResult(state, input.topic, input.result)
    case 'doubt':
      return onDoubt(state, input.until_ms, now_ms)
    case 'tick':
      // In this order: what ends now is told before it is forgotten.
      return [...forget(state, now_ms, REMEMBERED_MS), ...giveUp(state, now_ms)]
  }
}

type CommandInput = TrackerInput & { type: 'command' }

function onCommand(state: TrackerState, input: CommandInput, now_ms: number): TrackerEffect[] {
  const { topic, command } = input
  const { id, name, expiresat } = command
  const known = state.commands.get(id)
  if (known) return input.again && isOpenAt(known, topic) ? [{ type: 'deliver' }] : onKnown(known, topic, name, now_ms)
  const expires_ms = Date.parse(expiresat)
  if (expires_ms <= state.horizon_ms) return [{ type: 'beyond-horizon' }]
  const tooFar = expires_ms - Math.min(now_ms, Date.parse(command.issuedat))
  // Not remembered: it could not be forgotten before its expiry either. As it stands it is refused each time.
  if (tooFar > TTL_MS_MAX)
    return [
      refusal(topic, id, name, 'COMMAND_EXPIRY_TOO_FAR', now_ms, `it is worth ${tooFar} ms; at most ${TTL_MS_MAX}`),
    ]
  const room = makeRoom(state, input.from, now_ms)
  if (!room.found) {
    const message = 'too many commands are open or have not expired yet; try again later'
    return [...room.effects, refusal(topic, id, name, 'COMMANDS_BUSY', now_ms, message)]
  }
  const isForHub = input.from === 'to-hub'
  const entry: Tracked = {
    id,
    name,
    topic,
    actor: `${command.actor.kind}:${command.actor.id}`,
    expires_ms,
    deadline_ms: isForHub ? undefined : expires_ms + GRACE_MS,
    said: undefined,
    final: undefined,
  }
  state.commands.set(id, entry)
  if (expires_ms <= now_ms)
    return [...room.effects, ...end(entry, 'expired', 'COMMAND_EXPIRED', `expired at ${expiresat}`, now_ms)]
  if (mayBeDone(state, input))
    return [...room.effects, ...end(entry, 'failed', 'RESULT_UNKNOWN', `${DOUBTFUL}; look, and give a new one`, now_ms)]
  if (!input.gatewayOnline && !isForHub) {
    const message = 'the gateway of this device is not connected'
    return [...room.effects, ...end(entry, 'refused', 'GATEWAY_OFFLINE', message, now_ms)]
  }
  return [...room.effects, { type: 'keep', id }, { type: 'deliver' }]
}

function onMalformed(
  state: TrackerState,
  { topic, id, name, code, message }: TrackerInput & { type: 'malformed' },
  now_ms: number,
): TrackerEffect[] {
  const known = state.commands.get(id)
  if (known) return onKnown(known, topic, name, now_ms)
  const room = makeRoom(state, 'others', now_ms)
  if (!room.found) return room.effects
  const entry: Tracked = {
    id,
    name,
    topic,
    actor: '',
    expires_ms: now_ms,
    deadline_ms: now_ms + GRACE_MS,
    said: undefined,
    final: undefined,
  }
  state.commands.set(id, entry)
  return [...room.effects, ...end(entry, 'refused', code, message, now_ms)]
}

function isOpenAt({ final, topic }: Tracked, where: string): boolean {
  return final === undefined && topic === where
}

function onKnown(known: Tracked, topic: string, name: string, now_ms: number): TrackerEffect[] {
  const { id, final } = known
  const effects: TrackerEffect[] = [{ type: 'known', id, isOpen: final === undefined }]
  if (known.topic !== topic)
    effects.push(
      refusal(topic, id, name, 'COMMAND_REPLAYED', now_ms, 'another device was given a command with this id'),
    )
  else if (final) effects.push({ type: 'answer', topic, result: final })
  return effects
}

/** accepted, executing, final: no step back. */
function rankOf(status: ResultStatus): number {
  return isFinal(status) ? 2 : status === 'executing' ? 1 : 0
}

function onResult(state: TrackerState, topic: string, result: Result): TrackerEffect[] {
  const entry = state.commands.get(result.id)
  // Every command comes through the hub and is remembered until it has its final result.
  if (!entry || entry.topic !== topic) return [{ type: 'drop', result, why: 'unknown' }]
  const { said, final } = entry
  if (said?.status === result.status && said.at === result.at && (!final || final.code === result.code))
    return [{ type: 'repeat', result }]
  if (final) return [{ type: 'drop', result, why: 'late' }]
  if (said && rankOf(result.status) < rankOf(said.status)) return [{ type: 'drop', result, why: 'stale' }]
  entry.said = { status: result.status, at: result.at }
  if (isFinal(result.status)) entry.final = remembered(result)
  return [
    { type: 'pass', result },
    { type: 'keep', id: entry.id },
  ]
}

function remembered(result: Result): Result {
  const { data, ...rest } = result
  return data === undefined || JSON.stringify(data).length <= DATA_CHARS_MAX ? result : rest
}

const EVACUATION = 'release-all'
const DOUBTFUL = 'the record of commands was damaged, and this one may have been carried out'

/** The hub's own are new, or known to their gateway by their id. */
function mayBeDone({ doubtful_ms }: TrackerState, { from, command }: CommandInput): boolean {
  return from !== 'hub' && command.name !== EVACUATION && Date.parse(command.issuedat) <= doubtful_ms
}

/** Those to the hub itself are ended by who follows them. */
function onDoubt(state: TrackerState, until_ms: number, now_ms: number): TrackerEffect[] {
  state.doubtful_ms = Math.max(state.doubtful_ms, until_ms)
  const open = [...state.commands.values()].filter(
    ({ final, deadline_ms, name }) => !final && deadline_ms !== undefined && name !== EVACUATION,
  )
  return [
    { type: 'keep-horizon' },
    ...open.flatMap((entry) => end(entry, 'failed', 'RESULT_UNKNOWN', `${DOUBTFUL}; look at the device`, now_ms)),
  ]
}

function giveUp(state: TrackerState, now_ms: number): TrackerEffect[] {
  const effects: TrackerEffect[] = []
  for (const entry of state.commands.values()) {
    if (entry.final || entry.deadline_ms === undefined || entry.deadline_ms > now_ms) continue
    const message = 'the gateway did not report an outcome in time; check the device'
    effects.push(...end(entry, 'failed', 'RESULT_UNKNOWN', message, now_ms))
  }
  return effects
}

/** @param after_ms how long after their deadline */
function forget(state: TrackerState, now_ms: number, after_ms: number): TrackerEffect[] {
  const effects: TrackerEffect[] = []
  for (const { id, final, expires_ms } of state.commands.values()) {
    if (!final || expires_ms + GRACE_MS + after_ms > now_ms) continue
    state.commands.delete(id)
    state.horizon_ms = Math.max(state.horizon_ms, expires_ms)
    effects.push({ type: 'forget', id })
  }
  return effects.length === 0 ? effects : [{ type: 'keep-horizon' }, ...effects]
}

function makeRoom(
  state: TrackerState,
  from: CommandInput['from'],
  now_ms: number,
): { found: boolean; effects: TrackerEffect[] } {
  const places = from === 'others' ? REMEMBERED_MAX - RESERVED : REMEMBERED_MAX
  if (state.commands.size < places) return { found: true, effects: [] }
  const effects = forget(state, now_ms, 0)
  return { found: state.commands.size < places, effects }
}

function end(entry: Tracked, status: FinalStatus, code: string, message: string, now_ms: number): TrackerEffect[] {
  const { id, name, topic } = entry
  const result: Result = { id, name, status, code, message, at: new Date(now_ms).toISOString() }
  entry.final = result
  entry.said = { status, at: result.at }
  return [
    { type: 'answer', topic, result },
    { type: 'keep', id },
  ]
}

/** One that is answered and not remembered. */
function refusal(
  topic: string,
  id: string,
  name: string,
  code: CommandCode | ContractCode,
  now_ms: number,
  message: string,
): TrackerEffect {
  const at = new Date(now_ms).toISOString()
  return { type: 'answer', topic, result: { id, name, status: 'refused', code, message, at } }
}
