import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { LinliError } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import type { CompactedLane, Entry, Log } from '../journal/types.ts'

/** Messages that an upstream could not take, out of the way of all others and in the journal until somebody decides. */

export const DEAD_LETTER_LANE: CompactedLane = { name: 'dead-letter', kind: 'compacted' }
/** Of all upstreams together; past it the oldest is dropped, and counted. One can have 64 kB. */
export const DEAD_LETTERS_MAX = 1_000

const Stored = Type.Object({
  upstream: Type.String(),
  lane: Type.String(),
  position: Type.Integer({ minimum: 1 }),
  topic: Type.String(),
  /** Base64: it may be anything. */
  payload: Type.String(),
  /** When it came to the hub, and when it was given up; epoch ms. */
  time_ms: Type.Number(),
  at_ms: Type.Number(),
  tries: Type.Integer({ minimum: 1 }),
  reason: Type.String(),
})
const check = checker(Stored)

export type DeadLetter = Omit<Static<typeof Stored>, 'payload'> & { id: string; bytes: number }
export type WholeDeadLetter = DeadLetter & { payload: Uint8Array }

export interface DeadLetters {
  has(upstream: string, entry: Pick<Entry, 'lane' | 'position'>): boolean
  /** Resolves when it is on disk. */
  add(upstream: string, entry: Entry, why: { tries: number; reason: string }): Promise<void>
  list(): DeadLetter[]
  /** Rejects DEAD_LETTER_UNKNOWN. */
  get(id: string): Promise<WholeDeadLetter>
  /** Rejects DEAD_LETTER_UNKNOWN. */
  remove(id: string): Promise<void>
  count(upstream: string): number
  /** Dropped because the list was full, since start. */
  dropped(): number
}

export async function openDeadLetters(
  deps: { log: Pick<Log, 'append' | 'list'>; now_ms: () => number; onChange: () => void },
  config: { letters_max: number } = { letters_max: DEAD_LETTERS_MAX },
): Promise<DeadLetters> {
  const { log } = deps
  /** Oldest first, without their payloads. */
  const letters = new Map<string, DeadLetter>()
  let dropped = 0
  for (const entry of await log.list(DEAD_LETTER_LANE.name)) {
    const whole = decoded(entry)
    if (whole) letters.set(whole.id, withoutPayload(whole))
  }

  async function write(id: string, payload: Uint8Array): Promise<void> {
    await log.append({
      lane: DEAD_LETTER_LANE.name,
      topic: DEAD_LETTER_LANE.name,
      key: id,
      payload,
      time_ms: deps.now_ms(),
    })
  }

  async function remove(id: string): Promise<void> {
    known(id)
    await write(id, new Uint8Array())
    letters.delete(id)
    deps.onChange()
  }

  function known(id: string): DeadLetter {
    const letter = letters.get(id)
    if (!letter) throw new LinliError('DEAD_LETTER_UNKNOWN', `there is no dead letter ${id}`, { kind: 'caller' })
    return letter
  }

  return {
    has: (upstream, entry) => letters.size > 0 && letters.has(idOf(upstream, entry)),
    async add(upstream, entry, { tries, reason }) {
      const { lane, position, topic, time_ms, payload } = entry
      const letter = { upstream, lane, position, topic, time_ms, at_ms: deps.now_ms(), tries, reason }
      const id = idOf(upstream, entry)
      await write(id, encodeJson({ ...letter, payload: Buffer.from(payload).toString('base64') }))
      letters.delete(id)
      letters.set(id, { ...letter, id, bytes: payload.length })
      for (const [oldest] of letters) {
        if (letters.size <= config.letters_max) break
        dropped += 1
        await remove(oldest)
      }
      deps.onChange()
    },
    list: () => [...letters.values()],
    async get(id) {
      known(id)
      const whole = (await log.list(DEAD_LETTER_LANE.name)).map(decoded).find((one) => one?.id === id)
      if (!whole)
        throw new LinliError('DEAD_LETTER_UNKNOWN', `the dead letter ${id} is not readable`, { kind: 'fault' })
      return whole
    },
    remove,
    count: (upstream) => [...letters.values()].filter((one) => one.upstream === upstream).length,
    dropped: () => dropped,
  }
}

function idOf(upstream: string, { lane, position }: Pick<Entry, 'lane' | 'position'>): string {
  return `${upstream}/${lane}/${position}`
}

function decoded(entry: Entry): WholeDeadLetter | undefined {
  const json = decodeJson(entry.payload)
  const checked = json.ok ? check(json.value) : json
  if (!checked.ok) return undefined
  const { payload, ...rest } = checked.value
  const bytes = Buffer.from(payload, 'base64')
  return { ...rest, id: idOf(rest.upstream, rest), payload: bytes, bytes: bytes.length }
}

function withoutPayload({ payload: _, ...letter }: WholeDeadLetter): DeadLetter {
  return letter
}
