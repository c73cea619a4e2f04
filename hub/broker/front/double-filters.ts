/**
 * MQTT-3.8.4-5: a SUBACK has a return code for each filter of its SUBSCRIBE. Aedes takes a filter that is named twice for one
 * (which MQTT-3.8.4-3 and -4 permit: the later one counts) and answers with one code too few; the others are put in here, on
 * the way out.
 */

/** A SUBSCRIBE that names a filter more than once. */
export interface DoubleFilters {
  packetId: number
  /** For each filter the place of its first mention among the different ones, and the QoS that is asked for. */
  asked: Array<{ place: number; qos: number }>
}

const SUBACK = 0x90
const FAILURE = 0x80
/** SUBSCRIBEs of one connection that wait for their SUBACK; Aedes answers them in turn. */
const WAITING_MAX = 64

const uint16 = (bytes: Uint8Array, at: number) => ((bytes[at] as number) << 8) | (bytes[at + 1] as number)

/** @param bytes the body of a right SUBSCRIBE */
export function findDoubleFilters(bytes: Uint8Array, from: number, to: number): DoubleFilters | undefined {
  const places = new Map<string, number>()
  const asked: DoubleFilters['asked'] = []
  for (let at = from + 2; at < to; ) {
    const end = at + 2 + uint16(bytes, at)
    const filter = Buffer.from(bytes.subarray(at + 2, end)).toString('latin1')
    const place = places.get(filter) ?? places.size
    places.set(filter, place)
    asked.push({ place, qos: bytes[end] as number })
    at = end + 1
  }
  return places.size === asked.length ? undefined : { packetId: uint16(bytes, from), asked }
}

type Write = (chunk: Uint8Array | string) => boolean

export interface SubackMender {
  /** False: too many of them wait. */
  expect(doubles: DoubleFilters): boolean
  /** Between the broker and the socket; a packet is written whole, in pieces of one turn. */
  write(chunk: Uint8Array | string, original: Write): boolean
}

export function createSubackMender(): SubackMender {
  const waiting: DoubleFilters[] = []
  let pieces: Uint8Array[] = []
  return {
    expect(doubles) {
      if (waiting.length >= WAITING_MAX) return false
      waiting.push(doubles)
      return true
    },
    write(chunk, original) {
      if (waiting.length === 0 && pieces.length === 0) return original(chunk)
      pieces.push(Buffer.from(chunk as string))
      const bytes = Buffer.concat(pieces)
      const whole = packetLength(bytes)
      if (whole === undefined || bytes.length < whole) return true
      pieces = []
      const body = whole - bodyOf(bytes)
      const at = bytes[0] === SUBACK ? waiting.findIndex(({ packetId }) => packetId === uint16(bytes, body)) : -1
      const doubles = waiting[at]
      if (!doubles) return original(bytes)
      waiting.splice(at, 1)
      return original(suback(doubles, bytes.subarray(body + 2, whole)))
    },
  }
}

/** §2.2.3; undefined while the length is not there. */
function remaining(bytes: Uint8Array): { length: number; at: number } | undefined {
  let length = 0
  for (let at = 1; at < bytes.length; at++) {
    length += ((bytes[at] as number) & 0x7f) << (7 * (at - 1))
    if ((bytes[at] as number) < 0x80) return { length, at: at + 1 }
  }
  return undefined
}

function packetLength(bytes: Uint8Array): number | undefined {
  const found = remaining(bytes)
  return found && found.at + found.length
}

function bodyOf(bytes: Uint8Array): number {
  return remaining(bytes)?.length ?? 0
}

/** What was granted is what was asked for, or nothing. */
function suback({ packetId, asked }: DoubleFilters, codes: Uint8Array): Buffer {
  const all = asked.map(({ place, qos }) => (codes[place] === FAILURE ? FAILURE : qos))
  const length = all.length + 2
  const digits: number[] = []
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    digits.push(rest < 128 ? rest : (rest % 128) + 128)
    if (rest < 128) break
  }
  return Buffer.from([SUBACK, ...digits, packetId >> 8, packetId & 0xff, ...all])
}
