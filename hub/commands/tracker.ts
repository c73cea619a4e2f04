import { type Command, type FinalStatus, isFinal, type Result } from '../contract/command.ts'

/**
 * Follows commands to exactly one final result. Pure: time comes in, effects go out.
 *
 * A command that its gateway never answered ends as `failed` with RESULT_UNKNOWN when its expiry and a grace have
 * passed: the hub never guesses and never sends a motion twice.
 */

/** How long after `expiresat` a gateway may still report the outcome of something it began in time. */
export const GRACE_MS = 10_000
/** Ids remembered after their final result, so that a repeated command is answered and not repeated. */
export const REMEMBERED_MAX = 10_000

export interface Tracked {
  topic: string
  command: Command
  /** Of a command to the hub itself there is none: it follows those to its gates, which have. */
  deadline_ms: number
  final: Result | undefined
}

export interface TrackerState {
  commands: Map<string, Tracked>
}

export type TrackerInput =
  | { type: 'command'; topic: string; command: Command; gatewayOnline: boolean; isForHub?: boolean }
  | { type: 'result'; result: Result }
  | { type: 'tick' }

export type TrackerEffect =
  /** Pass the command on to its gateway. */
  | { type: 'deliver'; topic: string; command: Command }
  /** Publish this result in the hub's own name. */
  | { type: 'answer'; topic: string; result: Result }
  /** A result of the gateway goes on to everyone. */
  | { type: 'pass'; result: Result }
  /** A second final result, or a result after the final one: counted, not passed on. */
  | { type: 'drop'; result: Result }

export function createTrackerState(): TrackerState {
  return { commands: new Map() }
}

/** Mutates only the map inside `state`; returns what is to be done. Never throws. */
export function stepTracker(state: TrackerState, input: TrackerInput, now_ms: number): TrackerEffect[] {
  switch (input.type) {
    case 'command':
      return onCommand(state, input, now_ms)
    case 'result':
      return onResult(state, input.result)
    case 'tick':
      return onTick(state, now_ms)
  }
}

/** Whether a command has no final result yet. */
export function hasOpen(state: TrackerState): boolean {
  for (const { final } of state.commands.values()) if (final === undefined) return true
  return false
}

function onCommand(state: TrackerState, input: TrackerInput & { type: 'command' }, now_ms: number): TrackerEffect[] {
  const { topic, command } = input
  const known = state.commands.get(command.id)
  if (known) return known.final ? [{ type: 'answer', topic: known.topic, result: known.final }] : []
  const expires_ms = Date.parse(command.expiresat)
  // Without its arguments: ten thousand are remembered, and those of one can have 60 KB.
  const entry: Tracked = {
    topic,
    command: { ...command, args: undefined },
    deadline_ms: input.isForHub ? Number.POSITIVE_INFINITY : expires_ms + GRACE_MS,
    final: undefined,
  }
  remember(state, entry)
  if (expires_ms <= now_ms)
    return finish(entry, 'expired', 'COMMAND_EXPIRED', `expired at ${command.expiresat}`, now_ms)
  if (!input.gatewayOnline && !input.isForHub)
    return finish(entry, 'refused', 'GATEWAY_OFFLINE', 'the gateway of this device is not connected', now_ms)
  return [{ type: 'deliver', topic, command }]
}

function onResult(state: TrackerState, result: Result): TrackerEffect[] {
  const entry = state.commands.get(result.id)
  // Not ours to follow (the hub restarted since): the gateway's word passes.
  if (!entry) return [{ type: 'pass', result }]
  if (entry.final) return [{ type: 'drop', result }]
  if (isFinal(result.status)) entry.final = result
  return [{ type: 'pass', result }]
}

function onTick(state: TrackerState, now_ms: number): TrackerEffect[] {
  const effects: TrackerEffect[] = []
  for (const entry of state.commands.values()) {
    if (entry.final || entry.deadline_ms > now_ms) continue
    effects.push(
      ...finish(
        entry,
        'failed',
        'RESULT_UNKNOWN',
        'the gateway did not report an outcome in time; check the device',
        now_ms,
      ),
    )
  }
  return effects
}

function finish(entry: Tracked, status: FinalStatus, code: string, message: string, now_ms: number): TrackerEffect[] {
  const result: Result = {
    id: entry.command.id,
    name: entry.command.name,
    status,
    code,
    message,
    at: new Date(now_ms).toISOString(),
  }
  entry.final = result
  return [{ type: 'answer', topic: entry.topic, result }]
}

/** Bounded: the oldest finished ones are forgotten first. */
function remember(state: TrackerState, entry: Tracked): void {
  if (state.commands.size >= REMEMBERED_MAX) {
    for (const [id, old] of state.commands) {
      if (!old.final) continue
      state.commands.delete(id)
      break
    }
  }
  state.commands.set(entry.command.id, entry)
}
