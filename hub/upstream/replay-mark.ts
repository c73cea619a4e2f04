import { encodeJson } from '../contract/encode.ts'

/**
 * An event that waited at least this long for the link is no longer live: it is marked, so that a platform does not
 * sound a siren for yesterday's press. A reconnect within this time goes unmarked.
 */
export const REPLAYED_AFTER_MS = 2_000

/** The payload of a journaled event with `replayed: true`; anything that is not a JSON object passes unchanged. */
export function markReplayed(payload: Uint8Array): Uint8Array {
  try {
    const event: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
    if (typeof event !== 'object' || event === null || Array.isArray(event)) return payload
    return encodeJson({ ...event, replayed: true })
  } catch {
    return payload
  }
}
