import { LinliError } from '../../../hub/contract/errors.ts'
import type { ByteConnection, BytePort } from '../../ports/byte-port.ts'
import { crc16 } from './crc16.ts'

/** A line with units in memory, for tests: bytes take their time, and each reply can go wrong in one way. */

export type Mishap =
  | 'none'
  | 'silent'
  /** After its time. */
  | 'late'
  | 'truncated'
  | 'flipped'
  /** Another unit answers in its place. */
  | 'foreign'
  /** Stray bytes before it. */
  | 'noise'
  | 'exception'
  /** It has no such range. */
  | 'illegal-address'
  /** A second unit of the same address answers as well. */
  | 'doubled'

export interface LineOptions {
  byte_ms: number
  echo?: boolean
  /** From the end of a request to the start of the reply. */
  reply_ms?: number
  late_ms?: number
  mishap?: (unit: number) => Mishap
}

export interface Executed {
  unit: number
  code: number
  address: number
  count: number
  value: number
  at_ms: number
}

interface Sent {
  from: 'master' | number
  start_ms: number
  end_ms: number
  bytes: Uint8Array
}

export interface LineInMemory extends BytePort {
  plugged: boolean
  options: LineOptions
  /** Units that are there. */
  readonly units: Set<number>
  readonly coils: Map<string, number>
  readonly executed: Executed[]
  /** Start and end of everything that was on the wire, and who sent it. */
  readonly wire: Sent[]
  unplug(): void
  /** Bytes out of nowhere. */
  stray(bytes: Uint8Array): void
}

/** Registers at even addresses say who they are, those at odd ones when they were read (ms, 16 bits). */
export const identity = (unit: number, address: number) => (unit * 4096 + address) & 0xffff

const READ_MAX = 4
const DEVICE_FAILURE = 4
const ILLEGAL_ADDRESS = 2

export function createLineInMemory(options: LineOptions): LineInMemory {
  let ended: ((reason: string) => void) | undefined
  let listener: (bytes: Uint8Array) => void = () => {}
  const now = () => performance.now()

  /** Two that speak at once destroy what both say. */
  function collides(one: Sent): boolean {
    return line.wire.some((other) => other !== one && other.start_ms < one.end_ms && one.start_ms < other.end_ms)
  }

  function toMaster(from: number, bytes: Uint8Array, start_ms: number): void {
    const end_ms = start_ms + bytes.length * line.options.byte_ms
    const sent = { from, start_ms, end_ms, bytes }
    line.wire.push(sent)
    const opened = ended
    // In two parts, as adapters pass them on.
    const half = bytes.length >> 1
    const at = (ms: number, part: Uint8Array) =>
      setTimeout(
        () => {
          if (ended === opened && ended && part.length > 0) listener(collides(sent) ? part.map((byte) => ~byte) : part)
        },
        Math.max(0, Math.ceil(ms - now())),
      )
    at(start_ms + half * line.options.byte_ms, bytes.subarray(0, half))
    at(end_ms, bytes.subarray(half))
  }

  function onRequest(bytes: Uint8Array): void {
    const [unit, code, high, low, countHigh, countLow] = bytes as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const broadcast = unit === 0
    for (const each of broadcast ? line.units : line.units.has(unit) ? [unit] : []) {
      const mishap = line.options.mishap?.(each) ?? 'none'
      const address = (high << 8) | low
      const value = (countHigh << 8) | countLow
      const heard = mishap !== 'exception' && mishap !== 'illegal-address'
      if (heard) line.executed.push({ unit: each, code, address, count: value, value, at_ms: now() })
      const reply = heard
        ? answer(each, code, address, value, bytes)
        : [each, code | 0x80, mishap === 'exception' ? DEVICE_FAILURE : ILLEGAL_ADDRESS]
      if (!broadcast) send(each, mishap, sealed(reply))
    }
  }

  function answer(unit: number, code: number, address: number, value: number, bytes: Uint8Array): number[] {
    if (code > READ_MAX) {
      if (code === 5) line.coils.set(`${unit}/${address}`, value === 0 ? 0 : 1)
      return [...bytes.subarray(0, 6)]
    }
    if (code <= 2) {
      const bits = new Array<number>(Math.ceil(value / 8)).fill(0)
      for (let index = 0; index < value; index++) {
        const bit = line.coils.get(`${unit}/${address + index}`) ?? 0
        bits[index >> 3] = (bits[index >> 3] as number) | (bit << (index & 7))
      }
      return [unit, code, bits.length, ...bits]
    }
    const registers = Array.from({ length: value }, (_, index) =>
      (address + index) % 2 === 0 ? identity(unit, address + index) : Math.floor(now()) & 0xffff,
    )
    return [unit, code, value * 2, ...registers.flatMap((one) => [one >> 8, one & 0xff])]
  }

  function send(unit: number, mishap: Mishap, reply: Uint8Array) {
    const { reply_ms = 2, late_ms = 300 } = line.options
    const start_ms = now() + reply_ms
    if (mishap === 'silent') return
    if (mishap === 'late') return toMaster(unit, reply, now() + late_ms)
    if (mishap === 'truncated') return toMaster(unit, reply.subarray(0, reply.length - 3), start_ms)
    if (mishap === 'flipped')
      return toMaster(
        unit,
        reply.map((byte, at) => (at === 2 ? byte ^ 4 : byte)),
        start_ms,
      )
    if (mishap === 'foreign') return toMaster(unit, sealed([unit + 100, ...reply.subarray(1, -2)]), start_ms)
    if (mishap === 'noise') return toMaster(unit, Uint8Array.from([unit, 0xff, 3, ...reply]), start_ms)
    toMaster(unit, reply, start_ms)
    if (mishap === 'doubled') toMaster(unit, reply, start_ms + reply.length * line.options.byte_ms + 1)
  }

  const line: LineInMemory = {
    path: '/memory',
    plugged: true,
    options,
    units: new Set(),
    coils: new Map(),
    executed: [],
    wire: [],
    unplug() {
      line.plugged = false
      const tell = ended
      ended = undefined
      tell?.('unplugged')
    },
    stray: (bytes) => listener(bytes),
    async open(): Promise<ByteConnection> {
      if (!line.plugged) throw new LinliError('SERIAL_NOT_FOUND', 'no serial device at /memory', { kind: 'fault' })
      const closers: Array<(reason: string) => void> = []
      const mine = (reason: string) => {
        for (const closer of closers) closer(reason)
      }
      ended = mine
      return {
        get isOpen() {
          return ended === mine
        },
        write(bytes) {
          if (ended !== mine) return false
          const start_ms = now()
          const end_ms = start_ms + bytes.length * line.options.byte_ms
          const sent = { from: 'master', start_ms, end_ms, bytes } as const
          line.wire.push(sent)
          if (line.options.echo) setTimeout(() => listener(bytes), Math.ceil(end_ms - start_ms))
          setTimeout(() => (collides(sent) ? undefined : onRequest(bytes)), Math.ceil(end_ms - start_ms))
          return true
        },
        async close() {
          if (ended === mine) ended = undefined
          mine('closed')
        },
        onData(next) {
          listener = next
        },
        onClose: (closer) => void closers.push(closer),
      }
    },
  }
  return line
}

function sealed(body: number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(body))
  return Uint8Array.from([...body, crc & 0xff, crc >> 8])
}
