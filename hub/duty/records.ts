import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import type { Static, TSchema } from '../contract/type.ts'
import type { CompactedLane, Log } from '../journal/types.ts'

/** What people at the desk keep: the plan of the site and the sheets of their shifts. In the journal, so that it is backed up with it. */

export const DUTY_LANE: CompactedLane = { name: 'duty', kind: 'compacted' }

export interface Records {
  /** Keys that begin so, in order of the keys. */
  keys(prefix: string): string[]
  get(key: string): Uint8Array | undefined
  /** Resolves when it is on disk. @throws {LinliError} DUTY_UNKEPT */
  put(key: string, payload: Uint8Array): Promise<void>
}

export async function openRecords(deps: { log: Pick<Log, 'append' | 'list'>; now_ms: () => number }): Promise<Records> {
  const held = new Map<string, Uint8Array>()
  for (const { key, payload } of await deps.log.list(DUTY_LANE.name)) if (key !== undefined) held.set(key, payload)

  return {
    keys: (prefix) => [...held.keys()].filter((key) => key.startsWith(prefix)).sort(),
    get: (key) => held.get(key),
    async put(key, payload) {
      const append = { lane: DUTY_LANE.name, topic: DUTY_LANE.name, key, payload, time_ms: deps.now_ms() }
      await deps.log.append(append).catch((error: unknown) => {
        const message = `the hub could not write it to its disk (${reasonOf(error)}): nothing was changed, try again`
        throw new LinliError('DUTY_UNKEPT', message, { kind: 'fault', cause: error })
      })
      if (payload.length === 0) held.delete(key)
      else held.set(key, payload)
    },
  }
}

/** A value of one schema, as JSON in one record. */
export function jsonRecord<S extends TSchema>(records: Records, schema: S) {
  const check = checker(schema)
  return {
    get(key: string): Static<S> | undefined {
      const payload = records.get(key)
      if (!payload) return undefined
      const decoded = decodeJson(payload)
      const checked = decoded.ok ? check(decoded.value) : decoded
      return checked.ok ? checked.value : undefined
    },
    put: (key: string, value: Static<S>) => records.put(key, encodeJson(value)),
  }
}
