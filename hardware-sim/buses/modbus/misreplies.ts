import { integerBetween, type Random } from '../../random.ts'
import { EXCEPTION } from './blocks.ts'
import { withCheck } from './crc.ts'

export const MISREPLIES = ['silent', 'late', 'truncate', 'corrupt', 'foreign', 'exception', 'twice', 'babble'] as const
export type Misreply = (typeof MISREPLIES)[number]

export interface Mischief {
  how: Misreply
  count: number
  late_ms?: number | undefined
  exception?: number | undefined
  unit?: number | undefined
}

const LATE_MS = 300
const CUT_BYTES_MAX = 3
const BABBLE_BYTES_MAX = 8
const REFUSED = 0x80
const UNITS = 247

/** What goes out in place of a sound reply, in order. */
export interface Bent {
  bytes: Uint8Array
  late_ms: number
}

/** Replies as a broken slave, a bad line or another slave would send them. */
export class Misreplies {
  readonly #random: Random
  #mischief: Mischief | undefined

  constructor(random: Random) {
    this.#random = random
  }

  plan(mischief: Mischief): void {
    this.#mischief = { ...mischief }
  }

  /** An exception is told instead of doing what was asked: known before the request is carried out. */
  refuses(): number | undefined {
    const mischief = this.#mischief
    if (!mischief || mischief.count === 0 || mischief.how !== 'exception') return undefined
    mischief.count -= 1
    return mischief.exception ?? EXCEPTION.failure
  }

  bend(reply: Uint8Array): Bent[] {
    const mischief = this.#mischief
    if (!mischief || mischief.count === 0 || mischief.how === 'exception') return [{ bytes: reply, late_ms: 0 }]
    mischief.count -= 1
    const now = (bytes: Uint8Array): Bent[] => [{ bytes, late_ms: 0 }]
    switch (mischief.how) {
      case 'late':
        return [{ bytes: reply, late_ms: mischief.late_ms ?? LATE_MS }]
      case 'truncate':
        return now(reply.slice(0, -integerBetween(this.#random, 1, CUT_BYTES_MAX)))
      case 'corrupt':
        return now(this.#flipped(reply))
      case 'foreign':
        return now(withCheck([mischief.unit ?? ((reply[0] ?? 0) % UNITS) + 1, ...reply.slice(1, -2)]))
      case 'twice':
        return [...now(reply), { bytes: reply, late_ms: mischief.late_ms ?? 0 }]
      case 'babble':
        return now(Uint8Array.from([...this.#noise(), ...reply]))
      default:
        return []
    }
  }

  #flipped(reply: Uint8Array): Uint8Array {
    const place = integerBetween(this.#random, 0, reply.length - 1)
    const bit = integerBetween(this.#random, 0, 7)
    return reply.map((byte, index) => (index === place ? byte ^ (1 << bit) : byte))
  }

  #noise(): number[] {
    const length = integerBetween(this.#random, 1, BABBLE_BYTES_MAX)
    return Array.from({ length }, () => integerBetween(this.#random, 0, 0xff))
  }
}

export function refusal(unit: number, code: number, exception: number): Uint8Array {
  return withCheck([unit, code | REFUSED, exception])
}
