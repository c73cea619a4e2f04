import type { BarrierMode, GateCode, SetModeArgs } from '../../../../hub/contract/access-gate.ts'
import { BARRIER_MODES } from '../../../../hub/contract/access-gate.ts'
import type { Outcome } from '../../driver.ts'
import type { CommandInput } from '../exchange.ts'
import { type ModeState, modeOf, sourceOfMode, type Until, untilAfter } from '../mode.ts'
import { clearFault, hasFault, tell } from './faults.ts'
import { dropOrders, wantsUp } from './motion.ts'
import { answer, endPending, outcomeOf } from './pending.ts'
import type { Run } from './state.ts'
import { pushFirst } from './tokens.ts'

/** Commands, and every other way in which the mode changes. */

const done: Outcome = { status: 'succeeded' }
const refused = (code: GateCode, message: string): Outcome => ({ status: 'refused', code, message })

export function takeCommand(run: Run, input: CommandInput, at_ms: number): void {
  const left_ms = input.expires_wall_ms === undefined ? undefined : input.expires_wall_ms - run.now.wall_ms
  const expiresAt_ms = left_ms === undefined ? undefined : at_ms + left_ms
  if (run.rules.isExpired(expiresAt_ms, at_ms)) {
    answer(run, input.id, outcomeOf('expired'))
    return
  }
  const outcome = execute(run, { ...input, expiresAt_ms }, at_ms)
  if (outcome) answer(run, input.id, outcome)
}

type Order = CommandInput & { expiresAt_ms: number | undefined }

/** @returns the outcome, or nothing when the boom has to arrive first */
function execute(run: Run, order: Order, at_ms: number): Outcome | undefined {
  switch (order.name) {
    case 'open':
      return open(run, order)
    case 'hold-open':
      return holdOpen(run, order)
    case 'close':
      return close(run, order, at_ms)
    case 'lock':
      return setMode(run, order, { mode: 'closed' }, at_ms)
    case 'unlock':
      return setMode(run, order, { mode: 'free-flow' }, at_ms)
    case 'set-mode':
      return setMode(run, order, order.args as SetModeArgs, at_ms)
    case 'release-all':
      return evacuate(run, order, at_ms)
    case 'reset':
      clearFault(run, 'motion-timeout', undefined, at_ms)
      clearFault(run, 'sensor-failed', undefined, at_ms)
      return done
    default:
      return { status: 'refused', code: 'COMMAND_UNKNOWN', message: `a barrier has no command ${order.name}` }
  }
}

function waitFor(run: Run, order: Order, wants: 'up' | 'down'): void {
  endPending(run, 'superseded')
  const { goal } = run.state
  run.state = {
    ...run.state,
    asked: true,
    pending: { id: order.id, wants, expiresAt_ms: order.expiresAt_ms, goalBefore: goal },
  }
}

function cannotOpen(run: Run): Outcome | undefined {
  const { state } = run
  if (state.ioFault !== undefined)
    return { status: 'failed', code: 'GATE_OFFLINE' satisfies GateCode, message: `cannot be reached: ${state.ioFault}` }
  if (modeOf(state.mode) === 'closed') return refused('GATE_MODE_FORBIDS', 'the mode is closed: set another mode first')
  if (state.inputs.up.level && state.inputs.down.level)
    return refused('GATE_FAULT', 'both limits are on at once: look at the limit switches')
  return undefined
}

function open(run: Run, order: Order): Outcome | undefined {
  const cannot = cannotOpen(run)
  if (cannot) return cannot
  const { direction } = order.args as { direction?: 'in' | 'out' }
  waitFor(run, order, 'up')
  // A renewed, intended order may try again after a motion that did not arrive.
  clearFault(run, 'motion-timeout', undefined, run.state.at_ms)
  if (!run.rules.mustBeUp(run.state)) pushFirst(run, { direction, by: 'command', credential: undefined })
  return undefined
}

function holdOpen(run: Run, order: Order): Outcome | undefined {
  const cannot = cannotOpen(run)
  if (cannot) return cannot
  if (run.rules.mustBeUp(run.state)) return evacuating
  const { for_ms } = order.args as { for_ms?: number }
  waitFor(run, order, 'up')
  clearFault(run, 'motion-timeout', undefined, run.state.at_ms)
  const until = for_ms === undefined ? undefined : untilAfter(run.now, for_ms)
  run.state = { ...run.state, hold: { until } }
  return undefined
}

const evacuating = refused('GATE_EVACUATING', 'an evacuation is on: end it with set-mode and endevacuation')

function close(run: Run, order: Order, at_ms: number): Outcome | undefined {
  const { state, config, rules } = run
  if (rules.mustBeUp(state)) return evacuating
  if (state.ioFault !== undefined) return outcomeOf('offline')
  if (modeOf(state.mode) === 'free-flow') return refused('GATE_MODE_FORBIDS', 'the mode is free-flow')
  const position = rules.position(state)
  if (position === 'unknown') return refused('GATE_POSITION_UNKNOWN', 'the limit switches do not say where the boom is')
  if (position !== 'closed' || state.goal === 'up') {
    const zone = rules.zone(config, state)
    if (state.motion.kind !== 'testing' && zone !== 'clear')
      return zone === 'occupied'
        ? refused('GATE_SAFETY_OCCUPIED', 'something is in the way')
        : refused('GATE_SAFETY_UNKNOWN', 'a safety input is not known to be clear')
    if (state.faults.some(({ fault }) => fault === 'motion-timeout' || fault === 'sensor-failed'))
      return refused('GATE_FAULT', 'a fault stands: look at the gate, then reset it')
    if (state.clearSinceAt_ms === undefined || at_ms < state.clearSinceAt_ms + config.clearDelay_ms)
      return refused('GATE_SAFETY_OCCUPIED', 'something was in the way a moment ago')
  }
  waitFor(run, order, 'down')
  const { pending } = run.state
  dropOrders(run)
  run.state = { ...run.state, goal: 'down', pending }
  return undefined
}

function setMode(run: Run, order: Order, args: SetModeArgs, at_ms: number): Outcome | undefined {
  const { mode } = run.state
  if (args.mode === 'evacuate') return evacuate(run, order, at_ms)
  if (args.mode !== 'schedule' && !isBarrierMode(args.mode))
    return refused('GATE_MODE_UNKNOWN', `a barrier has no mode ${args.mode}; modes: ${BARRIER_MODES.join(', ')}`)
  if (mode.evacuating && (args.endevacuation !== true || run.state.inputs.release.level === true)) return evacuating
  const until: Until | undefined = args.for_ms === undefined ? undefined : untilAfter(run.now, args.for_ms)
  const override = args.mode === 'schedule' ? undefined : { mode: args.mode, until }
  changeMode(run, { ...mode, evacuating: false, override }, at_ms, order.actor)
  return done
}

function isBarrierMode(mode: string): mode is BarrierMode {
  return (BARRIER_MODES as readonly string[]).includes(mode)
}

/** Takes hold at once and over restarts; the command ends when the boom is up. */
function evacuate(run: Run, order: Order, at_ms: number): Outcome | undefined {
  beginEvacuation(run, at_ms, order.actor)
  clearFault(run, 'motion-timeout', undefined, at_ms)
  if (run.state.ioFault !== undefined) return outcomeOf('offline')
  waitFor(run, order, 'up')
  return undefined
}

export function beginEvacuation(run: Run, at_ms: number, actor?: string): void {
  const { mode } = run.state
  if (!mode.evacuating) changeMode(run, { ...mode, evacuating: true }, at_ms, actor)
}

export function changeMode(run: Run, mode: ModeState<BarrierMode>, at_ms: number, actor?: string): void {
  const previous = modeOf(run.state.mode)
  const next = modeOf(mode)
  run.state = { ...run.state, mode }
  if (next === previous) return
  const who = actor === undefined ? {} : { actor }
  const severity = next === 'evacuate' ? 'alarm' : 'notice'
  tell(run, 'mode-changed', severity, at_ms, { mode: next, previous, by: sourceOfMode(mode), ...who })
  run.state = { ...run.state, asked: true }
  if (next === 'evacuate' || next === 'closed') {
    endPending(run, 'superseded')
    const { goal } = run.state
    dropOrders(run)
    run.state = { ...run.state, goal }
  }
  closeAfter(run)
}

/** A boom that nobody wants up is brought down by a change of mode, also when it stood up since a restart. */
function closeAfter(run: Run): void {
  const { state, rules } = run
  if (state.goal !== 'none' || state.ioFault !== undefined || wantsUp(run) || hasFault(run, 'motion-timeout')) return
  if (rules.position(state) !== 'closed') run.state = { ...state, goal: 'down' }
}
