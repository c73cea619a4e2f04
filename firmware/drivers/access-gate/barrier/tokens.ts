import type { AccessDecision } from '../access.ts'
import { modeOf } from '../mode.ts'
import { hasFault, tell } from './faults.ts'
import { type BarrierConfig, type Crossing, fromApproach, opposite, type Run, type Token } from './state.ts'

/**
 * Rights to pass, one for each vehicle, in the order in which they were given. `plain` serves one of them with each
 * opening; `flow` serves all that are there, so that the boom stays up while authorised vehicles follow each other.
 */

/** More vehicles than can stand between the camera and the boom. */
const TOKENS_MAX = 8

/** Which way the lane runs now. */
export function laneOf(run: Run): BarrierConfig['direction'] {
  const { config, state } = run
  return modeOf(state.mode) === 'tidal' ? (state.mode.scheduled.direction ?? config.direction) : config.direction
}

/** The sides from which vehicles come now. */
export function entrySides(run: Run): Array<'approach' | 'exit'> {
  const lane = laneOf(run)
  if (lane === 'both') return ['approach', 'exit']
  return [lane === fromApproach(run.config) ? 'approach' : 'exit']
}

/** The loops at which vehicles wait to be let through. */
export function entryLoops(run: Run): Array<'approach' | 'exit'> {
  return entrySides(run).filter((name) => run.config.inputs.includes(name))
}

/** How many of the waiting vehicles this opening is for. */
export function serve(run: Run): void {
  const { state, config } = run
  if (config.policy === 'flow') {
    if (!state.lapsed) run.state = { ...state, serving: state.tokens.length }
  } else if (state.serving === 0 && state.goal === 'none')
    run.state = { ...state, serving: Math.min(1, state.tokens.length) }
}

export function takeAccess(run: Run, decision: AccessDecision, at_ms: number): void {
  const { direction, by } = decision
  const credential = decision.credential === undefined ? {} : { credential: decision.credential }
  if (decision.duress) tell(run, 'duress', 'alarm', at_ms, { direction, ...credential })
  const reason = decision.granted ? whyNot(run, decision) : (decision.reason ?? 'not-authorised')
  if (reason !== undefined) {
    tell(run, 'denied', 'notice', at_ms, { direction, reason, ...credential })
    if (by === 'plate' && !decision.granted) refuse(run, decision, at_ms)
    return
  }
  run.state = { ...run.state, asked: true }
  // The way is free for everybody, or the camera has read the same plate again.
  if (isFree(run) || isKnown(run, decision)) return
  const token: Token = { direction, by, credential: decision.credential }
  run.state = { ...run.state, tokens: [...run.state.tokens, token] }
  serve(run)
}

/** Readings of which the camera itself is not sure: the vehicle has no right, and is read again. */
const UNSURE = ['plate-unsure', 'plate-unreadable']

/** Behind a refused vehicle nobody is let in before it has left: it would go on the right of the one behind. */
function refuse(run: Run, decision: AccessDecision, at_ms: number): void {
  const lane = laneOf(run)
  if (run.config.policy !== 'flow' || isKnown(run, decision)) return
  if (UNSURE.includes(decision.reason ?? '') || (lane !== 'both' && decision.direction !== lane)) return
  run.state = { ...run.state, refusedAt_ms: at_ms }
}

/** A refused vehicle that is not seen any more has turned away; one that stands there is read again and again. */
export function forgetRefused(run: Run): void {
  run.state = { ...run.state, refusedAt_ms: undefined }
}

export function isFree(run: Run): boolean {
  const mode = modeOf(run.state.mode)
  return mode === 'free-flow' || mode === 'evacuate'
}

function isKnown(run: Run, { credential }: AccessDecision): boolean {
  return credential !== undefined && run.state.tokens.some((token) => token.credential === credential)
}

function whyNot(run: Run, decision: AccessDecision): string | undefined {
  const { state } = run
  const lane = laneOf(run)
  if (state.ioFault !== undefined) return 'gate-offline'
  if (modeOf(state.mode) === 'closed' && !decision.emergency) return 'mode-closed'
  if (isFree(run)) return undefined
  if (lane !== 'both' && decision.direction !== lane && !decision.emergency) return 'wrong-direction'
  if (hasFault(run, 'motion-timeout')) return 'gate-fault'
  if (isKnown(run, decision)) return undefined
  if (run.rules.isRefusedAhead(state) && decision.by === 'plate' && !decision.emergency) return 'refused-ahead'
  return state.tokens.length >= TOKENS_MAX ? 'queue-full' : undefined
}

/** One opening asked for by command comes before those that wait. */
export function pushFirst(run: Run, token: Token): void {
  // It is for the vehicle that stands there, refused or not.
  if (run.state.tokens.length === 0) run.state = { ...run.state, refusedAt_ms: undefined }
  const tokens = [token, ...run.state.tokens].slice(0, TOKENS_MAX)
  run.state = { ...run.state, tokens, serving: Math.min(tokens.length, run.state.serving + 1) }
}

/**
 * The vehicle for which the boom is up did not come. Under `flow` all rights of this opening end: whoever is still there
 * is read again, so that no right is left for a stranger.
 */
export function dropUnused(run: Run, at_ms: number): void {
  const { tokens, serving } = run.state
  const dropped = run.config.policy === 'flow' ? tokens : tokens.slice(0, 1)
  const left = Math.max(0, serving - Math.max(1, dropped.length))
  run.state = {
    ...run.state,
    tokens: tokens.slice(dropped.length),
    serving: left,
    lapsed: run.config.policy === 'flow',
    waitingSinceAt_ms: left > 0 ? at_ms : undefined,
  }
  for (const { direction = 'unknown', by, credential } of dropped)
    tell(run, 'unused', 'notice', at_ms, { direction, by, ...(credential === undefined ? {} : { credential }) })
}

/** A vehicle has passed: on whose right? */
export function countPassage(run: Run, direction: 'in' | 'out', freeBy: Crossing['freeBy'], at_ms: number): void {
  const { tokens, serving } = run.state
  // One that goes on the opening before its own uses its own right all the same: it must not be left for a stranger.
  const index = tokens.findIndex((token) => token.direction === undefined || token.direction === direction)
  const token = tokens[index]
  const by = token?.by ?? (freeBy === 'none' ? rightOfMode(run) : freeBy)
  const granted = by !== 'none'
  const vehicles = { ...run.state.vehicles }
  vehicles[direction]++
  if (!granted) vehicles.withoutright++
  const left = token && index < serving ? serving - 1 : serving
  run.state = {
    ...run.state,
    vehicles,
    tokens: token ? tokens.filter((one) => one !== token) : tokens,
    serving: left,
    // A vehicle without a right that went under the boom stands in nobody's way any more.
    refusedAt_ms: tokens.length === 0 ? undefined : run.state.refusedAt_ms,
    waitingSinceAt_ms: left > 0 ? at_ms : undefined,
  }
  const credential = token?.credential
  const who = credential === undefined ? {} : { credential }
  tell(run, 'passage', granted ? 'notice' : 'warning', at_ms, { direction, granted, by, ...who })
  if (!granted) tell(run, 'tailgating', 'warning', at_ms, { direction })
}

export function rightOfMode(run: Run): Crossing['freeBy'] {
  if (isFree(run)) return 'mode'
  return run.state.hold ? 'command' : 'none'
}

export function sideOf(run: Run, fromExit: boolean): 'in' | 'out' {
  const approaching = fromApproach(run.config)
  return fromExit ? opposite(approaching) : approaching
}
