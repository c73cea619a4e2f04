/** Frames of OSDP v2 (SIA OSDP 2.2, IEC 60839-11-5) as a peripheral sees them. */

export interface Command {
  address: number
  sequence: number
  /** Whether a CRC ends it; a one-byte sum otherwise. */
  crc: boolean
  /** Type and data of the security block. */
  block: { type: number; data: Uint8Array } | undefined
  code: number
  data: Uint8Array
  mac: Uint8Array | undefined
  /** From the start mark to the last byte before the MAC. */
  signed: Uint8Array
  raw: Uint8Array
}

export const BROADCAST = 0x7f
const MARK = 0xff
const START = 0x53
const REPLY_BIT = 0x80
const CRC_BIT = 0x04
const BLOCK_BIT = 0x08
/** Start, address, two of length, control, code, and one of check. */
const LENGTH_MIN = 7
/** OSDP 2.2, 5.6: no peripheral has to take more. */
const LENGTH_MAX = 1440
const HEADER = 5
const MAC_BYTES = 4
const FIRST_MAC_BLOCK = 0x15
/** OSDP 2.2, 5.7: longer between two bytes of one frame, and it is none. */
const BYTE_GAP_MS_MAX = 20

/** CRC-16 of polynomial 0x1021, begun with 0x1D0F, not reflected. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0x1d0f
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff) >>> 0
  }
  return crc
}

/** The two's complement of the sum, for controllers that use no CRC. */
export function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff
}

export interface Reply {
  address: number
  sequence: number
  crc: boolean
  code: number
  data: Uint8Array
  block?: { type: number; data: Uint8Array } | undefined
}

/** A reply up to its data, as it is signed; `mac` tells whether a MAC is to follow, which the length counts. */
export function replyBody(reply: Reply, mac: boolean): Uint8Array {
  const block = reply.block ? [reply.block.data.length + 2, reply.block.type, ...reply.block.data] : []
  const check = reply.crc ? 2 : 1
  const length = HEADER + block.length + 1 + reply.data.length + (mac ? MAC_BYTES : 0) + check
  const control = reply.sequence | (reply.crc ? CRC_BIT : 0) | (reply.block ? BLOCK_BIT : 0)
  const header = [START, reply.address | REPLY_BIT, length & 0xff, length >> 8, control]
  return Uint8Array.from([...header, ...block, reply.code, ...reply.data])
}

/** Mark before it, MAC if any and check behind it. */
export function sealed(body: Uint8Array, mac: Uint8Array, crc: boolean): Uint8Array {
  const bytes = Uint8Array.from([...body, ...mac])
  const check = crc16(bytes)
  return Uint8Array.from([MARK, ...bytes, ...(crc ? [check & 0xff, check >> 8] : [checksum(bytes)])])
}

export function encodeReply(reply: Reply): Uint8Array {
  return sealed(replyBody(reply, false), new Uint8Array(0), reply.crc)
}

/** Takes the bytes of the line as they come and tells each sound command with the moment of its last byte. */
export class CommandReader {
  #bytes: number[] = []
  #last_ms = Number.NEGATIVE_INFINITY
  readonly #handle: (command: Command, ended_ms: number) => void

  constructor(handle: (command: Command, ended_ms: number) => void) {
    this.#handle = handle
  }

  push(bytes: Uint8Array, first_ms: number, byte_ms: number): void {
    if (first_ms - this.#last_ms > BYTE_GAP_MS_MAX + byte_ms) this.#bytes = []
    for (const [index, byte] of bytes.entries()) {
      this.#bytes.push(byte)
      this.#last_ms = first_ms + index * byte_ms
      this.#search()
    }
  }

  reset(): void {
    this.#bytes = []
  }

  #search(): void {
    for (;;) {
      const start = this.#bytes.indexOf(START)
      if (start < 0) {
        this.#bytes = []
        return
      }
      if (start > 0) this.#bytes.splice(0, start)
      if (this.#bytes.length < HEADER) return
      const length = (this.#bytes[2] ?? 0) | ((this.#bytes[3] ?? 0) << 8)
      if (length >= LENGTH_MIN && length <= LENGTH_MAX && this.#bytes.length < length) return
      const command =
        length >= LENGTH_MIN && length <= LENGTH_MAX ? decode(Uint8Array.from(this.#bytes.slice(0, length))) : undefined
      // What is no frame may hide the start of one.
      this.#bytes.splice(0, command === undefined ? 1 : length)
      if (command && command !== 'reply') this.#handle(command, this.#last_ms)
    }
  }
}

/** @returns undefined when it is damaged or no frame; `reply` when another peripheral speaks */
function decode(raw: Uint8Array): Command | 'reply' | undefined {
  const [, address = 0, , , control = 0] = raw
  const crc = (control & CRC_BIT) !== 0
  const end = raw.length - (crc ? 2 : 1)
  const body = raw.subarray(0, end)
  const sound = crc ? crc16(body) === ((raw[end] ?? 0) | ((raw[end + 1] ?? 0) << 8)) : checksum(body) === raw[end]
  if (!sound) return undefined
  if (address & REPLY_BIT) return 'reply'
  const blockLength = control & BLOCK_BIT ? (raw[HEADER] ?? 0) : 0
  if ((control & BLOCK_BIT && blockLength < 2) || HEADER + blockLength >= end) return undefined
  const type = raw[HEADER + 1] ?? 0
  const block = blockLength ? { type, data: raw.slice(HEADER + 2, HEADER + blockLength) } : undefined
  const macStart = block && type >= FIRST_MAC_BLOCK ? end - MAC_BYTES : end
  const code = HEADER + blockLength
  if (code >= macStart) return undefined
  return {
    address,
    sequence: control & 0x03,
    crc,
    block,
    code: raw[code] ?? 0,
    data: raw.slice(code + 1, macStart),
    mac: macStart < end ? raw.slice(macStart, end) : undefined,
    signed: raw.slice(0, macStart),
    raw,
  }
}
