import { DOOR_MODES, type DoorMode, type GateCode, type SetModeArgs } from '../../../../hub/contract/access-gate.ts'
import type { Outcome } from '../../driver.ts'
import type { CommandInput } from '../exchange.ts'
import { type ModeState, modeOf, sourceOfMode, untilAfter } from '../mode.ts'
import { unlockFor, watchAgain } from './passage.ts'
import { type DoorRun, tell } from './state.ts'

/** Commands, and every other way in which the mode changes. All are answered at once. */

const done: Outcome = { status: 'succeeded' }
const refused = (code: GateCode, message: string): Outcome => ({ status: 'refused', code, message })
const evacuating = refused('GATE_EVACUATING', 'an evacuation is on: end it with set-mode and endevacuation')
const lockedDown = refused('GATE_LOCKED_DOWN', 'the door is in lockdown: set another mode first')

export function takeCommand(run: DoorRun, order: CommandInput, at_ms: number): void {
  run.effects.push({ type: 'outcome', id: order.id, outcome: execute(run, order, at_ms) })
}

function execute(run: DoorRun, order: CommandInput, at_ms: number): Outcome {
  const { expires_wall_ms } = order
  if (expires_wall_ms !== undefined && expires_wall_ms <= run.now.wall_ms)
    return { status: 'expired', code: 'COMMAND_EXPIRED', message: 'it expired before it came here' }
  switch (order.name) {
    case 'open':
      return open(run, order, at_ms)
    case 'hold-open':
      return holdOpen(run, order, at_ms)
    case 'close':
      return close(run, at_ms)
    case 'lock':
      return setMode(run, order, { mode: 'locked' }, at_ms)
    case 'unlock':
      // Opening to everybody in a lockdown takes a decision about the lockdown.
      return modeOf(run.state.mode) === 'lockdown' ? lockedDown : setMode(run, order, { mode: 'free' }, at_ms)
    case 'set-mode':
      return setMode(run, order, order.args as SetModeArgs, at_ms)
    case 'release-all':
      return evacuate(run, order, at_ms)
    case 'reset':
      return done
    default:
      return { status: 'refused', code: 'COMMAND_UNKNOWN', message: `a door has no command ${order.name}` }
  }
}

function cannotOpen(run: DoorRun): Outcome | undefined {
  const { ioFault, mode } = run.state
  if (ioFault !== undefined) return offline(ioFault)
  return modeOf(mode) === 'lockdown' ? lockedDown : undefined
}

function offline(reason: string): Outcome {
  const code: GateCode = 'GATE_OFFLINE'
  return { status: 'failed', code, message: `the strike cannot be reached: ${reason}` }
}

function open(run: DoorRun, order: CommandInput, at_ms: number): Outcome {
  const cannot = cannotOpen(run)
  if (cannot) return cannot
  const { direction } = order.args as { direction?: 'in' | 'out' }
  unlockFor(run, { direction: direction ?? 'unknown', by: 'command', credential: undefined }, at_ms)
  return done
}

function holdOpen(run: DoorRun, order: CommandInput, at_ms: number): Outcome {
  const cannot = cannotOpen(run)
  if (cannot) return cannot
  const { for_ms } = order.args as { for_ms?: number }
  run.state = { ...run.state, hold: { until: for_ms === undefined ? undefined : untilAfter(run.now, for_ms) } }
  watchAgain(run, at_ms)
  return done
}

/** Locks; the leaf itself is moved by its closer or by people. */
function close(run: DoorRun, at_ms: number): Outcome {
  const mode = modeOf(run.state.mode)
  if (mode === 'evacuate') return evacuating
  if (mode === 'free') return refused('GATE_MODE_FORBIDS', 'the mode is free: set another mode first')
  if (run.state.ioFault !== undefined) return offline(run.state.ioFault)
  run.state = { ...run.state, hold: undefined, grant: undefined }
  watchAgain(run, at_ms)
  return done
}

function setMode(run: DoorRun, order: CommandInput, args: SetModeArgs, at_ms: number): Outcome {
  const { mode } = run.state
  if (args.mode === 'evacuate') return evacuate(run, order, at_ms)
  if (args.mode !== 'schedule' && !isDoorMode(args.mode))
    return refused('GATE_MODE_UNKNOWN', `a door has no mode ${args.mode}; modes: ${DOOR_MODES.join(', ')}`)
  if (mode.evacuating && (args.endevacuation !== true || run.state.inputs.release.level === true)) return evacuating
  const until = args.for_ms === undefined ? undefined : untilAfter(run.now, args.for_ms)
  const override = args.mode === 'schedule' ? undefined : { mode: args.mode, until }
  changeMode(run, { ...mode, evacuating: false, override }, at_ms, order.actor)
  return done
}

function isDoorMode(mode: string): mode is DoorMode {
  return (DOOR_MODES as readonly string[]).includes(mode)
}

/** Holds from now on, also where the strike cannot be reached: then it opens as soon as it can. */
function evacuate(run: DoorRun, order: CommandInput, at_ms: number): Outcome {
  beginEvacuation(run, at_ms, order.actor)
  return run.state.ioFault === undefined ? done : offline(run.state.ioFault)
}

export function beginEvacuation(run: DoorRun, at_ms: number, actor: string): void {
  const { mode } = run.state
  if (!mode.evacuating) changeMode(run, { ...mode, evacuating: true }, at_ms, actor)
}

export function changeMode(run: DoorRun, mode: ModeState<DoorMode>, at_ms: number, actor?: string): void {
  const previous = modeOf(run.state.mode)
  const next = modeOf(mode)
  run.state = { ...run.state, mode }
  if (next === previous) return
  const who = actor === undefined ? {} : { actor }
  const severity = next === 'evacuate' ? 'alarm' : next === 'lockdown' ? 'warning' : 'notice'
  tell(run, 'mode-changed', severity, at_ms, { mode: next, previous, by: sourceOfMode(mode), ...who })
  // Rights that were given under another mode are over, but for somebody on the way out.
  const shuts = next === 'lockdown' || next === 'locked' || next === 'evacuate'
  const { grant } = run.state
  if (shuts) run.state = { ...run.state, hold: undefined, grant: grant?.by === 'request' ? grant : undefined }
  watchAgain(run, at_ms)
}
