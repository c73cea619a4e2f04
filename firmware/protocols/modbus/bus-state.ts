import type { BusCode, BusStatus, RegisterRange, UnitStats } from '../../ports/register-bus.ts'
import type { Request } from './frame.ts'
import type { BusTiming } from './timing.ts'

/** What the master of a line knows, what can happen to it, and what it does. Times are monotonic ms. */

export interface Job {
  ticket: number
  request: Request
  urgent: boolean
  expires_ms: number
  attempts: number
  /** How the last attempt ended. */
  failed?: Failure
}

export interface Watch {
  id: number
  range: RegisterRange
  every_ms: number
  urgent: boolean
  due_ms: number
}

/** What one request serves. */
export interface Turn {
  request: Request
  jobs: readonly Job[]
  watches: readonly Watch[]
  /** What was merged: registers between them that nobody asked for, neighbours only, or nothing. */
  merged: 'gaps' | 'adjacent' | 'none'
}

export interface Exchange {
  turn: Turn
  asked: Uint8Array
  sent_ms: number
  /** Over then, if nothing comes; moved on while bytes come in, but not beyond `limit_ms`. */
  deadline_ms: number
  /** The first byte of the reply has until then. */
  firstByte_ms: number
  limit_ms: number
}

/** A reply that may still come in although its time is over. */
export interface Owed {
  asked: Uint8Array
  until_ms: number
  /** Bytes enough for a whole reply came, and were broken: one repetition may go at once. */
  mayRepeat: boolean
  /** Another write to the unit went out since: a repetition could take the old answer for its own. */
  overtaken: boolean
}

export interface Unit {
  /** Undefined until it first answered or failed. */
  online: boolean | undefined
  /** Failed attempts in a row. */
  misses: number
  /** How long it is left alone after the next failure, once it is away. */
  backoff_ms: number
  awayUntil_ms: number
  owed: readonly Owed[]
  /** Rises by two with each reply that cannot be read, falls by one with each that can. */
  corruptScore: number
  /** Told that its replies cannot be read. */
  isUnreadable: boolean
  /** Told that two units have this address. */
  isDoubled: boolean
  /** What its tables allow: reading over a hole in them is refused by many units. */
  merge: Turn['merged']
  /** Merged requests in a row that nothing answered, and what was merged before that was doubted. */
  mergeMisses: number
  mergeBefore: Turn['merged']
  roundTrip_ms: UnitStats['roundTrip_ms']
}

export interface Recent {
  range: RegisterRange
  values: readonly number[]
  at_ms: number
}

export interface BusState {
  up: boolean
  /** Nothing new is taken; writes that wait still go out. */
  isFinishing: boolean
  /** The line may be used from then on. */
  free_ms: number
  /** Whatever babbles on, it is used then. */
  freeLatest_ms: number
  echo: boolean | undefined
  /** Bytes since the last request was sent. */
  heard: Uint8Array
  /** Who answered last, while nothing was sent since. */
  answered: number | undefined
  exchange: Exchange | undefined
  queue: readonly Job[]
  watches: ReadonlyMap<number, Watch>
  units: ReadonlyMap<number, Unit>
  recent: readonly Recent[]
  /** Units that are away are tried from then on: together they take a tenth of the line at most. */
  probe_ms: number
  /** Urgent reads served in a row while others waited. */
  urgentInRow: number
}

export interface Failure {
  ok: false
  code: BusCode
  message: string
  exception?: number
}
export type Outcome = { ok: true; values: readonly number[]; at_ms: number } | Failure

export type BusInput =
  | { type: 'line'; up: boolean }
  | { type: 'bytes'; bytes: Uint8Array }
  | { type: 'tick' }
  | { type: 'request'; ticket: number; request: Request; urgent: boolean; expires_ms: number; maxAge_ms: number }
  | { type: 'watch'; watch: Omit<Watch, 'due_ms'> }
  | { type: 'unwatch'; id: number }
  /** The line is about to be closed: only writes that wait already matter. */
  | { type: 'finish' }

export type Count = keyof UnitStats['counts']
type FaultKind = Extract<BusStatus, { type: 'fault' }>['kind']

export type BusEffect =
  | { type: 'send'; bytes: Uint8Array }
  | { type: 'answer'; ticket: number; outcome: Outcome }
  | { type: 'reading'; watch: number; outcome: Outcome }
  | { type: 'unit'; unit: number; online: boolean; reason?: string }
  | { type: 'fault'; kind: FaultKind; unit: number }
  | { type: 'count'; unit: number; count: Count }

export const QUEUE_MAX = 128
export const WATCHES_MAX = 1000
export const BACKOFF_FIRST_MS = 1000
export const BACKOFF_MAX_MS = 10_000

export function createBusState(timing: BusTiming): BusState {
  return {
    up: false,
    isFinishing: false,
    free_ms: 0,
    freeLatest_ms: 0,
    echo: timing.echo,
    heard: new Uint8Array(0),
    answered: undefined,
    exchange: undefined,
    queue: [],
    watches: new Map(),
    units: new Map(),
    recent: [],
    probe_ms: 0,
    urgentInRow: 0,
  }
}

export function createUnit(): Unit {
  return {
    online: undefined,
    misses: 0,
    backoff_ms: BACKOFF_FIRST_MS,
    awayUntil_ms: 0,
    owed: [],
    corruptScore: 0,
    isUnreadable: false,
    isDoubled: false,
    merge: 'gaps',
    mergeMisses: 0,
    mergeBefore: 'gaps',
    roundTrip_ms: { last: 0, max: 0, sum: 0, count: 0 },
  }
}

export const unitOf = (state: BusState, unit: number): Unit => state.units.get(unit) ?? createUnit()
