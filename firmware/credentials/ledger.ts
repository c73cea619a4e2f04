import { decodeJson } from '../../hub/contract/decode.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { LinliError } from '../../hub/contract/errors.ts'
import { checker } from '../../hub/contract/schema.ts'
import { Type } from '../../hub/contract/type.ts'
import type { CompactedLane, Log } from '../../hub/journal/types.ts'
import type { Remembered } from './decide.ts'

/**
 * What is remembered of credentials: uses of visitors and where somebody went last. In memory at once, and in a lane of
 * the gateway's durable log, one entry for each credential of which there is anything to remember.
 */
export interface Ledger {
  get(id: string): Remembered | undefined
  /**
   * Holds at once.
   * @param remembered undefined forgets
   * @returns true when it is on disk; false when that failed: it is tried again with the next one. Never rejects.
   */
  set(id: string, remembered: Remembered | undefined): Promise<boolean>
  /** As `set` for many: all hold at once, and are written a few at a time. */
  setMany(changes: ReadonlyArray<[id: string, remembered: Remembered | undefined]>): Promise<boolean>
  ids(): string[]
}

/** Writes of many under way at once, and failed ones tried again with each new one: less than the log lets wait. */
const TOGETHER_MAX = 256

export const CREDENTIAL_USE_LANE: CompactedLane = { name: 'credential-use', kind: 'compacted' }

const check = checker(
  Type.Object({
    uses: Type.Integer({ minimum: 0 }),
    first_s: Type.Optional(Type.Integer({ minimum: 0 })),
    areas: Type.Record(Type.String(), Type.Enum(['in', 'out'])),
  }),
)

export interface LedgerDeps {
  /** Has the lane CREDENTIAL_USE_LANE. */
  log: Pick<Log, 'append' | 'list'>
  onFault(fault: LinliError): void
}

/** Rejects as the log does when it cannot be read. */
export async function createLedger(deps: LedgerDeps): Promise<Ledger> {
  const { log, onFault } = deps
  const all = new Map<string, Remembered>()
  /** Not on disk although it should be. */
  const unsaved = new Set<string>()
  let isFailing = false
  for (const { key, payload } of await log.list(CREDENTIAL_USE_LANE.name)) {
    const json = decodeJson(payload)
    const remembered = json.ok ? check(json.value) : json
    if (key !== undefined && remembered.ok) all.set(key, remembered.value as Remembered)
    else
      onFault(
        new LinliError('CREDENTIALS_DAMAGED', `what was remembered of the credential ${key} is not readable`, {
          kind: 'fault',
        }),
      )
  }

  async function save(id: string): Promise<boolean> {
    const remembered = all.get(id)
    unsaved.delete(id)
    try {
      await log.append({
        lane: CREDENTIAL_USE_LANE.name,
        topic: CREDENTIAL_USE_LANE.name,
        key: id,
        payload: remembered ? encodeJson(remembered) : new Uint8Array(),
        time_ms: Date.now(),
      })
      isFailing = false
      return true
    } catch (error) {
      if (!isFailing) onFault(error as LinliError)
      isFailing = true
      unsaved.add(id)
      return false
    }
  }

  /** @returns whether there is anything to write */
  function hold(id: string, remembered: Remembered | undefined): boolean {
    if (!remembered) return all.delete(id) || unsaved.has(id)
    all.set(id, remembered)
    return true
  }

  async function saveAll(ids: readonly string[]): Promise<boolean> {
    let isSaved = true
    for (let at = 0; at < ids.length; at += TOGETHER_MAX) {
      const saved = await Promise.all(ids.slice(at, at + TOGETHER_MAX).map(save))
      isSaved &&= saved.every(Boolean)
    }
    return isSaved
  }

  return {
    get: (id) => all.get(id),
    set(id, remembered) {
      if (!hold(id, remembered)) return Promise.resolve(true)
      const again = [...unsaved].filter((one) => one !== id).slice(0, TOGETHER_MAX)
      const saved = save(id)
      for (const one of again) void save(one)
      return saved
    },
    setMany: (changes) => saveAll(changes.filter(([id, remembered]) => hold(id, remembered)).map(([id]) => id)),
    ids: () => [...all.keys()],
  }
}
