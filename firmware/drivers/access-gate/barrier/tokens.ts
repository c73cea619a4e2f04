import type { AccessDecision } from '../access.ts'
import { modeOf } from '../mode.ts'
import { hasFault, tell } from './faults.ts'
import { type BarrierConfig, fromApproach, opposite, type Run, type Token } from './state.ts'

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

/** The loops at which vehicles wait to be let through. */
export function entryLoops(run: Run): Array<'approach' | 'exit'> {
  const lane = laneOf(run)
  const both = lane === 'both' ? (['approach', 'exit'] as const) : undefined
  const loops = both ?? [lane === fromApproach(run.config) ? ('approach' as const) : ('exit' as const)]
  return loops.filter((name) => run.config.inputs.includes(name))
}

/** How many of the waiting vehicles this opening is for. */
export function serve(run: Run): void {
  const { state, config } = run
  if (config.policy === 'flow') run.state = { ...state, serving: state.tokens.length }
  else if (state.serving === 0 && state.goal === 'none')
    run.state = { ...state, serving: Math.min(1, state.tokens.length) }
}

export function takeAccess(run: Run, decision: AccessDecision, at_ms: number): void {
  const { direction, by } = decision
  const credential = decision.credential === undefined ? {} : { credential: decision.credential }
  if (decision.duress) tell(run, 'duress', 'alarm', at_ms, { direction, ...credential })
  const reason = decision.granted ? whyNot(run, decision) : (decision.reason ?? 'not-authorised')
  if (reason !== undefined) {
    tell(run, 'denied', 'notice', at_ms, { direction, reason, ...credential })
    // Behind this vehicle nobody is let in on the opening of those before it: it would take their place.
    if (by === 'plate' && run.config.policy === 'flow' && run.state.serving > 0)
      run.state = { ...run.state, sealed: true }
    return
  }
  run.state = { ...run.state, asked: true }
  // The way is free for everybody, or the camera has read the same plate again.
  if (isFree(run) || isKnown(run, decision)) return
  const token: Token = { direction, by, credential: decision.credential }
  run.state = { ...run.state, tokens: [...run.state.tokens, token] }
  serve(run)
}

function isFree(run: Run): boolean {
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
  if (state.sealed && decision.by === 'plate') return 'refused-ahead'
  return state.tokens.length >= TOKENS_MAX ? 'queue-full' : undefined
}

/** One opening asked for by command comes before those that wait. */
export function pushFirst(run: Run, token: Token): void {
  const tokens = [token, ...run.state.tokens].slice(0, TOKENS_MAX)
  run.state = { ...run.state, tokens, serving: Math.min(tokens.length, run.state.serving + 1) }
}

/** The vehicle for which the boom is up did not come. */
export function dropUnused(run: Run, at_ms: number): void {
  const [token, ...tokens] = run.state.tokens
  const serving = Math.max(0, run.state.serving - 1)
  run.state = { ...run.state, tokens, serving, waitingSinceAt_ms: serving > 0 ? at_ms : undefined }
  if (!token) return
  const { by, credential } = token
  const direction = token.direction ?? 'unknown'
  tell(run, 'unused', 'notice', at_ms, { direction, by, ...(credential === undefined ? {} : { credential }) })
}

/** A vehicle has passed: on whose right? */
export function countPassage(run: Run, direction: 'in' | 'out', at_ms: number): void {
  const { tokens, serving } = run.state
  const index = tokens.findIndex(
    (token, place) => place < serving && (token.direction === undefined || token.direction === direction),
  )
  const token = tokens[index]
  const by = token?.by ?? rightOfMode(run)
  const granted = by !== 'none'
  const vehicles = { ...run.state.vehicles }
  vehicles[direction]++
  if (!granted) vehicles.withoutright++
  const left = token ? serving - 1 : serving
  run.state = {
    ...run.state,
    vehicles,
    tokens: token ? tokens.filter((one) => one !== token) : tokens,
    serving: left,
    waitingSinceAt_ms: left > 0 ? at_ms : undefined,
  }
  const credential = token?.credential
  const who = credential === undefined ? {} : { credential }
  tell(run, 'passage', granted ? 'notice' : 'warning', at_ms, { direction, granted, by, ...who })
  if (!granted) tell(run, 'tailgating', 'warning', at_ms, { direction })
}

function rightOfMode(run: Run): 'mode' | 'command' | 'none' {
  if (isFree(run)) return 'mode'
  return run.state.hold ? 'command' : 'none'
}

export function sideOf(run: Run, fromExit: boolean): 'in' | 'out' {
  const approaching = fromApproach(run.config)
  return fromExit ? opposite(approaching) : approaching
}
