import { decodeJson } from '../../contract/decode.ts'
import { encodeJson } from '../../contract/encode.ts'
import { type Checker, checker } from '../../contract/schema.ts'
import { type Static, Type } from '../../contract/type.ts'

/** What stands on disk of sessions and wills. Keys of the `session` lane: `session/{n}`, `progress/{n}`, `incoming/{n}`, `will/{client id}`. */

const Qos = Type.Enum([0, 1, 2])
const Count = Type.Integer({ minimum: 0 })
const PacketIds = Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }))

export const StoredSession = Type.Object({
  n: Type.Integer({ minimum: 1 }),
  id: Type.String(),
  /** The account it belongs to: another one does not get it. */
  owner: Type.String(),
  connected: Type.Boolean(),
  /** When it was connected last, milliseconds since 1970. */
  seen_ms: Type.Number(),
  /** Filter and granted QoS. */
  subscriptions: Type.Array(Type.Tuple([Type.String(), Qos])),
})
export type StoredSession = Static<typeof StoredSession>

const StoredPlace = Type.Object({ floor: Count, open: Type.Array(Count), sent_to: Count })
const StoredProgress = Type.Object({
  ordinal: Count,
  released: PacketIds,
  alarm: StoredPlace,
  state: StoredPlace,
  telemetry: StoredPlace,
})
export type StoredProgress = Static<typeof StoredProgress>

/** A principal as `hub/auth/access.ts` has it. */
const StoredPrincipal = Type.Object({
  role: Type.Enum(['gateway', 'camera', 'platform', 'home-assistant', 'dev']),
  name: Type.String(),
  site: Type.Optional(Type.Object({ street: Type.String(), community: Type.String(), estate: Type.String() })),
  gateway: Type.Optional(Type.String()),
  camera: Type.Optional(Type.String()),
})
const StoredWill = Type.Object({
  topic: Type.String(),
  /** Base64. */
  payload: Type.String(),
  qos: Qos,
  retain: Type.Boolean(),
  principal: StoredPrincipal,
})
export type StoredWill = Static<typeof StoredWill>

export const RECORDS = {
  session: checker(StoredSession),
  progress: checker(StoredProgress),
  incoming: checker(PacketIds),
  will: checker(StoredWill),
}

/** A record of ours, or undefined when it is not one. */
export function decodeRecord<T>(check: Checker<T>, payload: Uint8Array): T | undefined {
  const json = decodeJson(payload)
  const checked = json.ok ? check(json.value) : json
  return checked.ok ? checked.value : undefined
}

export const encodeRecord = (value: unknown): Uint8Array => (value === undefined ? new Uint8Array() : encodeJson(value))

/** Whom a message on disk is for. */
export interface Target {
  /** Number of the session. */
  session: number
  ordinal: number
  qos: 1 | 2
}

/** Version, flags, number of targets (2 bytes); then 9 bytes for each target, then the payload. */
const HEAD_BYTES = 4
const TARGET_BYTES = 9
const VERSION = 1
const RETAIN = 1

export function encodeMessage(targets: readonly Target[], retain: boolean, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + targets.length * TARGET_BYTES + payload.length)
  bytes[0] = VERSION
  bytes[1] = retain ? RETAIN : 0
  bytes.writeUInt16BE(targets.length, 2)
  targets.forEach(({ session, ordinal, qos }, index) => {
    const at = HEAD_BYTES + index * TARGET_BYTES
    bytes.writeUInt32BE(session, at)
    bytes.writeUInt32BE(ordinal % 2 ** 32, at + 4)
    bytes[at + 8] = qos
  })
  bytes.set(payload, HEAD_BYTES + targets.length * TARGET_BYTES)
  return bytes
}

/** Undefined when the bytes are not ours; the payload is a copy. */
export function decodeMessage(
  entry: Uint8Array,
): { targets: Target[]; retain: boolean; payload: Uint8Array } | undefined {
  const bytes = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength)
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return undefined
  const count = bytes.readUInt16BE(2)
  const head = HEAD_BYTES + count * TARGET_BYTES
  if (bytes.length < head) return undefined
  const targets: Target[] = []
  for (let at = HEAD_BYTES; at < head; at += TARGET_BYTES) {
    const qos = bytes[at + 8] === 2 ? 2 : 1
    targets.push({ session: bytes.readUInt32BE(at), ordinal: bytes.readUInt32BE(at + 4), qos })
  }
  return { targets, retain: bytes[1] === RETAIN, payload: Buffer.from(bytes.subarray(head)) }
}
