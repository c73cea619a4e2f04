import { encodeJson } from './encode.ts'

/**
 * An event that waited at least this long for a link is no longer live: whoever sends it on marks it `replayed`, so that
 * no siren sounds for yesterday's press. A press during a short reconnect stays live, ms.
 */
export const REPLAYED_AFTER_MS = 2_000

/** How every event of `makeEvent` begins: then this field is the envelope's own. */
const EVENT_BEGINS = Buffer.from('{"specversion":')
const BRACE = '}'.charCodeAt(0)
const MARK = Buffer.from(',"replayed":true}')

/** The payload of an event with `replayed: true`; what is no event (a result, a state) passes unchanged. */
export function markReplayed(payload: Uint8Array): Uint8Array {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  // Nearly all of a backlog, at a tenth of what parsing it costs.
  const isPlain = bytes.at(-1) === BRACE && EVENT_BEGINS.equals(bytes.subarray(0, EVENT_BEGINS.length))
  if (isPlain && !bytes.includes('"replayed"')) return Buffer.concat([bytes.subarray(0, -1), MARK])
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof value !== 'object' || value === null || !('specversion' in value)) return payload
    return encodeJson({ ...value, replayed: true })
  } catch {
    return payload
  }
}

/**
 * What goes out for an entry of a log: marked when it waited through an outage.
 * @param waited it was there before the link came up
 * @param age_ms wall-clock time since it was written; a clock that was set back makes it young, never old
 */
export function payloadToSend(payload: Uint8Array, waited: boolean, age_ms: number): Uint8Array {
  return waited && age_ms >= REPLAYED_AFTER_MS ? markReplayed(payload) : payload
}
