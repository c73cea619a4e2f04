import { type Moment, momentAt } from '../../../moment.ts'
import type { GateEffect, GateInput } from '../exchange.ts'
import { forget, staleAt, takeLevels, unknownLevels } from '../levels.ts'
import { lookUp } from '../mode.ts'
import { beginEvacuation, changeMode, takeCommand } from './orders.ts'
import { grantOver, heldTooLong, takeAccess, unlockFor, watchAgain, watchContact } from './passage.ts'
import {
  availabilityOf,
  DOOR_INPUTS,
  type DoorConfig,
  type DoorInputName,
  type DoorRun,
  type DoorState,
  isUnlocked,
  lasted,
  publicState,
  tell,
} from './state.ts'

/**
 * A pedestrian door. Pure: the driver feeds it and calls again at `nextDeadline`; time between inputs is worked through
 * deadline by deadline. The strike follows from the state, so a grant that began and ended within one late call never
 * reaches it. The way out is never barred by software: the exit button opens in every mode.
 */

/** Effects come in the order in which they have to be performed. */
export function step(
  config: DoorConfig,
  state: DoorState,
  input: GateInput,
  now: Moment,
): { state: DoorState; effects: GateEffect[] } {
  // A report may be dated a little before the last call; time does not run backwards here.
  const at_ms = Math.max(now.monotonic_ms, state.at_ms)
  const run: DoorRun = { config, now, state, effects: [] }
  passTime(run, at_ms)
  take(run, input, at_ms)
  passTime(run, at_ms)
  const outputs = drive(run)
  report(run, state, at_ms)
  return { state: run.state, effects: [...outputs, ...run.effects] }
}

interface Deadline {
  at_ms: number
  due(run: DoorRun, at_ms: number): void
}

function deadlines(config: DoorConfig, state: DoorState): Deadline[] {
  const found: Deadline[] = []
  const add = (at_ms: number | undefined, due: Deadline['due']) => {
    if (at_ms !== undefined) found.push({ at_ms, due })
  }
  const { mode, heldFromAt_ms } = state
  add(mode.checkAt_ms, (run, at_ms) => {
    const { scheduled } = run.state.mode
    changeMode(run, { ...run.state.mode, ...lookUp(config, scheduled, momentAt(run.now, at_ms)) }, at_ms)
  })
  if (!mode.evacuating)
    add(mode.override?.until?.at_ms, (run, at_ms) => changeMode(run, { ...run.state.mode, override: undefined }, at_ms))
  if (state.ioFault !== undefined) return found
  for (const name of config.inputs)
    add(staleAt(state.inputs[name], config.fresh_ms), (run, at_ms) => {
      run.state = { ...run.state, inputs: forget(run.state.inputs, name, at_ms) }
    })
  const { contact } = state.inputs
  if (contact.level === undefined && !state.contactFault) add(contact.sinceAt_ms + config.fresh_ms, contactUnknown)
  add(state.grant?.untilAt_ms, grantOver)
  add(state.hold?.until?.at_ms, (run, at_ms) => {
    run.state = { ...run.state, hold: undefined }
    watchAgain(run, at_ms)
  })
  if (heldFromAt_ms !== undefined && contact.level === false) {
    if (state.alarm === 'none') add(heldFromAt_ms + config.heldWarning_ms, heldTooLong)
    if (state.alarm === 'held-open-warning') add(heldFromAt_ms + config.heldOpen_ms, heldTooLong)
  }
  return found
}

/** When `step` must be called again with a tick, in monotonic ms; undefined when nothing is under way. */
export function nextDeadline(config: DoorConfig, state: DoorState): number | undefined {
  const times = deadlines(config, state).map((deadline) => deadline.at_ms)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Works through everything that became due until `to_ms`, in order of time. */
function passTime(run: DoorRun, to_ms: number): void {
  for (;;) {
    const next = deadlines(run.config, run.state)
      .filter((deadline) => deadline.at_ms <= to_ms)
      .sort((a, b) => a.at_ms - b.at_ms)[0]
    const at_ms = next ? Math.max(next.at_ms, run.state.at_ms) : to_ms
    if (run.state.at_ms !== at_ms) run.state = { ...run.state, at_ms }
    if (!next) return
    next.due(run, at_ms)
  }
}

function contactUnknown(run: DoorRun, at_ms: number): void {
  run.state = { ...run.state, contactFault: { sinceAt_ms: at_ms } }
  tell(run, 'fault', 'warning', at_ms, { fault: 'position-unknown', part: 'contact' })
}

function take(run: DoorRun, input: GateInput, at_ms: number): void {
  switch (input.type) {
    case 'io-ready':
      if (run.state.ioFault !== undefined)
        run.state = { ...run.state, ioFault: undefined, inputs: unknownLevels(DOOR_INPUTS, at_ms) }
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

function loseIo(run: DoorRun, reason: string, at_ms: number): void {
  run.state = {
    ...run.state,
    ioFault: reason,
    inputs: unknownLevels(DOOR_INPUTS, at_ms),
    // An order to open is stale when the hardware is back; only the mode is asked then.
    grant: undefined,
    hold: undefined,
    openSinceAt_ms: undefined,
    heldFromAt_ms: undefined,
    located: false,
    energised: false,
  }
}

function readLevels(run: DoorRun, levels: Readonly<Partial<Record<string, boolean | undefined>>>, at_ms: number): void {
  const before = run.state.inputs
  run.state = { ...run.state, inputs: takeLevels(before, levels, at_ms) }
  const rose = (name: DoorInputName) => run.state.inputs[name].level === true && before[name].level !== true
  // The fire panel's contact: it begins an evacuation, and only staff end one.
  if (rose('release')) beginEvacuation(run, at_ms, 'input:release')
  // A button that was found pressed, e.g. shorted, opens nothing by being found.
  if (rose('rex') && before.rex.level === false)
    unlockFor(run, { direction: 'out', by: 'request', credential: undefined }, at_ms)
  if (rose('enclosure')) takeTamper(run, 'enclosure', 'opened', at_ms)
  if (run.state.inputs.enclosure.level === false) takeTamper(run, 'enclosure', undefined, at_ms)
  watchContact(run, at_ms)
}

function takeTamper(run: DoorRun, part: string, reason: string | undefined, at_ms: number): void {
  const standing = run.state.tamper.find((one) => one.part === part)
  if (reason === undefined) {
    if (!standing) return
    run.state = { ...run.state, tamper: run.state.tamper.filter((one) => one !== standing) }
    tell(run, 'tamper-cleared', 'notice', at_ms, { part, lasted_ms: lasted(standing.sinceAt_ms, at_ms) })
  } else if (!standing) {
    run.state = { ...run.state, tamper: [...run.state.tamper, { part, sinceAt_ms: at_ms }] }
    tell(run, 'tamper', 'warning', at_ms, { part, reason })
  }
}

/** Power locks a magnet, and opens a fail-secure strike. */
function drive(run: DoorRun): GateEffect[] {
  const { config, state } = run
  const energised = state.ioFault === undefined && isUnlocked(state) === (config.strike === 'fail-secure')
  if (energised === state.energised) return []
  run.state = { ...state, energised }
  return state.ioFault === undefined ? [{ type: 'output', output: 'strike', on: energised }] : []
}

/** State and availability after the step, when they differ from before. */
function report(run: DoorRun, before: DoorState, at_ms: number): void {
  const shown = publicState(run.state)
  if (JSON.stringify(shown) !== JSON.stringify(publicState(before))) run.effects.push({ type: 'state', state: shown })
  const was = availabilityOf(before)
  const is = availabilityOf(run.state)
  if (is.status !== was.status || is.reason !== was.reason)
    run.effects.push({ type: 'availability', ...is, at: momentAt(run.now, at_ms) })
}
