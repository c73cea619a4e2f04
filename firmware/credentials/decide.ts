import type { GateMode } from '../../hub/contract/access-gate.ts'
import type { Credential, CredentialKind } from '../../hub/contract/credentials.ts'

/** Whether a credential may pass, and what is remembered of it if so. Pure. */

/** What a gateway remembers of a credential beyond its rights. */
export interface Remembered {
  /** Times it was let in, counted only under a limit. */
  uses: number
  /** When it was first let in under a limit of time, Unix time. */
  first_s?: number
  /** Where it went last, by area. */
  areas: Readonly<Record<string, 'in' | 'out'>>
}

export interface Ask {
  kind: CredentialKind
  /** The hash of the PIN entered beside a card; undefined when none was. */
  pin?: string | undefined
  gate: string
  /** Gates of one area share their anti-passback: who came in by one cannot come in by another. */
  area: string
  direction: 'in' | 'out'
  mode: GateMode
  wall_ms: number
  /** The clock may be believed: it is synced, or was not long ago. */
  isClockGood: boolean
  /** What the credential's schedule says now; undefined when the gateway does not know that schedule. */
  isInSchedule: boolean | undefined
}

export const DENIALS = {
  unknown: 'no such credential',
  'wrong-gate': 'it is not for this gate',
  'mode-locked': 'the door is locked',
  'mode-lockdown': 'the door is in lockdown',
  'mode-closed': 'the barrier is closed',
  'pin-missing': 'the mode wants card and PIN',
  'wrong-pin': 'the PIN is not that of the card',
  'too-many-attempts': 'wrong PINs at this gate: no more for a while',
  'time-unknown': 'it is bound to a time, and the clock of the gateway cannot be believed',
  'not-yet-valid': 'too early',
  expired: 'its time is over',
  'schedule-unknown': 'the gateway does not know its schedule',
  'out-of-schedule': 'its schedule does not allow it now',
  'used-up': 'it has been used as often as it may be',
  passback: 'it is inside already, or outside already',
  'plate-unreadable': 'this is no plate',
  'plate-unsure': 'the camera is not sure enough',
} as const
export type Denial = keyof typeof DENIALS

export type Decision =
  | {
      granted: true
      by: 'card' | 'card-and-pin' | 'pin' | 'plate'
      duress: boolean
      emergency: boolean
      /** Soft anti-passback: let through, but somebody should know. */
      passback: boolean
      /** Let in twice over a power cut would be once too often: what is remembered must be on disk first. */
      keepFirst: boolean
      /** To be remembered from now on; undefined when nothing changes. */
      remembered: Remembered | undefined
    }
  | { granted: false; reason: Denial }

export const NOTHING_REMEMBERED: Remembered = { uses: 0, areas: {} }

/** The way is open for everybody: nothing is counted, nobody held back. */
const OPEN_MODES: readonly GateMode[] = ['free', 'free-flow', 'evacuate']
const SHUT_MODES = ['locked', 'lockdown', 'closed'] as const

export function decide(credential: Credential | undefined, known: Remembered | undefined, ask: Ask): Decision {
  if (!credential || credential.kind !== ask.kind) return { granted: false, reason: 'unknown' }
  const remembered = known ?? NOTHING_REMEMBERED
  const pin = pinOf(credential, ask)
  const reason =
    whyNotHere(credential, ask) ??
    whyNotPin(credential, ask, pin) ??
    whyNotNow(credential, remembered, ask) ??
    (isPassback(remembered, ask) && credential.antipassback === 'hard' ? 'passback' : undefined)
  if (reason !== undefined) return { granted: false, reason }
  return {
    granted: true,
    by: pin === 'none' ? ask.kind : 'card-and-pin',
    duress: pin === 'duress' || credential.duress === true,
    emergency: credential.class === 'emergency',
    passback: credential.antipassback === 'soft' && isPassback(remembered, ask),
    keepFirst: mustBeKeptFirst(credential, ask),
    remembered: remembering(credential, remembered, ask),
  }
}

function whyNotHere({ gates, class: klass }: Credential, { gate, mode }: Ask): Denial | undefined {
  if (!gates.includes('*') && !gates.includes(gate)) return 'wrong-gate'
  const shut = SHUT_MODES.find((one) => one === mode)
  return shut !== undefined && klass !== 'emergency' ? `mode-${shut}` : undefined
}

function pinOf({ kind, pin, duresspin }: Credential, ask: Ask): 'none' | 'right' | 'duress' | 'wrong' {
  if (kind !== 'card' || ask.pin === undefined) return 'none'
  if (ask.pin === pin) return 'right'
  return ask.pin === duresspin ? 'duress' : 'wrong'
}

function whyNotPin(credential: Credential, ask: Ask, pin: ReturnType<typeof pinOf>): Denial | undefined {
  if (pin === 'wrong') return 'wrong-pin'
  const needed = ask.mode === 'card-and-pin' && credential.class !== 'emergency'
  return needed && pin === 'none' ? 'pin-missing' : undefined
}

/** Nobody who was let in is kept in: time and number bar the way in, and the way out only of who never came in here. */
function whyNotNow(credential: Credential, remembered: Remembered, ask: Ask): Denial | undefined {
  if (ask.direction === 'out' && remembered.areas[ask.area] === 'in') return undefined
  const { from_s, until_s, schedule, limits } = credential
  const now_s = ask.wall_ms / 1000
  const isTimed = (from_s ?? until_s ?? schedule ?? limits?.for_s) !== undefined
  if (isTimed && !ask.isClockGood) return 'time-unknown'
  if (from_s !== undefined && now_s < from_s) return 'not-yet-valid'
  if (until_s !== undefined && now_s >= until_s) return 'expired'
  const { first_s, uses } = remembered
  if (limits?.for_s !== undefined && first_s !== undefined && now_s >= first_s + limits.for_s) return 'expired'
  if (schedule !== undefined && ask.isInSchedule === undefined) return 'schedule-unknown'
  if (schedule !== undefined && !ask.isInSchedule) return 'out-of-schedule'
  const isCounted = limits?.uses !== undefined && ask.direction === 'in' && !OPEN_MODES.includes(ask.mode)
  return isCounted && uses >= (limits?.uses ?? 0) ? 'used-up' : undefined
}

function isPassback(remembered: Remembered, { area, direction, mode }: Ask): boolean {
  return remembered.areas[area] === direction && !OPEN_MODES.includes(mode)
}

/** Nobody waits on the way out, nor the emergency services anywhere. */
function mustBeKeptFirst({ antipassback, class: klass, limits }: Credential, { direction, mode }: Ask): boolean {
  const isOnce = limits !== undefined || antipassback === 'hard'
  return isOnce && direction === 'in' && klass !== 'emergency' && !OPEN_MODES.includes(mode)
}

/** Of a credential without limits and anti-passback nothing is remembered: no trail of residents who just live here. */
function remembering(credential: Credential, before: Remembered, ask: Ask): Remembered | undefined {
  const { antipassback, limits } = credential
  if (antipassback === 'none' && limits === undefined) return undefined
  const isCounted = limits !== undefined && ask.direction === 'in' && !OPEN_MODES.includes(ask.mode)
  const first_s =
    before.first_s ?? (isCounted && limits.for_s !== undefined ? Math.floor(ask.wall_ms / 1000) : undefined)
  const after: Remembered = {
    uses: before.uses + (isCounted && limits.uses !== undefined ? 1 : 0),
    ...(first_s === undefined ? {} : { first_s }),
    areas: { ...before.areas, [ask.area]: ask.direction },
  }
  const isSame =
    after.uses === before.uses && after.first_s === before.first_s && before.areas[ask.area] === ask.direction
  return isSame ? undefined : after
}
