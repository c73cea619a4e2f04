import { clearFault } from './faults.ts'
import type { BarrierInputName, BarrierState, Crossing, Run } from './state.ts'
import { countPassage, entryLoops, forgetRefused, rightOfMode, sideOf } from './tokens.ts'

/** Vehicles as the loops tell of them: who waits, who is under the boom, who has passed and which way. */

/** A count that no lane reaches; it only keeps a faulty loop from counting without end. */
const WAITING_MAX = 200

/** Works out what the change of levels means. */
export function watchTraffic(run: Run, before: BarrierState['inputs'], at_ms: number): void {
  const rose = (name: BarrierInputName) => run.state.inputs[name].level === true && before[name].level !== true
  const fell = (name: BarrierInputName) => run.state.inputs[name].level === false && before[name].level !== false
  for (const loop of entryLoops(run)) {
    // An arrival asks anew; a vehicle that was found standing there does not.
    if (rose(loop) && before[loop].level === false)
      run.state = { ...run.state, asked: true, waiting: Math.min(WAITING_MAX, run.state.waiting + 1) }
    if (fell(loop)) leave(run)
  }
  follow(run)
  watchBeam(run, rose('beam'), fell('beam'), at_ms)
  if (rose('safety') && run.state.crossing === undefined && run.rules.position(run.state) !== 'closed') begin(run)
  if (fell('safety')) {
    clearFault(run, 'sensor-stuck', 'safety', at_ms)
    finish(run, at_ms)
  }
  if (fell('beam')) clearFault(run, 'sensor-stuck', 'beam', at_ms)
  recount(run)
}

/** The loop is clear: by the vehicle that is under the boom, or because the one that stood there has turned away. */
function leave(run: Run): void {
  const { crossing, tokens } = run.state
  if (crossing && !crossing.leftEntry) run.state = { ...run.state, crossing: { ...crossing, leftEntry: true } }
  else if (tokens.length === 0) forgetRefused(run)
}

/** Two vehicles that the loop cannot tell apart, because the second follows so closely, are two to the beam. */
function watchBeam(run: Run, broken: boolean, cleared: boolean, at_ms: number): void {
  const { crossing } = run.state
  if (!crossing) return
  if (cleared) run.state = { ...run.state, crossing: { ...crossing, behindBeam: true } }
  else if (broken && crossing.behindBeam) {
    finish(run, at_ms)
    begin(run, crossing.fromExit)
  }
}

function begin(run: Run, fromExitToo?: boolean): void {
  const { approach, exit } = run.state.inputs
  const fromExit = fromExitToo ?? (exit.level === true && approach.level !== true)
  run.state = {
    ...run.state,
    crossing: {
      fromExit,
      freeBy: rightOfMode(run),
      behindBeam: false,
      leftEntry: false,
      seenApproach: false,
      seenExit: false,
    },
  }
  follow(run)
}

function follow(run: Run): void {
  const { crossing, inputs } = run.state
  if (!crossing) return
  const next: Crossing = {
    ...crossing,
    seenApproach: crossing.seenApproach || inputs.approach.level === true,
    seenExit: crossing.seenExit || inputs.exit.level === true,
  }
  if (next.seenApproach !== crossing.seenApproach || next.seenExit !== crossing.seenExit)
    run.state = { ...run.state, crossing: next }
}

function finish(run: Run, at_ms: number): void {
  const { crossing } = run.state
  if (!crossing) return
  run.state = { ...run.state, crossing: undefined }
  // With a loop on the far side, one that backed out again has not passed.
  const has = (name: BarrierInputName) => run.config.inputs.includes(name)
  const passed = crossing.fromExit ? !has('approach') || crossing.seenApproach : !has('exit') || crossing.seenExit
  if (!passed) return
  const waited = crossing.fromExit === entryLoops(run).includes('exit') || entryLoops(run).length === 2
  if (waited) run.state = { ...run.state, waiting: Math.max(0, run.state.waiting - 1) }
  countPassage(run, sideOf(run, crossing.fromExit), crossing.freeBy, at_ms)
}

/** With the boom down and nobody on the loop, those that were counted have driven away. */
function recount(run: Run): void {
  const { state } = run
  if (state.goal !== 'none' || state.waiting === 0 || run.rules.position(state) !== 'closed') return
  if (entryLoops(run).every((name) => state.inputs[name].level === false)) run.state = { ...state, waiting: 0 }
}
