import type { DoorMode } from '../../../../hub/contract/access-gate.ts'
import type { AccessDecision } from '../access.ts'
import { modeOf } from '../mode.ts'
import { type DoorRun, type Grant, isUnlocked, lasted, mayStandOpen, tell } from './state.ts'

/** Who may pass, who did, and a door that is open when it should not be. */

export function takeAccess(run: DoorRun, decision: AccessDecision, at_ms: number): void {
  const { direction, by } = decision
  const credential = decision.credential === undefined ? {} : { credential: decision.credential }
  if (decision.duress) tell(run, 'duress', 'alarm', at_ms, { direction, ...credential })
  const reason = decision.granted ? whyNot(run, decision) : (decision.reason ?? 'not-authorised')
  if (reason !== undefined) tell(run, 'denied', 'notice', at_ms, { direction, reason, ...credential })
  else if (run.state.inputs.contact.level === false && !mayStandOpen(run.state)) {
    // The door still stands open from the one before: this one walks through without it opening again.
    mayStayOpen(run, at_ms)
    run.state = { ...run.state, heldFromAt_ms: at_ms }
    tell(run, 'passage', 'notice', at_ms, { direction, granted: true, by, ...credential })
  } else unlockFor(run, { direction, by, credential: decision.credential }, at_ms)
}

/** In these a credential opens nothing, whoever holds it, but for the emergency services. */
const shut: readonly DoorMode[] = ['locked', 'lockdown']

function whyNot(run: DoorRun, { by, emergency }: AccessDecision): string | undefined {
  const mode = modeOf(run.state.mode)
  if (run.state.ioFault !== undefined) return 'gate-offline'
  if (emergency) return undefined
  if (shut.includes(mode)) return `mode-${mode}`
  return mode === 'card-and-pin' && by !== 'card-and-pin' ? 'pin-missing' : undefined
}

export function unlockFor(run: DoorRun, grant: Omit<Grant, 'untilAt_ms'>, at_ms: number): void {
  run.state = { ...run.state, grant: { ...grant, untilAt_ms: at_ms + run.config.unlock_ms } }
}

/** The way was open for somebody who did not come. */
export function grantOver(run: DoorRun, at_ms: number): void {
  const { grant } = run.state
  if (!grant) return
  run.state = { ...run.state, grant: undefined }
  const { direction, by, credential } = grant
  // An exit button that nobody walked out by says nothing about anybody.
  if (by === 'request') return
  tell(run, 'unused', 'notice', at_ms, { direction, by, ...(credential === undefined ? {} : { credential }) })
}

/** The contact, whenever it is known. */
export function watchContact(run: DoorRun, at_ms: number): void {
  const { level } = run.state.inputs.contact
  if (level === undefined) return
  if (run.state.contactFault) {
    const lasted_ms = lasted(run.state.contactFault.sinceAt_ms, at_ms)
    run.state = { ...run.state, contactFault: undefined }
    tell(run, 'fault-cleared', 'notice', at_ms, { fault: 'position-unknown', part: 'contact', lasted_ms })
  }
  if (level) closed(run, at_ms)
  else if (run.state.wasClosed) opened(run, at_ms)
  else if (run.state.openSinceAt_ms === undefined)
    run.state = { ...run.state, openSinceAt_ms: at_ms, heldFromAt_ms: mayStandOpen(run.state) ? undefined : at_ms }
  run.state = { ...run.state, located: true }
}

function opened(run: DoorRun, at_ms: number): void {
  const { state } = run
  const { grant } = state
  const free = mayStandOpen(state)
  run.state = {
    ...state,
    wasClosed: false,
    openSinceAt_ms: at_ms,
    heldFromAt_ms: free ? undefined : at_ms,
    // Once open, the strike has done its work: it locks again, and the door latches when it falls shut.
    grant: undefined,
  }
  if (!isUnlocked(state)) {
    run.state = { ...run.state, forcedSinceAt_ms: at_ms }
    tell(run, 'forced', 'alarm', at_ms, { atstart: !state.located })
    return
  }
  const by = grant?.by ?? (modeOf(state.mode) === 'free' || modeOf(state.mode) === 'evacuate' ? 'mode' : 'command')
  const credential = grant?.credential === undefined ? {} : { credential: grant.credential }
  const direction = grant?.direction ?? 'unknown'
  tell(run, 'passage', 'notice', at_ms, { direction, granted: true, by, ...credential })
}

function closed(run: DoorRun, at_ms: number): void {
  const { forcedSinceAt_ms } = run.state
  mayStayOpen(run, at_ms)
  run.state = { ...run.state, wasClosed: true, openSinceAt_ms: undefined, forcedSinceAt_ms: undefined }
  if (forcedSinceAt_ms !== undefined)
    tell(run, 'forced-cleared', 'notice', at_ms, { lasted_ms: lasted(forcedSinceAt_ms, at_ms) })
}

/** The door is closed, or may stand open from now on. */
export function mayStayOpen(run: DoorRun, at_ms: number): void {
  const { alarm, openSinceAt_ms } = run.state
  run.state = { ...run.state, alarm: 'none', heldFromAt_ms: undefined }
  if (alarm !== 'none')
    tell(run, 'held-open-cleared', 'notice', at_ms, { open_ms: lasted(openSinceAt_ms ?? at_ms, at_ms) })
}

export function heldTooLong(run: DoorRun, at_ms: number): void {
  const { state } = run
  const open_ms = lasted(state.openSinceAt_ms ?? at_ms, at_ms)
  const alarm = state.alarm === 'none' ? 'held-open-warning' : 'held-open'
  run.state = { ...state, alarm }
  tell(run, alarm, alarm === 'held-open' ? 'alarm' : 'warning', at_ms, { open_ms })
}

/** After a change of mode or of a hold: an open door is watched from now on, or not any more. */
export function watchAgain(run: DoorRun, at_ms: number): void {
  const { state } = run
  if (state.openSinceAt_ms === undefined) return
  if (mayStandOpen(state)) mayStayOpen(run, at_ms)
  else if (state.heldFromAt_ms === undefined) run.state = { ...state, heldFromAt_ms: at_ms }
}
