import { type Moment, momentAt } from '../../../moment.ts'
import type { GateEffect, GateInput } from '../exchange.ts'
import { forget, staleAt, takeLevels, unknownLevels } from '../levels.ts'
import { lookUp } from '../mode.ts'
import { clearFault, raiseFault, tell, wholeMs } from './faults.ts'
import { isGreen } from './lamps.ts'
import { motionTimedOut, settle, testTimedOut } from './motion.ts'
import { beginEvacuation, changeMode, takeCommand } from './orders.ts'
import { endPending } from './pending.ts'
import { type BarrierRules, barrierRules, safetyInputs } from './rules.ts'
import {
  BARRIER_INPUTS,
  BARRIER_OUTPUTS,
  type BarrierConfig,
  type BarrierOutputName,
  type BarrierState,
  inert,
  type Run,
  still,
} from './state.ts'
import { dropUnused, forgetRefused, takeAccess } from './tokens.ts'
import { watchTraffic } from './traffic.ts'
import { availabilityOf, isSameState, publicState } from './view.ts'

/**
 * A vehicle barrier. Pure: the driver feeds it and calls again at `nextDeadline`; time between inputs is worked through
 * deadline by deadline, so it does not matter how late or how often it is called. Outputs follow from the state: what
 * began and ended within one late call never reaches the hardware.
 */

/** Effects come in the order in which they have to be performed: outputs first, those that go off before those that go on. */
export function step(
  config: BarrierConfig,
  state: BarrierState,
  input: GateInput,
  now: Moment,
  rules: BarrierRules = barrierRules,
): { state: BarrierState; effects: GateEffect[] } {
  // A report may be dated a little before the last call; time does not run backwards here.
  const at_ms = Math.max(now.monotonic_ms, state.at_ms)
  const run: Run = { config, rules, now, state, effects: [] }
  passTime(run, at_ms)
  take(run, input, at_ms)
  settle(run, at_ms)
  // An input may have made something due at once.
  passTime(run, at_ms)
  const outputs = drive(run)
  report(run, state, at_ms)
  return { state: run.state, effects: [...outputs, ...run.effects] }
}

interface Deadline {
  at_ms: number
  due(run: Run, at_ms: number): void
}

function deadlines(config: BarrierConfig, rules: BarrierRules, state: BarrierState): Deadline[] {
  const found: Deadline[] = []
  const add = (at_ms: number | undefined, due: Deadline['due']) => {
    if (at_ms !== undefined) found.push({ at_ms, due })
  }
  const { motion, mode, hold } = state
  add(mode.checkAt_ms, checkSchedule)
  if (!mode.evacuating) add(mode.override?.until?.at_ms, endOverride)
  if (state.ioFault !== undefined) return found
  inputDeadlines(config, rules, state, add)
  add(hold?.until?.at_ms, (run) => {
    run.state = { ...run.state, hold: undefined }
  })
  if (motion.kind === 'testing') add(motion.phaseAt_ms + config.testTimeout_ms, testTimedOut)
  else if (motion.kind !== 'still') add(motion.startedAt_ms + rules.motionLimit_ms(config, motion.kind), motionTimedOut)
  else if (state.goal === 'down' && state.clearSinceAt_ms !== undefined) {
    const start_ms = state.clearSinceAt_ms + config.clearDelay_ms
    if (start_ms > state.at_ms) add(start_ms, () => {})
  }
  if (state.waitingSinceAt_ms !== undefined && state.crossing === undefined)
    add(state.waitingSinceAt_ms + config.passTimeout_ms, dropUnused)
  if (state.refusedAt_ms !== undefined) add(state.refusedAt_ms + config.passTimeout_ms, forgetRefused)
  add(state.stopUntilAt_ms, (run) => {
    run.state = { ...run.state, stopUntilAt_ms: undefined }
  })
  return found
}

function inputDeadlines(
  config: BarrierConfig,
  rules: BarrierRules,
  state: BarrierState,
  add: (at_ms: number | undefined, due: Deadline['due']) => void,
): void {
  const fresh_ms = rules.freshFor_ms(config)
  const stands = (fault: string, part: string) => state.faults.some((one) => one.fault === fault && one.part === part)
  for (const name of config.inputs) {
    const watched = state.inputs[name]
    add(staleAt(watched, fresh_ms), (run, at_ms) => {
      run.state = { ...run.state, inputs: forget(run.state.inputs, name, at_ms) }
    })
    const unknown = name === 'up' || name === 'down' ? 'position-unknown' : 'sensor-unknown'
    if (watched.level === undefined && !stands(unknown, name))
      add(watched.sinceAt_ms + fresh_ms, (run, at_ms) => raiseFault(run, unknown, name, at_ms))
  }
  for (const name of safetyInputs(config)) {
    const watched = state.inputs[name]
    if (watched.level === true && !stands('sensor-stuck', name))
      add(watched.sinceAt_ms + config.stuckAfter_ms, (run, at_ms) => raiseFault(run, 'sensor-stuck', name, at_ms))
  }
}

/** When `step` must be called again with a tick, in monotonic ms; undefined when nothing is under way. */
export function nextDeadline(
  config: BarrierConfig,
  state: BarrierState,
  rules: BarrierRules = barrierRules,
): number | undefined {
  const times = deadlines(config, rules, state).map((deadline) => deadline.at_ms)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Works through everything that became due until `to_ms`, in order of time. */
function passTime(run: Run, to_ms: number): void {
  for (;;) {
    let next: Deadline | undefined
    for (const deadline of deadlines(run.config, run.rules, run.state))
      if (deadline.at_ms <= (next?.at_ms ?? to_ms) && deadline.at_ms !== next?.at_ms) next = deadline
    const at_ms = next ? Math.max(next.at_ms, run.state.at_ms) : to_ms
    if (run.state.at_ms !== at_ms) run.state = { ...run.state, at_ms }
    if (!next) return
    next.due(run, at_ms)
    settle(run, at_ms)
  }
}

function checkSchedule(run: Run, at_ms: number): void {
  const { mode } = run.state
  changeMode(run, { ...mode, ...lookUp(run.config, mode.scheduled, momentAt(run.now, at_ms)) }, at_ms)
}

function endOverride(run: Run, at_ms: number): void {
  changeMode(run, { ...run.state.mode, override: undefined }, at_ms)
}

function take(run: Run, input: GateInput, at_ms: number): void {
  switch (input.type) {
    case 'io-ready':
      if (run.state.ioFault !== undefined)
        run.state = { ...run.state, ioFault: undefined, inputs: unknownLevels(BARRIER_INPUTS, at_ms) }
      return
    case 'io-lost':
      loseIo(run, input.reason, at_ms)
      return
    case 'levels':
      if (run.state.ioFault === undefined) readLevels(run, input.levels, at_ms)
      return
    case 'access':
      takeAccess(run, input.decision, at_ms)
      return
    case 'tamper':
      takeTamper(run, input.part, input.reason, at_ms)
      return
    case 'command':
      takeCommand(run, input, at_ms)
      return
    case 'tick':
      return
  }
}

function loseIo(run: Run, reason: string, at_ms: number): void {
  endPending(run, 'offline')
  const { rules, state } = run
  // The hardware lets go of its outputs, and what was asked before it came back is stale.
  const orders = rules.forgetsOrders
    ? ({ goal: 'none', asked: false, hold: undefined, tokens: [], serving: 0 } as const)
    : {}
  run.state = {
    ...state,
    ...orders,
    ioFault: reason,
    inputs: unknownLevels(BARRIER_INPUTS, at_ms),
    motion: still,
    lapsed: false,
    refusedAt_ms: undefined,
    waitingSinceAt_ms: undefined,
    clearSinceAt_ms: undefined,
    crossing: undefined,
    located: false,
    stopUntilAt_ms: undefined,
    driven: inert,
    waiting: 0,
  }
}

function readLevels(run: Run, levels: Readonly<Partial<Record<string, boolean | undefined>>>, at_ms: number): void {
  const before = run.state.inputs
  run.state = { ...run.state, inputs: takeLevels(before, levels, at_ms) }
  for (const { fault, part } of run.state.faults) {
    const unknown = fault === 'sensor-unknown' || fault === 'position-unknown'
    if (unknown && run.state.inputs[part as keyof typeof before]?.level !== undefined)
      clearFault(run, fault, part, at_ms)
  }
  // The fire panel's contact: it begins an evacuation, and only staff end one.
  if (run.state.inputs.release.level === true && before.release.level !== true)
    beginEvacuation(run, at_ms, 'input:release')
  watchTraffic(run, before, at_ms)
}

function takeTamper(run: Run, part: string, reason: string | undefined, at_ms: number): void {
  const standing = run.state.tamper.find((one) => one.part === part)
  if (reason === undefined) {
    if (!standing) return
    run.state = { ...run.state, tamper: run.state.tamper.filter((one) => one !== standing) }
    tell(run, 'tamper-cleared', 'notice', at_ms, { part, lasted_ms: wholeMs(at_ms - standing.sinceAt_ms) })
  } else if (!standing) {
    run.state = { ...run.state, tamper: [...run.state.tamper, { part, sinceAt_ms: at_ms }] }
    tell(run, 'tamper', 'warning', at_ms, { part, reason })
  }
}

/** What the state asks of each output. */
function wanted(run: Run, name: BarrierOutputName): boolean {
  const { motion, stopUntilAt_ms } = run.state
  if (name === 'raise') return motion.kind === 'raising'
  if (name === 'lower') return motion.kind === 'lowering'
  if (name === 'stop') return stopUntilAt_ms !== undefined
  if (name === 'beam-test') return motion.kind === 'testing' && motion.phase === 'dark'
  return isGreen(run, name)
}

function drive(run: Run): GateEffect[] {
  const { driven } = run.state
  const changed = BARRIER_OUTPUTS.filter((name) => wanted(run, name) !== driven[name])
  if (changed.length === 0) return []
  const effects = changed
    .map((output) => ({ type: 'output' as const, output, on: wanted(run, output) }))
    .sort((a, b) => Number(a.on) - Number(b.on))
  const now = Object.fromEntries(effects.map(({ output, on }) => [output, on]))
  run.state = { ...run.state, driven: { ...driven, ...now } }
  return effects
}

/** State and availability after the step, when they differ from before. */
function report(run: Run, before: BarrierState, at_ms: number): void {
  const { config, rules } = run
  const shown = publicState(config, rules, run.state)
  if (!isSameState(shown, publicState(config, rules, before))) run.effects.push({ type: 'state', state: shown })
  const was = availabilityOf(before)
  const is = availabilityOf(run.state)
  if (is.status !== was.status || is.reason !== was.reason)
    run.effects.push({ type: 'availability', ...is, at: momentAt(run.now, at_ms) })
}
