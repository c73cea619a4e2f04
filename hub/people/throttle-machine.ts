/**
 * Who may try to log in now. Pure. Each attempt counts as wrong before it is checked, so that many at once are as good as one
 * after the other; one that succeeds is taken back.
 *
 * A name is paused wherever the attempts come from, except for addresses where this person has logged in before: these count
 * by themselves. So a stranger who guesses, or who only wants to keep somebody out, keeps them out nowhere where they usually
 * are. A pause ends by itself after a quarter of an hour at most, and `linli user unlock` ends it at once. Names that nobody
 * has are paused the same way: a pause says nothing about who exists.
 */

/** Wrong ones in a row without a pause. */
export const NAME_FREE = 5
/** Many phones may share an address. */
export const ADDRESS_FREE = 20
export const PAUSE_MIN_MS = 30_000
export const PAUSE_MAX_MS = 15 * 60_000
/** After so long without a wrong one it begins anew. */
export const FORGET_MS = 3_600_000
/** Names and addresses remembered; the one that was quiet for longest goes first. */
export const ENTRIES_MAX = 2_000
const ADDRESSES_PER_PERSON_MAX = 20

interface Entry {
  failures: number
  last_ms: number
  until_ms: number
}

export interface ThrottleState {
  /** By `name …`, `at …` and `both … …`, the oldest first. */
  entries: ReadonlyMap<string, Entry>
  /** Addresses where a person has logged in. */
  known: ReadonlyMap<string, readonly string[]>
}

export interface Attempt {
  name: string
  address: string
}

export type ThrottleInput =
  | ({ type: 'attempt' | 'succeeded' | 'failed' } & Attempt)
  | { type: 'unlock'; name: string }
  /** It was not checked after all. */
  | ({ type: 'withdrawn' } & Attempt)

export type ThrottleEffect =
  | { type: 'pause'; for_ms: number }
  | { type: 'locked'; what: 'name' | 'address'; for_ms: number }

export interface ThrottleStep {
  state: ThrottleState
  effects: ThrottleEffect[]
}

export const NO_ATTEMPTS: ThrottleState = { entries: new Map(), known: new Map() }

/** @param now_ms of the monotonic clock */
export function stepThrottle(state: ThrottleState, input: ThrottleInput, now_ms: number): ThrottleStep {
  if (input.type === 'unlock') {
    const kept = [...state.entries].filter(
      ([key]) => key !== `name ${input.name}` && !key.startsWith(`both ${input.name} `),
    )
    return { state: { ...state, entries: new Map(kept) }, effects: [] }
  }
  const [nameKey, addressKey] = keysOf(state, input)
  const entries = new Map(state.entries)
  const next = { ...state, entries }
  switch (input.type) {
    case 'attempt': {
      const for_ms = Math.max(waits(entries, nameKey, now_ms), waits(entries, addressKey, now_ms))
      if (for_ms > 0) return { state, effects: [{ type: 'pause', for_ms }] }
      count(entries, nameKey, NAME_FREE, now_ms)
      count(entries, addressKey, ADDRESS_FREE, now_ms)
      return { state: next, effects: [] }
    }
    case 'failed': {
      const name_ms = waits(entries, nameKey, now_ms)
      const address_ms = waits(entries, addressKey, now_ms)
      return {
        state,
        effects: [
          ...(name_ms > 0 ? [{ type: 'locked', what: 'name', for_ms: name_ms } as const] : []),
          ...(address_ms > 0 ? [{ type: 'locked', what: 'address', for_ms: address_ms } as const] : []),
        ],
      }
    }
    case 'succeeded': {
      entries.delete(nameKey)
      // Only its own: otherwise whoever has one good account could guess others for ever.
      takeBack(entries, addressKey)
      return { state: { entries, known: withKnown(state.known, input) }, effects: [] }
    }
    case 'withdrawn':
      takeBack(entries, nameKey)
      takeBack(entries, addressKey)
      return { state: next, effects: [] }
  }
}

function keysOf({ known }: ThrottleState, { name, address }: Attempt): [nameKey: string, addressKey: string] {
  const network = networkOf(address)
  const isKnown = known.get(name)?.includes(network) === true
  return [isKnown ? `both ${name} ${network}` : `name ${name}`, `at ${network}`]
}

/** An IPv6 client has a whole /64 to itself. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address.replace('::ffff:', '')
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((group) => group !== '').length
  return `${[...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':')}::/64`
}

function waits(entries: ReadonlyMap<string, Entry>, key: string, now_ms: number): number {
  return Math.max(0, (entries.get(key)?.until_ms ?? 0) - now_ms)
}

function count(entries: Map<string, Entry>, key: string, free: number, now_ms: number): void {
  const before = entries.get(key)
  const failures = before && now_ms - Math.max(before.last_ms, before.until_ms) < FORGET_MS ? before.failures + 1 : 1
  const pause_ms = failures < free ? 0 : Math.min(PAUSE_MIN_MS * 2 ** (failures - free), PAUSE_MAX_MS)
  entries.delete(key)
  entries.set(key, { failures, last_ms: now_ms, until_ms: pause_ms === 0 ? 0 : now_ms + pause_ms })
  for (const oldest of entries.keys()) {
    if (entries.size <= ENTRIES_MAX) break
    entries.delete(oldest)
  }
}

function takeBack(entries: Map<string, Entry>, key: string): void {
  const entry = entries.get(key)
  if (!entry) return
  if (entry.failures <= 1) entries.delete(key)
  else entries.set(key, { ...entry, failures: entry.failures - 1, until_ms: 0 })
}

function withKnown(known: ThrottleState['known'], { name, address }: Attempt): ThrottleState['known'] {
  const network = networkOf(address)
  const others = (known.get(name) ?? []).filter((one) => one !== network)
  return new Map(known).set(name, [...others, network].slice(-ADDRESSES_PER_PERSON_MAX))
}
