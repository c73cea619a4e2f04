import { modeOf } from '../mode.ts'
import { clearFault, hasFault, raiseFault, tell } from './faults.ts'
import { endPending as end, type PendingEnd } from './pending.ts'
import { safetyInputs } from './rules.ts'
import { type BarrierInputName, type Motion, type Run, still } from './state.ts'
import { serve } from './tokens.ts'

/** Where the boom has to go, and what starts, stops and turns it. */

/** Somebody has the right that the boom be up. */
export function wantsUp(run: Run): boolean {
  const { state, rules } = run
  if (rules.mustBeUp(state)) return true
  if (!state.asked) return false
  return modeOf(state.mode) === 'free-flow' || state.hold !== undefined || state.serving > 0
}

/** Applies the rules until nothing changes any more. The bound is never reached; it keeps a mistake from hanging us. */
export function settle(run: Run, at_ms: number): void {
  watchZone(run, at_ms)
  watchLimits(run, at_ms)
  for (let round = 0; round < 8; round++) {
    const { motion, goal } = run.state
    aim(run)
    move(run, at_ms)
    if (run.state.motion === motion && run.state.goal === goal) return
  }
}

function watchZone(run: Run, at_ms: number): void {
  const { state, config, rules } = run
  // What the beam says while we keep it dark is our own doing; the test itself looks at it.
  const clear =
    state.motion.kind === 'testing' ? state.inputs.safety.level === false : rules.zone(config, state) === 'clear'
  const clearSinceAt_ms = clear ? (state.clearSinceAt_ms ?? at_ms) : undefined
  if (clearSinceAt_ms !== state.clearSinceAt_ms) run.state = { ...state, clearSinceAt_ms }
}

function watchLimits(run: Run, at_ms: number): void {
  const { up, down } = run.state.inputs
  if (up.level && down.level) raiseFault(run, 'limits-contradict', 'limits', at_ms)
  else clearFault(run, 'limits-contradict', 'limits', at_ms)
  watchPosition(run, at_ms)
  if (!run.state.located && run.rules.position(run.state) !== 'unknown') run.state = { ...run.state, located: true }
}

function watchPosition(run: Run, at_ms: number): void {
  const position = run.rules.position(run.state)
  if (position === 'closed') {
    if (run.state.forcedSinceAt_ms !== undefined) {
      const lasted_ms = Math.round(at_ms - run.state.forcedSinceAt_ms)
      run.state = { ...run.state, forcedSinceAt_ms: undefined }
      tell(run, 'forced-cleared', 'notice', at_ms, { lasted_ms })
    }
    if (!run.state.wasClosed) run.state = { ...run.state, wasClosed: true }
  } else if (position !== 'unknown' && run.state.wasClosed) {
    const { kind } = run.state.motion
    run.state = { ...run.state, wasClosed: false }
    if (kind === 'raising') return
    run.state = { ...run.state, forcedSinceAt_ms: at_ms }
    tell(run, 'forced', 'alarm', at_ms, { atstart: !run.state.located })
  }
}

/** Sets the goal. A goal of `down` is only ever set here after the boom was wanted up, or by an explicit order. */
function aim(run: Run): void {
  const { state, rules } = run
  const arrived = state.motion.kind !== 'raising' && rules.position(state) === 'open'
  if (wantsUp(run)) {
    // After a motion that did not arrive, only a fresh order tries again.
    if (state.goal !== 'up' && !hasFault(run, 'motion-timeout')) {
      run.state = { ...state, goal: 'up' }
      if (state.pending?.wants === 'down') end(run, 'superseded')
    }
  } else if (state.goal === 'up' && arrived && state.pending === undefined) {
    run.state = { ...state, goal: 'down' }
  }
}

function move(run: Run, at_ms: number): void {
  if (run.state.ioFault !== undefined) return
  switch (run.state.motion.kind) {
    case 'still':
      start(run, at_ms)
      return
    case 'raising':
      keepRaising(run, at_ms)
      return
    case 'testing':
      test(run, at_ms)
      return
    case 'lowering':
      keepLowering(run, at_ms)
      return
  }
}

function start(run: Run, at_ms: number): void {
  const { state, config, rules } = run
  const position = rules.position(state)
  if (state.goal === 'up') {
    if (position === 'open') arriveUp(run, at_ms)
    else if (state.inputs.up.level && state.inputs.down.level) refuseToRaise(run)
    else go(run, 'raising', at_ms)
  } else if (state.goal === 'down') {
    if (position === 'closed') arriveDown(run)
    else if (rules.mayStartLowering(config, state, at_ms) && !giveUpExpired(run, at_ms)) {
      if (rules.mustTestBeam(config)) setMotion(run, { kind: 'testing', phase: 'dark', phaseAt_ms: at_ms })
      else go(run, 'lowering', at_ms)
    } else if (state.pending) end(run, whyNotDown(run))
  }
}

/** A boom that is at both limits is nowhere and would never arrive: orders are dropped, only an evacuation keeps asking. */
function refuseToRaise(run: Run): void {
  if (!run.rules.mustBeUp(run.state)) dropOrders(run)
  end(run, 'position')
}

function whyNotDown(run: Run): PendingEnd {
  const { config, state, rules } = run
  if (rules.position(state) === 'unknown') return 'position'
  if (state.faults.some(({ fault }) => fault === 'sensor-failed' || fault === 'motion-timeout')) return 'fault'
  return rules.zone(config, state) === 'unknown' ? 'unknown' : 'occupied'
}

/** A command that expired while it waited does not move the boom any more. @returns whether nothing else wants it */
function giveUpExpired(run: Run, at_ms: number): boolean {
  const { pending } = run.state
  if (!pending || !run.rules.isExpired(pending.expiresAt_ms, at_ms)) return false
  end(run, 'expired')
  return run.state.goal !== 'down'
}

function keepRaising(run: Run, at_ms: number): void {
  const { state, rules } = run
  if (rules.position(state) === 'open') {
    setMotion(run, still)
    if (state.goal === 'up') arriveUp(run, at_ms)
  } else if (state.inputs.up.level && state.inputs.down.level) {
    stop(run, at_ms)
    // The contradiction is a fault that stands by itself; trying again is a matter for a fresh order.
    failMotion(run, 'raising', at_ms)
  }
}

/**
 * The beam is tested before each lowering. Dark first: a receiver that still sees light is failed, and automatic closing
 * ends (UL 325 30A.1, 2016). Light again: a beam that stays dark has somebody in it, and that is no fault.
 */
function test(run: Run, at_ms: number): void {
  const { state, config, rules } = run
  const { motion } = state
  if (motion.kind !== 'testing') return
  const beam = state.inputs.beam.level
  if (state.goal !== 'down' || state.inputs.safety.level !== false || rules.position(state) === 'unknown') {
    setMotion(run, still)
    if (state.goal === 'down') end(run, whyNotDown(run))
  } else if (motion.phase === 'dark') {
    if (beam === true) setMotion(run, { kind: 'testing', phase: 'light', phaseAt_ms: at_ms })
  } else if (beam === false) {
    setMotion(run, still)
    if (giveUpExpired(run, at_ms)) return
    if (rules.mayStartLowering(config, run.state, at_ms)) go(run, 'lowering', at_ms)
  }
}

/** The answer to a phase of the test did not come in time. */
export function testTimedOut(run: Run, at_ms: number): void {
  const { motion } = run.state
  if (motion.kind !== 'testing') return
  setMotion(run, still)
  if (motion.phase === 'dark') {
    raiseFault(run, 'sensor-failed', 'beam', at_ms)
    end(run, 'fault')
  } else end(run, 'occupied')
}

function keepLowering(run: Run, at_ms: number): void {
  const { state, config, rules } = run
  if (rules.position(state) === 'closed') {
    setMotion(run, still)
    if (state.goal === 'down') arriveDown(run)
  } else if (state.goal === 'up') go(run, 'raising', at_ms)
  // EN 12453 cl. 5 and UL 325 30A.1: an obstruction in the closing direction reverses the motion at once.
  else if (!rules.mayKeepLowering(config, state)) reverse(run, at_ms)
}

function reverse(run: Run, at_ms: number): void {
  const { config, state, rules } = run
  const part: BarrierInputName | 'limits' =
    safetyInputs(config).find((name) => state.inputs[name].level !== false) ?? 'limits'
  const why = rules.zone(config, state) === 'clear' ? 'position' : whyNotDown(run)
  go(run, 'raising', at_ms)
  tell(run, 'reversed', 'notice', at_ms, { part })
  end(run, why)
}

function arriveUp(run: Run, at_ms: number): void {
  const { state } = run
  if (state.waitingSinceAt_ms === undefined && state.serving > 0) run.state = { ...state, waitingSinceAt_ms: at_ms }
  if (run.state.pending?.wants === 'up') end(run, 'done')
}

function arriveDown(run: Run): void {
  const served = { serving: 0, lapsed: false, waitingSinceAt_ms: undefined, crossing: undefined }
  run.state = { ...run.state, ...served, goal: 'none' }
  // The next vehicle's right has waited for this.
  serve(run)
  if (run.state.pending?.wants === 'down') end(run, 'done')
}

/** The drive ran for too long: off, and off it stays until somebody asks anew. */
export function motionTimedOut(run: Run, at_ms: number): void {
  const { motion } = run.state
  if (motion.kind !== 'raising' && motion.kind !== 'lowering') return
  stop(run, at_ms)
  failMotion(run, motion.kind, at_ms)
}

function failMotion(run: Run, kind: 'raising' | 'lowering', at_ms: number): void {
  dropOrders(run)
  raiseFault(run, 'motion-timeout', kind, at_ms)
  end(run, 'timeout')
}

/** Nobody's right to pass is kept for later. */
export function dropOrders(run: Run): void {
  run.state = { ...run.state, goal: 'none', tokens: [], serving: 0, hold: undefined, waitingSinceAt_ms: undefined }
}

export function stop(run: Run, at_ms: number): void {
  setMotion(run, still)
  if (run.config.hasStop) run.state = { ...run.state, stopUntilAt_ms: at_ms + run.config.stopPulse_ms }
}

function go(run: Run, kind: 'raising' | 'lowering', at_ms: number): void {
  setMotion(run, { kind, startedAt_ms: at_ms })
  run.state = { ...run.state, stopUntilAt_ms: undefined }
}

function setMotion(run: Run, motion: Motion): void {
  run.state = { ...run.state, motion }
}
