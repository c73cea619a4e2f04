import type { AlarmButtonState } from '../../../hub/contract/alarm-button.ts'
import type { AvailabilityStatus } from '../../../hub/contract/availability.ts'
import type { Severity } from '../../../hub/contract/event.ts'
import { type Moment, momentAt } from '../../moment.ts'
import type { Outcome } from '../driver.ts'
import { advanceDebounce, createDebounce, crossingAt, type Debounce, moveContact } from './debounce.ts'
import { type LoopWatch, readLoop, unknownLoop } from './loop.ts'

/**
 * A one-key alarm button: what its contact, its loop, its board and its commands mean. Pure; the driver feeds it and
 * calls again at `nextDeadline`. Time between inputs is worked through deadline by deadline, so it does not matter how
 * late or how often it is called.
 */

export interface ButtonConfig {
  cancelAfter_ms: number
  stuckAfter_ms: number
  loopConfirm_ms: number
  sirenMax_ms: number
  hasLamp: boolean
  hasSiren: boolean
}

export type OutputName = 'lamp' | 'siren'
interface Output {
  on: boolean
  off_ms: number | undefined
}

export interface ButtonState {
  /** Why the board cannot be used; undefined while it is ready. */
  boardFault: string | undefined
  /**
   * What makes the device offline: the board's fault, until the contact's level is not only told but settled. Before that a
   * press could not be told from a bounce of the release that nobody saw, so it is not shown as alive.
   */
  offline: string | undefined
  contact: Debounce
  /** The board told the contact's level since it became ready; before that no time counts as held. */
  contactKnown: boolean
  /** The closing under way was found, not seen. */
  foundClosed: boolean
  alarm: boolean
  /** Wall clock of the first press of this alarm. */
  since_ms: number | undefined
  presses: number
  /** The number of the press that is or was last held; survives a reset during the press. */
  press: number
  /** Start of the hold that we watched without a gap; undefined unless pressed. */
  held: { pressed_ms: number; watched_ms: number } | undefined
  /** A hold may still take the alarm back. */
  cancelArmed: boolean
  stuck: boolean
  loop: LoopWatch
  /** The tamper last told; survives restarts and board losses, so that one fault is told once. */
  tamper: { loop: 'open' | 'short'; since_ms: number } | undefined
  lamp: Output
  siren: Output
}

export type ButtonInput =
  | { type: 'board-ready' }
  | { type: 'board-lost'; reason: string }
  | { type: 'contact'; closed: boolean; found: boolean }
  | { type: 'loop'; ratio: number }
  | { type: 'command'; name: string; args: unknown; actor: string }
  | { type: 'tick' }

export type ButtonEffect =
  | { type: 'event'; event: string; severity: Severity; at: Moment; data: unknown }
  | { type: 'state'; state: AlarmButtonState }
  | { type: 'availability'; status: AvailabilityStatus; reason: string | undefined; at: Moment }
  | { type: 'output'; output: OutputName; on: boolean }
  | { type: 'outcome'; outcome: Outcome }

const off: Output = { on: false, off_ms: undefined }

/** @param restored what the device last said before the restart, if anything */
export function createButtonState(restored: AlarmButtonState | undefined, now: Moment): ButtonState {
  const pressed = restored?.pressed ?? false
  const since_ms = restored?.since === undefined ? Number.NaN : Date.parse(restored.since)
  const tampered = restored?.loop === 'open' || restored?.loop === 'short' ? restored.loop : undefined
  return {
    boardFault: 'board-starting',
    offline: 'board-starting',
    contact: createDebounce(pressed, now.monotonic_ms),
    contactKnown: false,
    foundClosed: false,
    alarm: restored?.alarm ?? false,
    since_ms: Number.isNaN(since_ms) ? undefined : since_ms,
    presses: restored?.presses ?? 0,
    press: Math.max(1, restored?.presses ?? 0),
    held: pressed ? { pressed_ms: now.monotonic_ms, watched_ms: now.monotonic_ms } : undefined,
    cancelArmed: restored?.alarm ?? false,
    stuck: (restored?.stuck ?? false) && pressed,
    loop: unknownLoop,
    tamper: tampered && { loop: tampered, since_ms: now.monotonic_ms },
    lamp: off,
    siren: off,
  }
}

/** The condition as the contract tells it. */
export function publicState(state: ButtonState): AlarmButtonState {
  return {
    alarm: state.alarm,
    ...(state.alarm && state.since_ms !== undefined ? { since: new Date(state.since_ms).toISOString() } : {}),
    pressed: state.contact.pressed,
    presses: state.presses,
    stuck: state.stuck,
    loop: state.loop.confirmed,
    lamp: state.lamp.on,
    siren: state.siren.on,
  }
}

export function availabilityOf(state: ButtonState): { status: AvailabilityStatus; reason: string | undefined } {
  if (state.offline !== undefined) return { status: 'offline', reason: state.offline }
  if (state.stuck) return { status: 'fault', reason: 'contact-stuck' }
  const { confirmed } = state.loop
  if (confirmed === 'open' || confirmed === 'short') return { status: 'fault', reason: `loop-${confirmed}` }
  return { status: 'online', reason: undefined }
}

/** Effects come in the order in which they have to be performed. */
export function step(config: ButtonConfig, state: ButtonState, input: ButtonInput, now: Moment) {
  // A report may be dated a little before the last call; time does not run backwards here.
  const at_ms = Math.max(now.monotonic_ms, state.contact.at_ms)
  const run = { config, now, state, effects: [] as ButtonEffect[] }
  passTime(run, at_ms)
  take(run, input, at_ms)
  // An input may have made something due at once.
  passTime(run, at_ms)
  settle(run)
  report(run, state, at_ms)
  return { state: run.state, effects: run.effects }
}

interface Run {
  config: ButtonConfig
  now: Moment
  state: ButtonState
  effects: ButtonEffect[]
}

function tell(run: Run, event: string, severity: Severity, at_ms: number, data: unknown): void {
  run.effects.push({ type: 'event', event, severity, at: momentAt(run.now, at_ms), data })
}

/** The device is back once the debounce of what was found has ended, as pressed or as released. */
function settle(run: Run): void {
  const { state } = run
  if (state.offline === undefined || state.boardFault !== undefined || !state.contactKnown) return
  if (state.contact.edge_ms === undefined) run.state = { ...state, offline: undefined }
}

/** State and availability after the step, when they differ from before. */
function report(run: Run, before: ButtonState, at_ms: number): void {
  const shown = publicState(run.state)
  if (JSON.stringify(shown) !== JSON.stringify(publicState(before))) run.effects.push({ type: 'state', state: shown })
  const was = availabilityOf(before)
  const is = availabilityOf(run.state)
  if (is.status !== was.status || is.reason !== was.reason)
    run.effects.push({ type: 'availability', ...is, at: momentAt(run.now, at_ms) })
}

interface Deadline {
  at_ms: number
  due(run: Run, at_ms: number): void
}

function deadlines(config: ButtonConfig, state: ButtonState): Deadline[] {
  const found: Deadline[] = []
  const add = (at_ms: number | undefined, due: Deadline['due']) => {
    if (at_ms !== undefined) found.push({ at_ms, due })
  }
  if (state.boardFault !== undefined) return found
  if (state.contactKnown) add(crossingAt(state.contact), () => {})
  // A shorted cable looks like a held contact; nobody took an alarm back by cutting a wire.
  if (state.contactKnown && state.held && state.contact.closed && state.loop.confirmed !== 'short') {
    if (state.cancelArmed) add(state.held.watched_ms + config.cancelAfter_ms, cancel)
    if (!state.stuck) add(state.held.watched_ms + config.stuckAfter_ms, becomeStuck)
  }
  if (state.loop.candidate) add(state.loop.candidate.since_ms + config.loopConfirm_ms, confirmLoop)
  add(state.lamp.off_ms, (run) => switchOutput(run, 'lamp', off))
  add(state.siren.off_ms, (run) => switchOutput(run, 'siren', off))
  return found
}

/** When `step` must be called again with a tick, in monotonic ms; undefined when nothing is under way. */
export function nextDeadline(config: ButtonConfig, state: ButtonState): number | undefined {
  const times = deadlines(config, state).map((deadline) => deadline.at_ms)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Works through everything that became due until `to_ms`, in order of time. */
function passTime(run: Run, to_ms: number): void {
  for (;;) {
    const next = deadlines(run.config, run.state)
      .filter((deadline) => deadline.at_ms <= to_ms)
      .sort((a, b) => a.at_ms - b.at_ms)[0]
    advanceContact(run, Math.min(to_ms, next?.at_ms ?? to_ms))
    if (!next) return
    // A deadline that passed while the contact bounced open is met when it closes again.
    next.due(run, Math.max(next.at_ms, run.state.contact.at_ms))
  }
}

function advanceContact(run: Run, to_ms: number): void {
  // While nothing is known of the contact its integrator stands still.
  const { debounce, crossing } = run.state.contactKnown
    ? advanceDebounce(run.state.contact, to_ms)
    : { debounce: { ...run.state.contact, at_ms: Math.max(run.state.contact.at_ms, to_ms) } }
  run.state = { ...run.state, contact: debounce }
  if (crossing?.pressed === true) press(run, crossing.edge_ms)
  else if (crossing) release(run, crossing.edge_ms)
}

function press(run: Run, edge_ms: number): void {
  const { state } = run
  const presses = state.presses + 1
  const since_ms = state.alarm ? state.since_ms : momentAt(run.now, edge_ms).wall_ms
  run.state = {
    ...state,
    alarm: true,
    since_ms,
    presses,
    press: presses,
    held: { pressed_ms: edge_ms, watched_ms: edge_ms },
    cancelArmed: true,
    foundClosed: false,
  }
  tell(run, 'pressed', 'alarm', edge_ms, { press: presses, atstart: state.foundClosed })
}

function release(run: Run, edge_ms: number): void {
  const { state } = run
  const held_ms = state.held === undefined ? 0 : wholeMs(edge_ms - state.held.pressed_ms)
  run.state = { ...state, held: undefined, cancelArmed: false, stuck: false }
  tell(run, 'released', 'notice', edge_ms, { press: state.press, held_ms })
}

function cancel(run: Run, at_ms: number): void {
  const { state } = run
  run.state = { ...state, alarm: false, since_ms: undefined, cancelArmed: false }
  tell(run, 'cancelled', 'notice', at_ms, { press: state.press, held_ms: heldFor(state, at_ms) })
}

function becomeStuck(run: Run, at_ms: number): void {
  run.state = { ...run.state, stuck: true }
  tell(run, 'stuck', 'warning', at_ms, { press: run.state.press, held_ms: heldFor(run.state, at_ms) })
}

function heldFor(state: ButtonState, at_ms: number): number {
  return state.held === undefined ? 0 : wholeMs(at_ms - state.held.pressed_ms)
}

function wholeMs(time_ms: number): number {
  return Math.max(0, Math.round(time_ms))
}

function confirmLoop(run: Run): void {
  const { state } = run
  const { candidate } = state.loop
  if (!candidate) return
  const { condition, since_ms } = candidate
  run.state = { ...state, loop: { confirmed: condition, candidate: undefined } }
  if (condition === 'normal') {
    if (!state.tamper) return
    run.state = { ...run.state, tamper: undefined }
    const lasted_ms = wholeMs(since_ms - state.tamper.since_ms)
    tell(run, 'tamper-cleared', 'notice', since_ms, { loop: 'normal', lasted_ms })
  } else if (state.tamper?.loop !== condition) {
    run.state = { ...run.state, tamper: { loop: condition, since_ms: state.tamper?.since_ms ?? since_ms } }
    tell(run, 'tamper', 'warning', since_ms, { loop: condition })
  }
}

function take(run: Run, input: ButtonInput, at_ms: number): void {
  switch (input.type) {
    case 'board-ready':
      if (run.state.boardFault !== undefined) run.state = { ...run.state, boardFault: undefined }
      return
    case 'board-lost':
      loseBoard(run, input.reason, at_ms)
      return
    case 'contact':
      takeContact(run, input, at_ms)
      return
    case 'loop':
      if (run.state.boardFault === undefined)
        run.state = { ...run.state, loop: readLoop(run.state.loop, input.ratio, at_ms) }
      return
    case 'command':
      takeCommand(run, input, at_ms)
      return
    case 'tick':
      return
  }
}

function loseBoard(run: Run, reason: string, at_ms: number): void {
  const { state } = run
  run.state = {
    ...state,
    boardFault: reason,
    offline: reason,
    // What was under way is unknown now; only what had been told stays.
    contact: createDebounce(state.contact.pressed, at_ms),
    contactKnown: false,
    foundClosed: false,
    loop: unknownLoop,
    // The board's outputs are off when it comes back.
    lamp: off,
    siren: off,
  }
}

function takeContact(run: Run, input: { closed: boolean; found: boolean }, at_ms: number): void {
  const { state } = run
  if (state.boardFault !== undefined) return
  const contact = moveContact(state.contact, input.closed)
  const begins = state.contact.edge_ms === undefined && contact.edge_ms !== undefined
  // A hold that was not watched starts anew for cancelling and for being stuck.
  const held = !state.contactKnown && state.held ? { ...state.held, watched_ms: at_ms } : state.held
  run.state = { ...state, contact, contactKnown: true, held, foundClosed: begins ? input.found : state.foundClosed }
}

function takeCommand(run: Run, input: { name: string; args: unknown; actor: string }, at_ms: number): void {
  const answer = (outcome: Outcome) => run.effects.push({ type: 'outcome', outcome })
  switch (input.name) {
    case 'reset': {
      const { presses } = run.state
      run.state = { ...run.state, alarm: false, since_ms: undefined, presses: 0, cancelArmed: false }
      tell(run, 'reset', 'notice', at_ms, { presses, actor: input.actor })
      answer({ status: 'succeeded' })
      return
    }
    case 'lamp':
    case 'siren':
      answer(takeOutputCommand(run, input.name, input.args, at_ms))
      return
    default:
      answer({ status: 'refused', code: 'COMMAND_UNKNOWN', message: `an alarm button has no command ${input.name}` })
  }
}

function takeOutputCommand(run: Run, name: OutputName, args: unknown, at_ms: number): Outcome {
  const { config, state } = run
  if (!(name === 'lamp' ? config.hasLamp : config.hasSiren))
    return { status: 'refused', code: 'CAPABILITY_MISSING', message: `this button has no ${name}` }
  if (state.boardFault !== undefined)
    return { status: 'failed', code: 'BOARD_ABSENT', message: `the board cannot be used: ${state.boardFault}` }
  const { on, for_ms } = args as { on: boolean; for_ms?: number }
  const limit_ms = name === 'siren' ? Math.min(config.sirenMax_ms, for_ms ?? config.sirenMax_ms) : for_ms
  switchOutput(run, name, on ? { on, off_ms: limit_ms === undefined ? undefined : at_ms + limit_ms } : off)
  return { status: 'succeeded' }
}

function switchOutput(run: Run, name: OutputName, next: Output): void {
  const before = run.state[name]
  run.state = { ...run.state, [name]: next }
  if (before.on !== next.on) run.effects.push({ type: 'output', output: name, on: next.on })
}
