import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { INCIDENT_KINDS, INCIDENT_STATUSES } from '../contract/incident.ts'
import { checker } from '../contract/schema.ts'
import { Type } from '../contract/type.ts'
import type { Append, CompactedLane, Entry } from '../journal/types.ts'
import type { Checkpoint } from './running-time.ts'
import type { Incident, StoryEntry } from './types.ts'

/**
 * Incidents in the journal, until the archive has them: what holds of each, beside it its story in pieces, and the room's own
 * record, which has the place up to where events were taken. All that one batch changes is one commit, with what is told.
 */

export const INCIDENT_LANE: CompactedLane = { name: 'incidents', kind: 'compacted' }
const ROOM_KEY = 'room'
const HEAD = 'head/'
const STORY = 'story/'

/** What the room knows beside its incidents. */
export interface RoomRecord {
  /** When this journal began to have incidents, and how often the hub was started since: together they name a run. */
  created_ms: number
  boots: number
  /** Events up to here (position in the alarm lane) have become incidents, or raise none. */
  position: number
  /** The newest incident. */
  number: number
  time: Checkpoint
}

export interface Live {
  incident: Incident
  story: StoryEntry[]
  /** Keys of the pieces of its story. */
  pieces: string[]
}

const Moment = { run_ms: Type.Number(), wall_ms: Type.Number(), quality: Type.String() }
const checkRoom = checker(
  Type.Object({
    created_ms: Type.Number(),
    boots: Type.Integer(),
    position: Type.Integer(),
    number: Type.Integer(),
    time: Type.Object({ ...Moment, boot: Type.String(), monotonic_ms: Type.Number() }),
  }),
)
const checkHead = checker(
  Type.Object({
    id: Type.String(),
    number: Type.Integer(),
    status: Type.Enum([...INCIDENT_STATUSES]),
    kind: Type.Enum([...INCIDENT_KINDS]),
    raised: Type.Object(Moment),
    reached: Type.Object({}),
    clocks: Type.Object({}),
    entries: Type.Integer(),
  }),
)
const checkPiece = checker(Type.Array(Type.Object({ what: Type.String(), actor: Type.String(), ...Moment })))

type Kept = Pick<Append, 'lane' | 'topic' | 'key' | 'payload'>

function kept(key: string, value: unknown): Kept {
  const payload = value === undefined ? new Uint8Array() : encodeJson(value)
  return { lane: INCIDENT_LANE.name, topic: INCIDENT_LANE.name, key, payload }
}

export const roomRecord = (room: RoomRecord): Kept => kept(ROOM_KEY, room)
export const headRecord = (incident: Incident): Kept => kept(`${HEAD}${incident.id}`, incident)

/** @param from how many entries stand before these */
export function pieceRecord(id: string, from: number, story: readonly StoryEntry[]): Kept & { key: string } {
  const key = `${STORY}${id}/${String(from).padStart(6, '0')}`
  return { ...kept(key, story), key }
}

export function forgottenRecords({ incident, pieces }: Live): Kept[] {
  return [kept(`${HEAD}${incident.id}`, undefined), ...pieces.map((key) => kept(key, undefined))]
}

/** What stood when the hub was ended, and how many entries cannot be read. */
export function restoreRoom(entries: readonly Entry[]): {
  room: RoomRecord | undefined
  live: Live[]
  unreadable: number
} {
  const live = new Map<string, Live>()
  let room: RoomRecord | undefined
  let unreadable = 0
  const pieces: Array<{ key: string; id: string; story: StoryEntry[] }> = []
  for (const { key = '', payload } of entries) {
    const json = decodeJson(payload)
    const check = key === ROOM_KEY ? checkRoom : key.startsWith(HEAD) ? checkHead : checkPiece
    const checked = json.ok ? check(json.value) : json
    if (!checked.ok) unreadable += 1
    else if (key === ROOM_KEY) room = checked.value as unknown as RoomRecord
    else if (key.startsWith(HEAD)) {
      const incident = checked.value as unknown as Incident
      live.set(incident.id, { incident, story: [], pieces: [] })
    } else pieces.push({ key, id: key.split('/')[1] ?? '', story: checked.value as unknown as StoryEntry[] })
  }
  for (const { key, id, story } of pieces.sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const one = live.get(id)
    one?.story.push(...story)
    one?.pieces.push(key)
  }
  return { room, live: [...live.values()], unreadable }
}

/** The highest number that was given out, as far as anybody knows. */
export function newestOf(live: readonly Live[], room: RoomRecord | undefined, archived: number): number {
  return Math.max(0, archived, room?.number ?? 0, ...live.map(({ incident }) => incident.number))
}
