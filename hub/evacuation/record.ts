import { Actor, RESULT_STATUSES } from '../contract/command.ts'
import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { ESTATE_CODES } from '../contract/hub.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import type { Append, CompactedLane, Entry } from '../journal/types.ts'
import {
  createEvacuationState,
  type EvacuationState,
  type GateProgress,
  isDelivered,
  notAsked,
  type Round,
} from './machine.ts'

/** How the evacuation stands in the journal: the order, and beside it each gate that has it. Outlives any restart. */

export const EVACUATION_LANE: CompactedLane = { name: 'evacuation', kind: 'compacted' }
const ORDER_KEY = 'order'

const Name = Type.Enum(['release-all', 'end-release'])
const StoredRound = Type.Object({
  id: Type.String(),
  name: Name,
  actor: Actor,
  reason: Type.Optional(Type.String()),
  begun_ms: Type.Number(),
  isAnswered: Type.Boolean(),
  isDoubtful: Type.Optional(Type.Boolean()),
})
const StoredOrder = Type.Object({
  release: Type.Optional(StoredRound),
  ending: Type.Optional(StoredRound),
  answered: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Name,
      status: Type.Enum([...RESULT_STATUSES]),
      code: Type.Optional(Type.Enum(Object.keys(ESTATE_CODES) as Array<keyof typeof ESTATE_CODES>)),
      data: Type.Optional(Type.Unknown()),
    }),
  ),
})
const StoredGate = Type.Object({
  order: Type.String(),
  attempt: Type.Integer({ minimum: 1 }),
  isDone: Type.Boolean(),
  code: Type.Optional(Type.String()),
})
const checkOrder = checker(StoredOrder)
const checkGate = checker(StoredGate)

type Record = Pick<Append, 'lane' | 'topic' | 'key' | 'payload'>

function record(key: string, value: unknown): Record {
  return { lane: EVACUATION_LANE.name, topic: EVACUATION_LANE.name, key, payload: encodeJson(value) }
}

export function orderRecord({ release, ending, answered }: EvacuationState): Record {
  const value: Static<typeof StoredOrder> = {
    ...(release ? { release: storedRound(release) } : {}),
    ...(ending ? { ending: storedRound(ending) } : {}),
    answered,
  }
  return record(ORDER_KEY, value)
}

function storedRound({ id, name, actor, reason, begun_ms, isAnswered, isDoubtful }: Round): Static<typeof StoredRound> {
  return {
    id,
    name,
    actor: actor as Static<typeof Actor>,
    ...(reason === undefined ? {} : { reason }),
    begun_ms,
    isAnswered,
    ...(isDoubtful ? { isDoubtful } : {}),
  }
}

export function gateRecord(order: string, gate: string, { attempt, isDone, code }: GateProgress): Record {
  const value: Static<typeof StoredGate> = { order, attempt, isDone, ...(code === undefined ? {} : { code }) }
  return record(`gate/${gate}`, value)
}

/**
 * What holds after a restart.
 * @param gates all that the hub knows; those without a record of this order have still to get it
 */
export function restoreEvacuation(
  entries: readonly Entry[],
  gates: readonly string[],
  now_ms: number,
): { state: EvacuationState; isReadable: boolean } {
  const state = createEvacuationState()
  const stored = entries.find(({ key }) => key === ORDER_KEY)
  if (!stored) return { state, isReadable: true }
  const json = decodeJson(stored.payload)
  const order = json.ok ? checkOrder(json.value) : json
  if (!order.ok) return { state, isReadable: false }
  const { release, ending, answered } = order.value
  state.answered = answered as EvacuationState['answered']
  if (release) state.release = restoredRound(release, progressIn(entries, release.id, gates), now_ms)
  if (ending) state.ending = restoredRound(ending, new Map(), now_ms)
  return { state, isReadable: true }
}

function restoredRound(
  { reason, ...stored }: Static<typeof StoredRound>,
  gates: Map<string, GateProgress>,
  now_ms: number,
): Round {
  return { ...stored, reason, asking_ms: now_ms, gates }
}

function progressIn(entries: readonly Entry[], order: string, gates: readonly string[]): Map<string, GateProgress> {
  const found = new Map(gates.map((gate): [string, GateProgress] => [gate, notAsked()]))
  for (const { key = '', payload } of entries) {
    const json = decodeJson(payload)
    const gate = key.startsWith('gate/') && json.ok ? checkGate(json.value) : undefined
    if (!gate?.ok || gate.value.order !== order) continue
    const { attempt, isDone, code } = gate.value
    const progress = { attempt, sentAt_ms: undefined, isDone, code }
    if (isDelivered(progress)) found.set(key.slice('gate/'.length), progress)
  }
  return found
}
