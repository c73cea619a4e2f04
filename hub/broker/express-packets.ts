/** Where MQTT 3.1.1 packets end in a run of bytes that the front has judged, and what a PUBLISH of QoS 1 holds. */

/** First byte of PUBLISH with QoS 1; RETAIN and DUP may be either (§3.3.1). */
const PUBLISH_QOS1 = 0x32
const RETAIN = 0x01
const DUP = 0x08
/** §2.2.3: at most this many bytes of seven bits each. */
const LENGTH_BYTES_MAX = 4

/** Behind the last whole packet, and whether any of the whole ones is something else than a PUBLISH of QoS 1. */
export function wholePackets(bytes: Uint8Array): { end: number; isMixed: boolean } {
  let isMixed = false
  let end = 0
  for (let next = packetEnd(bytes, end); next !== undefined; next = packetEnd(bytes, end)) {
    isMixed ||= ((bytes[end] ?? 0) & ~(RETAIN | DUP)) !== PUBLISH_QOS1
    end = next
  }
  return { end, isMixed }
}

/** Behind the packet that starts at `at`; undefined while it is not whole. */
export function packetEnd(bytes: Uint8Array, at: number): number | undefined {
  const body = bodyAt(bytes, at)
  if (body === undefined) return undefined
  const end = body + lengthAt(bytes, at)
  return end > bytes.length ? undefined : end
}

/** Of a whole one. The payload is a view into `bytes`. */
export function readPublish(
  bytes: Buffer,
  at: number,
  end: number,
): { topic: string; id: number; payload: Buffer; retain: boolean } {
  const body = bodyAt(bytes, at) ?? end
  const topicEnd = body + 2 + bytes.readUInt16BE(body)
  return {
    topic: bytes.toString('utf8', body + 2, topicEnd),
    id: bytes.readUInt16BE(topicEnd),
    payload: bytes.subarray(topicEnd + 2, end),
    retain: ((bytes[at] ?? 0) & RETAIN) !== 0,
  }
}

/** Behind the fixed header; undefined while that is not whole. */
function bodyAt(bytes: Uint8Array, at: number): number | undefined {
  for (let digit = 1; digit <= LENGTH_BYTES_MAX; digit += 1) {
    const byte = bytes[at + digit]
    if (byte === undefined) return undefined
    if (byte < 0x80) return at + 1 + digit
  }
  return undefined
}

function lengthAt(bytes: Uint8Array, at: number): number {
  let length = 0
  for (let digit = 0; digit < LENGTH_BYTES_MAX; digit += 1) {
    const byte = bytes[at + 1 + digit] ?? 0
    length |= (byte & 0x7f) << (7 * digit)
    if (byte < 0x80) break
  }
  return length
}
