import { Result } from '../../hub/contract/command.ts'
import { decodeJson } from '../../hub/contract/decode.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { checker } from '../../hub/contract/schema.ts'
import { Type } from '../../hub/contract/type.ts'
import type { Append, CompactedLane, Entry } from '../../hub/journal/types.ts'

/**
 * Which commands this gateway has begun, and how they ended, over restarts: a lane of the spool, one entry for each command
 * topic. An id goes only after its expiry, and the horizon is then at least that expiry: by a clock that can be trusted,
 * what may have been forgotten has expired.
 */

export const COMMAND_LANE: CompactedLane = { name: 'command', kind: 'compacted' }
/** Commands remembered. */
export const REMEMBERED_MAX = 2_000
/** Beyond these, for an evacuation. */
export const RESERVED = 200
const HORIZON_KEY = 'horizon'

const Stored = Type.Object({ expires_ms: Type.Number(), final: Type.Optional(Result) })
const StoredHorizon = Type.Object({ horizon_ms: Type.Number() })
const checkStored = checker(Stored)
const checkHorizon = checker(StoredHorizon)

interface Remembered {
  /** By this gateway's own clock. */
  expires_ms: number
  /** Undefined while it is executed. */
  final: Result | undefined
}

export type MemoryAppend = Pick<Append, 'lane' | 'topic' | 'key' | 'payload' | 'joined'>

export class CommandMemory {
  /** By command topic, oldest first. */
  readonly #commands = new Map<string, Remembered>()
  #horizon_ms = Number.NEGATIVE_INFINITY

  has(key: string): boolean {
    return this.#commands.has(key)
  }
  final(key: string): Result | undefined {
    return this.#commands.get(key)?.final
  }
  get size(): number {
    return this.#commands.size
  }
  /** Something that expires then may have been here and be forgotten. */
  isBeyondHorizon(expires_ms: number): boolean {
    return expires_ms <= this.#horizon_ms
  }

  /**
   * @param places how many may be remembered with this one
   * @returns what is to be written, or undefined: there is no room, for nothing else has expired
   */
  begin(key: string, expires_ms: number, places: number, now_ms: number): MemoryAppend[] | undefined {
    const forgotten = this.#forget(places, now_ms)
    if (this.#commands.size >= places) return undefined
    this.#commands.set(key, { expires_ms, final: undefined })
    return [...forgotten, this.#append(key)]
  }

  /**
   * Also of one that was refused before it began; without room such a one is not remembered.
   * @returns what is to be written, the first in the commit of the result itself
   */
  end(key: string, final: Result, now_ms: number): MemoryAppend[] {
    const known = this.#commands.get(key)
    const forgotten = known ? [] : this.#forget(REMEMBERED_MAX, now_ms)
    if (!known && this.#commands.size >= REMEMBERED_MAX) return []
    this.#commands.set(key, { expires_ms: known?.expires_ms ?? now_ms, final })
    return [{ ...this.#append(key), joined: true }, ...forgotten]
  }

  #forget(places: number, now_ms: number): MemoryAppend[] {
    const forgotten: MemoryAppend[] = []
    for (const [old, { expires_ms, final }] of this.#commands) {
      if (this.#commands.size < places) break
      if (!final || expires_ms > now_ms) continue
      this.#commands.delete(old)
      this.#horizon_ms = Math.max(this.#horizon_ms, expires_ms)
      forgotten.push(appendAt(old, new Uint8Array()))
    }
    // What was forgotten is refused from then on, and then it is forgotten.
    return forgotten.length === 0
      ? []
      : [appendAt(HORIZON_KEY, encodeJson({ horizon_ms: this.#horizon_ms })), ...forgotten]
  }

  /** @returns the topics of commands that were being executed */
  restore(entries: readonly Entry[]): string[] {
    for (const { key = '', payload, time_ms } of entries) {
      const json = decodeJson(payload)
      if (key === HORIZON_KEY) {
        const horizon = json.ok ? checkHorizon(json.value) : json
        this.#horizon_ms = horizon.ok ? horizon.value.horizon_ms : time_ms
        continue
      }
      const stored = json.ok ? checkStored(json.value) : json
      // One that cannot be read may have been begun.
      this.#commands.set(key, {
        expires_ms: stored.ok ? stored.value.expires_ms : time_ms,
        final: stored.ok ? stored.value.final : undefined,
      })
    }
    return [...this.#commands].filter(([, { final }]) => final === undefined).map(([key]) => key)
  }

  #append(key: string): MemoryAppend {
    return appendAt(key, encodeJson(this.#commands.get(key)))
  }
}

function appendAt(key: string, payload: Uint8Array): MemoryAppend {
  return { lane: COMMAND_LANE.name, topic: COMMAND_LANE.name, key, payload }
}
