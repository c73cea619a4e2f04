import { checksum, crc16 } from './frame.ts'

export type Misreply = 'truncate' | 'replay' | 'plain' | 'forge' | 'silent' | 'late'

const LATE_MS = 500
const CUT_BYTES = 3
/** As far back as a thief on the line remembers. */
const REMEMBERED = 4
const MARK_BYTES = 1
const CONTROL = 5
const CRC_BIT = 0x04

/** Replies as a broken reader, a bad line or somebody between reader and controller would send them. */
export class Misreplies {
  #how: Misreply | undefined
  #count = 0
  readonly #earlier: Uint8Array[] = []

  plan(how: Misreply, count: number): void {
    this.#how = how
    this.#count = count
  }

  /** @param plain an ACK without any security */
  bend(reply: Uint8Array, plain: Uint8Array): { bytes: Uint8Array; late_ms: number } {
    const oldest = this.#earlier[0] ?? plain
    this.#earlier.push(reply)
    if (this.#earlier.length > REMEMBERED) this.#earlier.shift()
    if (this.#count === 0) return { bytes: reply, late_ms: 0 }
    this.#count -= 1
    switch (this.#how) {
      case 'truncate':
        return { bytes: reply.subarray(0, -CUT_BYTES), late_ms: 0 }
      case 'replay':
        return { bytes: oldest, late_ms: 0 }
      case 'plain':
        return { bytes: plain, late_ms: 0 }
      case 'forge':
        return { bytes: forged(reply), late_ms: 0 }
      case 'late':
        return { bytes: reply, late_ms: LATE_MS }
      default:
        return { bytes: new Uint8Array(0), late_ms: 0 }
    }
  }
}

/** The last byte before the check is another one, and the check is right again. */
function forged(reply: Uint8Array): Uint8Array {
  const crc = ((reply[CONTROL] ?? 0) & CRC_BIT) !== 0
  const body = reply.slice(MARK_BYTES, crc ? -2 : -1)
  body[body.length - 1] = (body.at(-1) ?? 0) ^ 0x01
  const check = crc16(body)
  return Uint8Array.from([0xff, ...body, ...(crc ? [check & 0xff, check >> 8] : [checksum(body)])])
}
