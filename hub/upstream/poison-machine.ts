/**
 * Finds the message that an upstream cannot take: one at which it closes the connection each time, or which it never
 * acknowledges while it acknowledges others. Pure: what was sent, acknowledged and lost goes in; what may be sent next,
 * and what is given up, comes out.
 *
 * An outage must never be taken for poison, so nothing is accused for being in flight when a connection broke. Only what
 * was in flight at two breaks in a row is in doubt, until it is acknowledged. What is in doubt is sent a few at a time:
 * half as many after each further break, one more after each acknowledgement. When that has come down to one, the first
 * of them is tried by itself: on a connection that has acknowledged a message of our own, has stood for `quiet_ms` and has
 * acknowledged another, with nothing else in flight. A break then counts against it; a break at any other moment shows
 * that the line breaks by itself, and takes all counts back. `tries` counts in a row give it up.
 */

export interface PoisonConfig {
  /** Most urgent first. */
  lanes: readonly string[]
  tries: number
  /** A connection has to stand this long by itself before the suspect is tried on it. */
  quiet_ms: number
  /** A message without an acknowledgement for this long is looked at: is it the message, or the broker? */
  answer_ms: number
  /** While the suspect is tried, everything else waits, but no longer than this. */
  alone_ms: number
}

/** One entry of the journal. */
export interface Place {
  lane: string
  position: number
}

/** A place as one number, so that keeping track of a message makes nothing that has to be collected again. */
type Key = number

interface Connection {
  /** Sent and not acknowledged, in the order of sending: when. */
  flying: Map<Key, number>
  /** When the first message of our own was acknowledged. */
  proven_ms: number | undefined
  /** A message of our own is on its way since then. */
  asked_ms: number | undefined
  /** The suspect may be tried on it. */
  isReady: boolean
  /** It is being dropped by us: its end says nothing more. */
  isDropped: boolean
}

export interface PoisonState {
  connection: Connection | undefined
  /** In flight at a break and not acknowledged since, most urgent first. */
  doubtful: Set<Key>
  /** They were so at two breaks in a row: from now on they are sent a few at a time. */
  isIsolating: boolean
  /** How many. */
  few: number
  /** Breaks that count, of those tried by themselves. */
  strikes: Map<Key, number>
  /** On how many connections each was not acknowledged although others were. Such a one does not break connections. */
  silent: Map<Key, number>
  /** Given up, and not among the dead letters yet. */
  condemned: Set<Key>
}

export type PoisonInput =
  | { type: 'up' }
  | { type: 'down'; reason: string }
  | ({ type: 'sent' | 'acknowledged' } & Place)
  /** A message of our own that was sent at `asked_ms` is acknowledged. */
  | { type: 'answered'; asked_ms: number }
  | { type: 'tick' }
  /** Of one that was given up: it is among the dead letters, or could not be written there. */
  | ({ type: 'buried' | 'not-buried' } & Place)

export type PoisonEffect =
  /** Send a message of our own, which every broker takes, and say `answered`. */
  | { type: 'ask' }
  | { type: 'drop'; reason: string }
  | ({ type: 'bury'; tries: number; reason: string } & Place)
  /** What had to wait may go now. */
  | { type: 'poke' }

/** Those that the journal dropped meanwhile are never cleared by name. */
const SILENT_MAX = 10_000
export const SILENT = 'the broker never acknowledges it, and acknowledges others'
export const FROZEN = 'the broker acknowledges nothing any more'

export function createPoisonState(): PoisonState {
  return {
    connection: undefined,
    doubtful: new Set(),
    isIsolating: false,
    few: 1,
    strikes: new Map(),
    silent: new Map(),
    condemned: new Set(),
  }
}

function keyOf({ lanes }: PoisonConfig, { lane, position }: Place): Key {
  return position * lanes.length + lanes.indexOf(lane)
}

function placeOf({ lanes }: PoisonConfig, key: Key): Place {
  return { lane: lanes[key % lanes.length] as string, position: Math.floor(key / lanes.length) }
}

/** Changes `state`; returns what is to be done. Never throws. */
export function stepPoison(
  config: PoisonConfig,
  state: PoisonState,
  input: PoisonInput,
  now_ms: number,
): PoisonEffect[] {
  switch (input.type) {
    case 'up':
      state.connection = {
        flying: new Map(),
        proven_ms: undefined,
        asked_ms: undefined,
        isReady: false,
        isDropped: false,
      }
      return []
    case 'sent':
      state.connection?.flying.set(keyOf(config, input), now_ms)
      return []
    case 'acknowledged': {
      const key = keyOf(config, input)
      state.connection?.flying.delete(key)
      if (state.doubtful.has(key)) state.few += 1
      if (state.doubtful.size > 0 || state.silent.size > 0) clear(state, key)
      return []
    }
    case 'down':
      return onDown(config, state, input.reason)
    case 'answered':
      return onAnswered(config, state, input.asked_ms, now_ms)
    case 'tick':
      return onTick(config, state, now_ms)
    case 'buried':
      clear(state, keyOf(config, input))
      return [{ type: 'poke' }]
    case 'not-buried':
      state.condemned.delete(keyOf(config, input))
      return []
  }
}

/** Whether an entry that is next in its lane may be sent now. Also notices what is in doubt and no more in the journal. */
export function mayGo(config: PoisonConfig, state: PoisonState, entry: Place, now_ms: number): boolean {
  const { doubtful, connection } = state
  if (doubtful.size === 0 && state.condemned.size === 0) return true
  const key = keyOf(config, entry)
  if (state.condemned.has(key)) return false
  for (const other of doubtful) {
    const { lane, position } = placeOf(config, other)
    // Its lane is past it, and it was not sent: evicted, replaced by a newer state, or left out.
    if (lane === entry.lane && position < entry.position && !connection?.flying.has(other)) clear(state, other)
  }
  if (!state.isIsolating) return true
  if (doubtful.has(key)) return mayTry(state, key)
  const [first] = doubtful
  if (state.few > 1 || first === undefined) return true
  const tried_ms = connection?.flying.get(first)
  if (tried_ms !== undefined) return now_ms - tried_ms >= config.alone_ms
  // What is less urgent makes room, or there would never be a moment with nothing in flight.
  const isLess = config.lanes.indexOf(entry.lane) > config.lanes.indexOf(placeOf(config, first).lane)
  return !(isLess && connection?.isReady === true && !state.condemned.has(first))
}

function mayTry(state: PoisonState, key: Key): boolean {
  const { connection, doubtful, few } = state
  if (connection?.proven_ms === undefined) return false
  if (few > 1) return [...doubtful].indexOf(key) < few
  const [first] = doubtful
  return key === first && connection.isReady && loud(state, connection.flying).length === 0
}

/** Without those that are known to be silent, and so do not break connections. */
function loud({ silent }: PoisonState, flying: ReadonlyMap<Key, number>): Key[] {
  return [...flying.keys()].filter((key) => !silent.has(key))
}

function clear(state: PoisonState, key: Key): void {
  state.doubtful.delete(key)
  state.strikes.delete(key)
  state.silent.delete(key)
  state.condemned.delete(key)
  if (state.doubtful.size === 0) state.isIsolating = false
}

function onDown(config: PoisonConfig, state: PoisonState, reason: string): PoisonEffect[] {
  const { connection, doubtful } = state
  state.connection = undefined
  if (state.silent.size > SILENT_MAX) state.silent.clear()
  if (!connection || connection.isDropped) return []
  const flying = loud(state, connection.flying)
  const [first] = doubtful
  const isTrial = state.isIsolating && state.few === 1 && flying.length === 1 && flying[0] === first
  if (isTrial && connection.isReady) return strike(config, state, reason)
  state.strikes.clear()
  if (flying.length === 0) return []
  const isAgain = flying.some((key) => doubtful.has(key))
  if (!state.isIsolating && !isAgain) doubtful.clear()
  doubt(config, state, flying)
  if (state.isIsolating) state.few = Math.max(1, Math.floor(Math.min(state.few, flying.length) / 2))
  else if (isAgain) Object.assign(state, { isIsolating: true, few: Math.max(1, Math.floor(flying.length / 2)) })
  return []
}

/** Against the first of those in doubt. */
function strike(config: PoisonConfig, state: PoisonState, reason: string): PoisonEffect[] {
  const [key] = state.doubtful
  if (key === undefined) return []
  const tries = (state.strikes.get(key) ?? 0) + 1
  state.strikes.set(key, tries)
  return tries < config.tries ? [] : [condemn(config, state, key, tries, reason)]
}

function doubt(config: PoisonConfig, state: PoisonState, flying: readonly Key[]): void {
  const rank = (key: Key): number => key % config.lanes.length
  state.doubtful = new Set([...state.doubtful, ...flying].sort((a, b) => rank(a) - rank(b) || a - b))
}

function condemn(config: PoisonConfig, state: PoisonState, key: Key, tries: number, reason: string): PoisonEffect {
  state.condemned.add(key)
  return { type: 'bury', ...placeOf(config, key), tries, reason }
}

function onAnswered(config: PoisonConfig, state: PoisonState, asked_ms: number, now_ms: number): PoisonEffect[] {
  const { connection, doubtful } = state
  if (!connection || connection.isDropped) return []
  connection.asked_ms = undefined
  connection.proven_ms ??= now_ms
  const isOverdue = (sent_ms: number) => sent_ms < asked_ms && now_ms - sent_ms >= config.answer_ms
  const overdue = [...connection.flying].filter(([, sent_ms]) => isOverdue(sent_ms)).map(([key]) => key)
  if (overdue.length === 0) {
    if (asked_ms - connection.proven_ms >= config.quiet_ms) connection.isReady = true
    return doubtful.size > 0 ? [{ type: 'poke' }] : []
  }
  connection.isDropped = true
  return [...hush(config, state, overdue), { type: 'drop', reason: SILENT }]
}

/** What is silent is not in doubt; it counts by itself, one of them on each connection. */
function hush(config: PoisonConfig, state: PoisonState, overdue: readonly Key[]): PoisonEffect[] {
  const { silent, doubtful } = state
  for (const key of overdue) {
    silent.set(key, silent.get(key) ?? 0)
    doubtful.delete(key)
  }
  if (doubtful.size === 0) state.isIsolating = false
  const [key] = overdue.toSorted((a, b) => (silent.get(b) ?? 0) - (silent.get(a) ?? 0))
  if (key === undefined) return []
  const tries = (silent.get(key) ?? 0) + 1
  silent.set(key, tries)
  return tries < config.tries ? [] : [condemn(config, state, key, tries, SILENT)]
}

function onTick(config: PoisonConfig, state: PoisonState, now_ms: number): PoisonEffect[] {
  const { connection, doubtful } = state
  if (!connection || connection.isDropped) return []
  const { asked_ms, proven_ms, flying } = connection
  const [oldest] = flying.values()
  const isLate = oldest !== undefined && now_ms - oldest >= config.answer_ms
  const effects: PoisonEffect[] = doubtful.size > 0 ? [{ type: 'poke' }] : []
  if (asked_ms !== undefined) {
    if (!isLate || now_ms - asked_ms < config.answer_ms) return effects
    connection.isDropped = true
    return [{ type: 'drop', reason: FROZEN }]
  }
  const isQuiet = proven_ms !== undefined && now_ms - proven_ms >= config.quiet_ms
  const wantsTrial = state.isIsolating && state.few === 1 && isQuiet && !connection.isReady
  if (!isLate && !wantsTrial) return effects
  connection.asked_ms = now_ms
  return [...effects, { type: 'ask' }]
}
