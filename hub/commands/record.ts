import { RESULT_STATUSES, Result } from '../contract/command.ts'
import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { Instant } from '../contract/event.ts'
import { checker } from '../contract/schema.ts'
import { Type } from '../contract/type.ts'
import type { Append, CompactedLane, Entry } from '../journal/types.ts'
import { createTrackerState, type Tracked, type TrackerState, TTL_MS_MAX } from './tracker.ts'

/** How the commands stand in the journal: one entry for each id that is remembered, and one for the horizon. */

export const COMMAND_RECORD_LANE: CompactedLane = { name: 'command-record', kind: 'compacted' }
/** Ids have no slash in them. */
const HORIZON_KEY = 'horizon'
const ID_KEY = 'id/'

const StoredCommand = Type.Object({
  id: Type.String(),
  name: Type.String(),
  topic: Type.String(),
  actor: Type.String(),
  expires_ms: Type.Number(),
  deadline_ms: Type.Optional(Type.Number()),
  said: Type.Optional(Type.Object({ status: Type.Enum([...RESULT_STATUSES]), at: Instant })),
  final: Type.Optional(Result),
})
const StoredHorizon = Type.Object({ horizon_ms: Type.Number(), doubtful_ms: Type.Optional(Type.Number()) })
const checkCommand = checker(StoredCommand)
const checkHorizon = checker(StoredHorizon)

type Kept = Pick<Append, 'lane' | 'topic' | 'key' | 'payload'>

export function commandRecord(entry: Tracked): Kept {
  return keptAt(`${ID_KEY}${entry.id}`, encodeJson(entry))
}

export function forgottenRecord(id: string): Kept {
  return keptAt(`${ID_KEY}${id}`, new Uint8Array())
}

export function horizonRecord({ horizon_ms, doubtful_ms }: TrackerState): Kept {
  return keptAt(HORIZON_KEY, encodeJson({ horizon_ms, doubtful_ms }))
}

function keptAt(key: string, payload: Uint8Array): Kept {
  return { lane: COMMAND_RECORD_LANE.name, topic: COMMAND_RECORD_LANE.name, key, payload }
}

/** @returns what stood when the hub was ended, and how many entries cannot be read */
export function restoreTracker(entries: readonly Entry[]): { state: TrackerState; unreadable: number } {
  const state = createTrackerState()
  let unreadable = 0
  for (const { key = '', payload, time_ms } of entries) {
    const json = decodeJson(payload)
    if (key === HORIZON_KEY) {
      const horizon = json.ok ? checkHorizon(json.value) : json
      // Whatever was forgotten had expired when this was written.
      state.horizon_ms = horizon.ok ? horizon.value.horizon_ms : time_ms
      state.doubtful_ms = horizon.ok ? (horizon.value.doubtful_ms ?? 0) : time_ms
      if (!horizon.ok) unreadable += 1
      continue
    }
    const command = json.ok ? checkCommand(json.value) : json
    if (!command.ok) {
      unreadable += 1
      const id = key.slice(ID_KEY.length)
      state.commands.set(id, blocked(id, time_ms))
    } else {
      const { deadline_ms, said, final, ...rest } = command.value
      state.commands.set(rest.id, { ...rest, deadline_ms, said, final })
    }
  }
  return { state, unreadable }
}

/** Nobody knows any more what it was: whatever comes under this id is not carried out. */
function blocked(id: string, time_ms: number): Tracked {
  const at = new Date(time_ms).toISOString()
  const final: Result = { id, name: '', status: 'failed', code: 'RESULT_UNKNOWN', at }
  return {
    id,
    name: '',
    topic: '',
    actor: '',
    expires_ms: time_ms + TTL_MS_MAX,
    deadline_ms: undefined,
    said: undefined,
    final,
  }
}
