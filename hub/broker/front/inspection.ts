import { type DoubleFilters, findDoubleFilters } from './double-filters.ts'
import type { FrontLimits } from './limits.ts'
import { bytesNeeded, checkBody, checkFirstByte, checkLength, checkTopicLength, TYPE } from './packets.ts'
import { REFUSALS, type Refusal } from './refusal.ts'

/**
 * Reads what a client sends, in whatever pieces it comes, and says how much of it may go on. No I/O, no clock, never throws.
 * A packet that lies whole in its piece is checked in place. Of one in several pieces only what must be judged together is
 * kept (never a message's payload), and its last byte never goes on before it has been judged.
 */

export interface Inspection {
  /** `first`: no CONNECT yet. `waiting`: CONNECT is through, CONNACK is not. `ended`: DISCONNECT is through. */
  phase: 'first' | 'waiting' | 'open' | 'ended'
  refusal: Refusal | undefined
  packets: number
  publishes: number
  /** Packets begun that are no message of QoS 1 to be passed on and kept by nobody: see short-way.ts. */
  others: number
  /** Behind the last packet that became whole in the piece that was inspected last. */
  good: number
  /** First byte of the packet under way, or NONE. */
  header: number
  /** Of its remaining length: value so far, bytes so far, or READ when it is known. */
  length: number
  lengthBytes: number
  /** Bytes of its body still to come. */
  left: number
  /** Its body so far, `kept` bytes, until it can be judged. */
  body: Buffer | undefined
  kept: number
  judged: boolean
  /** Found since somebody last took them. */
  doubles: DoubleFilters[]
}

const NONE = -1
const PUBLISH_QOS1 = 0x32
const DUP = 0x08
const READ = -1
/** §2.2.3 */
const LENGTH_BYTES_MAX = 4
/** The body so far moves to a larger buffer when it must: what is kept grows with what came, not with what was announced. */
const KEPT_BYTES_MIN = 64
const NOTHING = new Uint8Array()

export function newInspection(): Inspection {
  return {
    phase: 'first',
    refusal: undefined,
    packets: 0,
    publishes: 0,
    others: 0,
    good: 0,
    header: NONE,
    length: 0,
    lengthBytes: 0,
    left: 0,
    body: undefined,
    kept: 0,
    judged: false,
    doubles: [],
  }
}

/** In the middle of a packet. */
export function isUnderWay(inspection: Inspection): boolean {
  return inspection.header !== NONE
}

/** The packet that has begun is a PUBLISH of QoS 1 without RETAIN; DUP concerns nobody (MQTT-3.3.1-3). */
export function isPlain({ header }: Inspection): boolean {
  return (header & ~DUP) === PUBLISH_QOS1
}

/**
 * How many bytes of `piece` may go on. Fewer than all: either `refusal` is set and the connection must end, or the phase is
 * `waiting` and the rest is to be shown again when CONNACK is out.
 */
export function inspect(limits: FrontLimits, inspection: Inspection, piece: Uint8Array): number {
  let at = 0
  inspection.good = 0
  while (at < piece.length && inspection.phase !== 'waiting') {
    const end = advance(limits, inspection, piece, at)
    if (inspection.refusal) return inspection.good
    at = end
    if (inspection.header === NONE) inspection.good = at
  }
  return at
}

/** Up to the end of the packet or of the piece; gives the place it came to. */
function advance(limits: FrontLimits, inspection: Inspection, piece: Uint8Array, from: number): number {
  let at = from
  if (inspection.header === NONE) {
    const byte = piece[at++] as number
    inspection.refusal =
      inspection.phase === 'ended' ? REFUSALS.afterDisconnect : checkFirstByte(byte, inspection.phase === 'first')
    if (inspection.refusal) return at
    inspection.header = byte
    if (!isPlain(inspection)) inspection.others++
    inspection.length = 0
    inspection.lengthBytes = 0
  }
  while (inspection.lengthBytes !== READ) {
    if (at === piece.length) return at
    readLength(inspection, piece[at++] as number)
    if (inspection.refusal) return at
    if (inspection.lengthBytes !== READ) continue
    inspection.refusal = checkLength(limits, inspection.header, inspection.length)
    if (inspection.refusal) return at
    inspection.left = inspection.length
    inspection.judged = false
    inspection.kept = 0
  }
  const here = Math.min(inspection.left, piece.length - at)
  if (!inspection.judged) judge(limits, inspection, piece, at, here)
  inspection.left -= here
  if (inspection.left === 0 && !inspection.refusal) finish(inspection)
  return at + here
}

function readLength(inspection: Inspection, byte: number): void {
  inspection.length += (byte & 0x7f) << (7 * inspection.lengthBytes)
  inspection.lengthBytes++
  if (byte < 0x80) inspection.lengthBytes = READ
  else if (inspection.lengthBytes === LENGTH_BYTES_MAX) inspection.refusal = REFUSALS.lengthEncoding
}

/** `here` bytes of the body lie at `at`. Judges it when they, with what was kept, are enough; else keeps them. */
function judge(limits: FrontLimits, inspection: Inspection, piece: Uint8Array, at: number, here: number): void {
  const { header, length } = inspection
  if (inspection.kept === 0 && here >= bytesNeeded(header, length, piece, at, here)) {
    judgeWhole(limits, inspection, piece, at)
    return
  }
  let taken = 0
  while (taken < here) {
    const more = Math.min(needed(inspection) - inspection.kept, here - taken)
    keep(inspection, piece, at + taken, more)
    taken += more
    const body = inspection.body as Buffer
    if (header >> 4 === TYPE.publish && inspection.kept >= 2) {
      inspection.refusal = checkTopicLength(limits, header, length, body, 0)
      if (inspection.refusal) return
    }
    if (inspection.kept < needed(inspection)) continue
    judgeWhole(limits, inspection, body, 0)
    inspection.body = undefined
    return
  }
}

function judgeWhole(limits: FrontLimits, inspection: Inspection, bytes: Uint8Array, at: number): void {
  const { header, length } = inspection
  inspection.refusal = checkBody(limits, header, length, bytes, at)
  inspection.judged = true
  if (header >> 4 !== TYPE.subscribe || inspection.refusal) return
  const doubles = findDoubleFilters(bytes, at, at + length)
  if (doubles) inspection.doubles.push(doubles)
}

function needed({ header, length, body, kept }: Inspection): number {
  return bytesNeeded(header, length, body ?? NOTHING, 0, kept)
}

function keep(inspection: Inspection, piece: Uint8Array, at: number, count: number): void {
  const wanted = inspection.kept + count
  if (!inspection.body || inspection.body.length < wanted) {
    const larger = Buffer.allocUnsafeSlow(Math.max(KEPT_BYTES_MIN, wanted, 2 * (inspection.body?.length ?? 0)))
    inspection.body?.copy(larger, 0, 0, inspection.kept)
    inspection.body = larger
  }
  inspection.body.set(piece.subarray(at, at + count), inspection.kept)
  inspection.kept = wanted
}

function finish(inspection: Inspection): void {
  const type = inspection.header >> 4
  inspection.header = NONE
  inspection.packets++
  if (type === TYPE.publish) inspection.publishes++
  else if (type === TYPE.connect) inspection.phase = 'waiting'
  else if (type === TYPE.disconnect) inspection.phase = 'ended'
}
