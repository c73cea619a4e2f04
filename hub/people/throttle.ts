import { createHash } from 'node:crypto'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import {
  ENTRIES_MAX,
  FORGET_MS,
  PAUSE_MAX_MS,
  stepThrottle,
  type ThrottleEffect,
  type ThrottleInput,
  type ThrottleState,
} from './throttle-machine.ts'

/** Who may try to log in now, over restarts: whoever guesses must not begin anew because the hub did. */
export interface Throttle {
  step(input: ThrottleInput): ThrottleEffect[]
  /** Resolves when what holds is on disk. */
  close(): Promise<void>
}

/** What a flood of wrong ones changes is written so often at most. */
const WRITE_EVERY_MS = 1_000

const Entry = Type.Object({ failures: Type.Number(), last_ms: Type.Number(), until_ms: Type.Number() })
const Data = Type.Object({
  version: Type.Literal(1),
  /** The oldest first; times of the wall clock, since the monotonic one begins anew with each boot. */
  entries: Type.Array(Type.Tuple([Type.String(), Entry]), { maxItems: ENTRIES_MAX }),
  known: Type.Record(Type.String(), Type.Array(Type.String())),
})
export type ThrottleData = Static<typeof Data>
const checkData = checker(Data)

export interface ThrottleDeps {
  file: { read(): Promise<unknown>; write(data: ThrottleData): Promise<void> }
  now_ms: () => number
  monotonic_ms: () => number
  onError: (error: unknown) => void
}

export async function openThrottle({ file, now_ms, monotonic_ms, onError }: ThrottleDeps): Promise<Throttle> {
  const read = checkData(await file.read())
  let state = read.ok ? restored(read.value, now_ms(), monotonic_ms()) : { entries: new Map(), known: new Map() }
  let due: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  function write(): Promise<void> {
    clearTimeout(due)
    due = undefined
    writing = writing.then(() => file.write(kept(state, now_ms(), monotonic_ms()))).catch(onError)
    return writing
  }

  return {
    step(input) {
      const { state: next, effects } = stepThrottle(state, { ...input, name: shortOf(input.name) }, monotonic_ms())
      if (next !== state) due ??= setTimeout(() => void write(), WRITE_EVERY_MS).unref()
      state = next
      return effects
    },
    close: () => (due === undefined ? writing : write()),
  }
}

/**
 * What is typed for a name may be a password. Enough of its hash to know it again, too little to find out what it was: a
 * guess that fits it fits thousands of others.
 */
function shortOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, 5)
}

function kept({ entries, known }: ThrottleState, now_ms: number, monotonic_ms: number): ThrottleData {
  const toWall_ms = now_ms - monotonic_ms
  const recent = [...entries].filter(
    ([, { last_ms, until_ms }]) => monotonic_ms - Math.max(last_ms, until_ms) < FORGET_MS,
  )
  return {
    version: 1,
    entries: recent.map(([key, { failures, last_ms, until_ms }]) => [
      key,
      { failures, last_ms: last_ms + toWall_ms, until_ms: until_ms === 0 ? 0 : until_ms + toWall_ms },
    ]),
    known: Object.fromEntries([...known].map(([name, networks]) => [name, [...networks]])),
  }
}

/** A wall clock that was wrong, then or now, makes no pause longer than any pause is. */
function restored(data: ThrottleData, now_ms: number, monotonic_ms: number): ThrottleState {
  const entries = data.entries.map(([key, { failures, last_ms, until_ms }]) => {
    const rest_ms = Math.min(until_ms - now_ms, PAUSE_MAX_MS)
    const age_ms = Math.max(0, now_ms - Math.max(last_ms, until_ms))
    const entry = { failures, last_ms: monotonic_ms - age_ms, until_ms: rest_ms > 0 ? monotonic_ms + rest_ms : 0 }
    return [key, entry] as const
  })
  return { entries: new Map(entries), known: new Map(Object.entries(data.known)) }
}
