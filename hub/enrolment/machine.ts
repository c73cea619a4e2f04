/**
 * One-time codes by which a gateway gets its certificate. Pure: what is kept is the hash of a code, never the code.
 *
 * A code is good for one key: whoever used it may ask again with that same key until the code ends, because the answer may have
 * been lost on the way; for any other key it is used up.
 */

/** From issue to end. */
export const CODE_MS = 24 * 3600_000
/** Wrong codes of one address within the window; then it waits. A code has 60 bits, so this only keeps the log readable. */
export const FAILURES_MAX = 10
export const FAILURES_WINDOW_MS = 60_000
/** Addresses remembered; beyond it the oldest are forgotten. */
const ADDRESSES_MAX = 1_000

export interface EnrolmentCode {
  gateway: string
  expires_ms: number
  /** Hash of the public key that used it. */
  usedBy?: string
}

export interface EnrolmentState {
  /** By hash of the code. */
  codes: Readonly<Record<string, EnrolmentCode>>
  failures: Readonly<Record<string, readonly number[]>>
}

export type EnrolmentInput =
  /** A new code for a gateway; its earlier one is void. */
  | { type: 'issue'; gateway: string; codeHash: string }
  | { type: 'withdraw'; gateway: string }
  | { type: 'claim'; codeHash: string; keyHash: string; address: string }

export type EnrolmentEffect =
  /** Have it on disk before the certificate leaves. */
  { type: 'save' } | { type: 'accept'; gateway: string } | { type: 'refuse'; code: RefusalCode }

export const REFUSALS = {
  ENROL_CODE_UNKNOWN: 'no such code: ask for a new one with `linli enrol code`',
  ENROL_CODE_EXPIRED: 'the code has expired (24 hours): ask for a new one with `linli enrol code`',
  ENROL_CODE_USED: 'the code was used by another gateway: if that was not you, revoke its certificate',
  ENROL_THROTTLED: 'too many wrong codes from this address: wait a minute',
} as const
export type RefusalCode = keyof typeof REFUSALS

export const NO_ENROLMENTS: EnrolmentState = { codes: {}, failures: {} }

export interface EnrolmentStep {
  state: EnrolmentState
  effects: EnrolmentEffect[]
}

export function stepEnrolment(state: EnrolmentState, input: EnrolmentInput, now_ms: number): EnrolmentStep {
  switch (input.type) {
    case 'issue': {
      const code = { gateway: input.gateway, expires_ms: now_ms + CODE_MS }
      const codes = { ...without(state.codes, input.gateway, now_ms), [input.codeHash]: code }
      return { state: { ...state, codes }, effects: [{ type: 'save' }] }
    }
    case 'withdraw':
      return { state: { ...state, codes: without(state.codes, input.gateway, now_ms) }, effects: [{ type: 'save' }] }
    case 'claim':
      return claim(state, input, now_ms)
  }
}

function claim(state: EnrolmentState, input: EnrolmentInput & { type: 'claim' }, now_ms: number): EnrolmentStep {
  const recent = (own(state.failures, input.address) ?? []).filter((at_ms) => now_ms - at_ms < FAILURES_WINDOW_MS)
  if (recent.length >= FAILURES_MAX) return refused(state, 'ENROL_THROTTLED')
  const code = own(state.codes, input.codeHash)
  if (!code) return refused(failed(state, input.address, [...recent, now_ms]), 'ENROL_CODE_UNKNOWN')
  if (code.expires_ms <= now_ms) return refused(state, 'ENROL_CODE_EXPIRED')
  if (code.usedBy !== undefined && code.usedBy !== input.keyHash) return refused(state, 'ENROL_CODE_USED')
  const used = { ...code, usedBy: input.keyHash }
  return {
    state: { ...state, codes: { ...state.codes, [input.codeHash]: used } },
    effects: [{ type: 'save' }, { type: 'accept', gateway: code.gateway }],
  }
}

function refused(state: EnrolmentState, code: RefusalCode): EnrolmentStep {
  return { state, effects: [{ type: 'refuse', code }] }
}

function failed(state: EnrolmentState, address: string, times: number[]): EnrolmentState {
  const entries = Object.entries(state.failures).filter(([known]) => known !== address)
  const kept = entries.slice(Math.max(0, entries.length - ADDRESSES_MAX + 1))
  return { ...state, failures: Object.fromEntries([...kept, [address, times]]) }
}

/** Without the codes of this gateway, and without those that ended a day ago: until then their end is told as such. */
function without(codes: EnrolmentState['codes'], gateway: string, now_ms: number): Record<string, EnrolmentCode> {
  return Object.fromEntries(
    Object.entries(codes).filter(([, code]) => code.gateway !== gateway && now_ms - code.expires_ms < CODE_MS),
  )
}

/** Hashes and addresses come from outside: `__proto__` is no code. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}
