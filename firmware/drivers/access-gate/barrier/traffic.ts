import { clearFault } from './faults.ts'
import type { BarrierInputName, BarrierState, Crossing, Run } from './state.ts'
import { countPassage, entryLoops, sideOf } from './tokens.ts'

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
  }
  follow(run)
  if (rose('safety') && run.state.crossing === undefined && run.rules.position(run.state) !== 'closed') begin(run)
  if (fell('safety')) {
    clearFault(run, 'sensor-stuck', 'safety', at_ms)
    finish(run, at_ms)
  }
  if (fell('beam')) clearFault(run, 'sensor-stuck', 'beam', at_ms)
  recount(run)
}

function begin(run: Run): void {
  const { approach, exit } = run.state.inputs
  const fromExit = exit.level === true && approach.level !== true
  run.state = { ...run.state, crossing: { fromExit, seenApproach: false, seenExit: false } }
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
  countPassage(run, sideOf(run, crossing.fromExit), at_ms)
}

/** With the boom down and nobody on the loop, those that were counted have driven away. */
function recount(run: Run): void {
  const { state } = run
  if (state.goal !== 'none' || state.waiting === 0 || run.rules.position(state) !== 'closed') return
  if (entryLoops(run).every((name) => state.inputs[name].level === false)) run.state = { ...state, waiting: 0 }
}
