import { checksum, crc16 } from './crc16.ts'

/**
 * The frame of OSDP v2 (SIA OSDP v2; IEC 60839-11-5):
 * `[FF] 53 address length16LE control [security block] code data [MAC 4] check`. The FF only wakes the line: neither
 * the length nor the check covers it.
 */

export const MARK = 0xff
const START = 0x53
const REPLY = 0x80
export const BROADCAST = 0x7f

/** Control byte: sequence in bits 0–1, CRC instead of checksum in bit 2, security block present in bit 3. */
const SEQUENCE_MASK = 0x03
const CRC = 0x04
const SECURITY = 0x08

const HEADER_BYTES = 5
export const MAC_BYTES = 4
/** The longest frame the standard knows. */
export const FRAME_BYTES_MAX = 1440

/** Security block types (Annex D): 11–14 set the channel up, 15–18 carry a MAC, 17 and 18 encrypted data too. */
export const Scs = {
  challenge: 0x11,
  challengeReply: 0x12,
  cryptogram: 0x13,
  cryptogramReply: 0x14,
  commandMac: 0x15,
  replyMac: 0x16,
  commandEncrypted: 0x17,
  replyEncrypted: 0x18,
} as const
const hasMac = (type: number | undefined) => type !== undefined && type >= Scs.commandMac && type <= Scs.replyEncrypted

export interface SecurityBlock {
  type: number
  /** What follows the type; the key number in 11–13, the result in 14. */
  data: Uint8Array
}

export type Check = 'crc' | 'checksum'

export interface FrameHead {
  /** 0–126, or 127 for every reader. */
  address: number
  /** Reader → controller. */
  reply: boolean
  /** 0 restarts a session, then 1, 2, 3, 1, … */
  sequence: number
  check: Check
  security?: SecurityBlock
  code: number
  data: Uint8Array
}

export interface Frame extends FrameHead {
  /** Present when the security block says so. */
  mac?: Uint8Array
  /** Everything that the MAC covers: from the start byte to the end of the data. */
  covered: Uint8Array
}

/** @param mac computes the MAC of the covered bytes; called only for security blocks 15–18 */
export function encodeFrame(head: FrameHead, mac?: (covered: Uint8Array) => Uint8Array): Uint8Array {
  const { security } = head
  const block = security ? [security.data.length + 2, security.type, ...security.data] : []
  const macBytes = hasMac(security?.type) ? MAC_BYTES : 0
  const checkBytes = head.check === 'crc' ? 2 : 1
  const coveredBytes = HEADER_BYTES + block.length + 1 + head.data.length
  const length = coveredBytes + macBytes + checkBytes
  const frame = new Uint8Array(1 + length)
  frame[0] = MARK
  const body = frame.subarray(1)
  const control = (head.sequence & SEQUENCE_MASK) | (head.check === 'crc' ? CRC : 0) | (security ? SECURITY : 0)
  body.set([START, head.address | (head.reply ? REPLY : 0), length & 0xff, length >> 8, control, ...block, head.code])
  body.set(head.data, coveredBytes - head.data.length)
  if (macBytes > 0 && mac) body.set(mac(body.subarray(0, coveredBytes)).subarray(0, MAC_BYTES), coveredBytes)
  const checked = body.subarray(0, length - checkBytes)
  if (head.check === 'crc') {
    const crc = crc16(checked)
    body.set([crc & 0xff, crc >> 8], length - 2)
  } else body[length - 1] = checksum(checked)
  return frame
}

/** Why bytes are no frame: the check is wrong, or the fields contradict the length. */
export type FrameFault = 'check' | 'layout'
export type Parsed = { ok: true; frame: Frame } | { ok: false; fault: FrameFault; address: number }

export interface FrameParser {
  /** Takes bytes in any split. Never throws, never holds more than one longest frame. */
  push(bytes: Uint8Array): Parsed[]
  /** The line is silent: nothing more will come. Looks for a frame behind a false start, and forgets the rest. */
  flush(): Parsed[]
  /** A frame has begun and is not complete. */
  readonly pending: boolean
}

export function createFrameParser(frameBytesMax = FRAME_BYTES_MAX): FrameParser {
  let buffer = new Uint8Array(0)

  /** Takes complete frames from the front. With `last`, a start whose frame is not complete counts as a false start. */
  function drain(last: boolean): Parsed[] {
    const found: Parsed[] = []
    let from = 0
    for (;;) {
      const start = buffer.indexOf(START, from)
      if (start < 0) {
        from = buffer.length
        break
      }
      from = start
      const length = lengthAt(buffer.subarray(start), frameBytesMax)
      if (length === 'short' || (typeof length === 'number' && buffer.length < start + length)) {
        if (!last) break
        from = start + 1
        continue
      }
      const parsed = length === 'bad' ? undefined : parseBody(buffer.slice(start, start + length))
      if (parsed) found.push(parsed)
      // A start byte within noise or within a broken frame must not hide the frame behind it.
      from = parsed?.ok ? start + (length as number) : start + 1
    }
    buffer = buffer.slice(from)
    return found
  }

  return {
    push(bytes) {
      const found: Parsed[] = []
      for (let at = 0; at < bytes.length; at += frameBytesMax) {
        const chunk = bytes.subarray(at, at + frameBytesMax)
        const joined = new Uint8Array(buffer.length + chunk.length)
        joined.set(buffer)
        joined.set(chunk, buffer.length)
        buffer = joined
        found.push(...drain(false))
      }
      return found
    },
    flush() {
      const found = drain(true)
      buffer = new Uint8Array(0)
      return found
    },
    get pending() {
      return buffer.length > 0
    },
  }
}

function lengthAt(bytes: Uint8Array, bytesMax: number): number | 'short' | 'bad' {
  const [, , low, high, control] = bytes
  if (low === undefined || high === undefined || control === undefined) return 'short'
  const length = low | (high << 8)
  const least = HEADER_BYTES + 1 + (control & CRC ? 2 : 1)
  return length < least || length > bytesMax ? 'bad' : length
}

/** @param body exactly as many bytes as its length field says, from the start byte to the check */
function parseBody(body: Uint8Array): Parsed {
  const address = body[1] ?? 0
  const control = body[4] ?? 0
  const fail = (fault: FrameFault): Parsed => ({ ok: false, fault, address })
  const check: Check = control & CRC ? 'crc' : 'checksum'
  const checked = body.subarray(0, body.length - (check === 'crc' ? 2 : 1))
  if (check === 'crc') {
    const crc = crc16(checked)
    if (body.at(-2) !== (crc & 0xff) || body.at(-1) !== crc >> 8) return fail('check')
  } else if (body.at(-1) !== checksum(checked)) return fail('check')

  let at = HEADER_BYTES
  let security: SecurityBlock | undefined
  if (control & SECURITY) {
    const blockBytes = checked[at] ?? 0
    if (blockBytes < 2 || at + blockBytes >= checked.length) return fail('layout')
    security = { type: checked[at + 1] ?? 0, data: checked.slice(at + 2, at + blockBytes) }
    at += blockBytes
  }
  const end = checked.length - (hasMac(security?.type) ? MAC_BYTES : 0)
  const code = checked[at]
  if (code === undefined || at >= end) return fail('layout')
  const frame: Frame = {
    address: address & BROADCAST,
    reply: (address & REPLY) !== 0,
    sequence: control & SEQUENCE_MASK,
    check,
    code,
    data: checked.slice(at + 1, end),
    covered: checked.slice(0, end),
  }
  if (security) frame.security = security
  if (end < checked.length) frame.mac = checked.slice(end)
  return { ok: true, frame }
}
