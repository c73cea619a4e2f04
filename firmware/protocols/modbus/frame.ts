import type { RegisterTable } from '../../ports/register-bus.ts'
import { crc16 } from './crc16.ts'

/** Frames of Modbus RTU (Modbus application protocol v1.1b3, §6; Modbus over serial line v1.02, §2.5.1). */

export type Request =
  | { type: 'read'; unit: number; table: RegisterTable; address: number; count: number }
  | {
      type: 'write'
      unit: number
      table: 'coil' | 'holding'
      address: number
      values: readonly number[]
      multiple?: boolean
    }
  | {
      type: 'exchange'
      unit: number
      address: number
      count: number
      writeAddress: number
      values: readonly number[]
    }

export const FUNCTION = {
  readCoils: 1,
  readDiscrete: 2,
  readHolding: 3,
  readInput: 4,
  writeCoil: 5,
  writeRegister: 6,
  writeCoils: 15,
  writeRegisters: 16,
  exchangeRegisters: 23,
} as const
const READ = { coil: 1, discrete: 2, holding: 3, input: 4 } as const
const EXCEPTION_BIT = 0x80
export const BROADCAST = 0
/** 248–255 are reserved (serial line v1.02, §2.2). */
export const UNIT_MAX = 247
const ADDRESSES = 0x1_0000
const COIL_ON = 0xff00

/** The most of one request (application protocol v1.1b3, §6.1–6.4, 6.11, 6.12, 6.17). */
export const COUNT_MAX = {
  read: { coil: 2000, discrete: 2000, holding: 125, input: 125 },
  write: { coil: 1968, holding: 123 },
  exchangeWrite: 121,
} as const
/** Unit, function, code, CRC. */
export const EXCEPTION_BYTES = 5
/** Unit, function, address, value or count, CRC: what answers a write. */
const WRITE_REPLY_BYTES = 8

export const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'illegal function',
  2: 'illegal data address',
  3: 'illegal data value',
  4: 'device failure',
  5: 'acknowledged, still working',
  6: 'device busy',
  8: 'memory parity error',
  10: 'gateway path unavailable',
  11: 'gateway target did not respond',
}

export const isBits = (table: RegisterTable) => table === 'coil' || table === 'discrete'

/** What is wrong with a request, or undefined. */
export function refusalOf(request: Request): string | undefined {
  const lowest = request.type === 'write' ? BROADCAST : 1
  if (!Number.isInteger(request.unit) || request.unit < lowest || request.unit > UNIT_MAX)
    return `a unit is a whole number from ${lowest} to ${UNIT_MAX}, not ${request.unit}`
  if (request.type === 'read')
    return refuseRange(request.address, request.count, COUNT_MAX.read[request.table]) ?? undefined
  const max = request.type === 'write' ? COUNT_MAX.write[request.table] : COUNT_MAX.exchangeWrite
  const highest = request.type === 'write' && request.table === 'coil' ? 1 : 0xffff
  const wrong = request.values.find((value) => !Number.isInteger(value) || value < 0 || value > highest)
  if (wrong !== undefined) return `a value is a whole number from 0 to ${highest}, not ${wrong}`
  const address = request.type === 'write' ? request.address : request.writeAddress
  const writing = refuseRange(address, request.values.length, max)
  if (writing !== undefined || request.type === 'write') return writing
  return refuseRange(request.address, request.count, COUNT_MAX.read.holding)
}

function refuseRange(address: number, count: number, max: number): string | undefined {
  if (!Number.isInteger(count) || count < 1 || count > max) return `1 to ${max} at once, not ${count}`
  if (!Number.isInteger(address) || address < 0 || address + count > ADDRESSES)
    return `addresses go from 0 to ${ADDRESSES - 1}; ${count} from ${address} on do not fit`
  return undefined
}

const word = (value: number) => [value >> 8, value & 0xff]

function packBits(values: readonly number[]): number[] {
  const bytes = new Array<number>(Math.ceil(values.length / 8)).fill(0)
  values.forEach((value, index) => {
    if (value) bytes[index >> 3] = (bytes[index >> 3] as number) | (1 << (index & 7))
  })
  return bytes
}

export function functionOf(request: Request): number {
  if (request.type === 'read') return READ[request.table]
  if (request.type === 'exchange') return FUNCTION.exchangeRegisters
  const many = request.multiple === true || request.values.length > 1
  if (request.table === 'coil') return many ? FUNCTION.writeCoils : FUNCTION.writeCoil
  return many ? FUNCTION.writeRegisters : FUNCTION.writeRegister
}

/** The frame of a request that `refusalOf` has nothing against. */
export function encodeRequest(request: Request): Uint8Array {
  const code = functionOf(request)
  return sealed([request.unit, code, ...bodyOf(request, code)])
}

function bodyOf(request: Request, code: number): number[] {
  if (request.type === 'read') return [...word(request.address), ...word(request.count)]
  const { values } = request
  const registers = () => [values.length * 2, ...values.flatMap(word)]
  if (request.type === 'exchange')
    return [
      ...word(request.address),
      ...word(request.count),
      ...word(request.writeAddress),
      ...word(values.length),
      ...registers(),
    ]
  const at = word(request.address)
  if (code === FUNCTION.writeCoil) return [...at, ...word(values[0] ? COIL_ON : 0)]
  if (code === FUNCTION.writeRegister) return [...at, ...word(values[0] as number)]
  if (code === FUNCTION.writeRegisters) return [...at, ...word(values.length), ...registers()]
  const bits = packBits(values)
  return [...at, ...word(values.length), bits.length, ...bits]
}

function sealed(body: number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(body))
  return Uint8Array.from([...body, crc & 0xff, crc >> 8])
}

/** Bytes of the reply to a request, if it is no exception. */
export function replyBytes(request: Request): number {
  if (request.type === 'write') return WRITE_REPLY_BYTES
  const bits = request.type === 'read' && isBits(request.table)
  return 5 + (bits ? Math.ceil(request.count / 8) : request.count * 2)
}

export type Reply = { ok: true; values: number[] } | { ok: false; exception: number }

/** Whether a sound frame of `length` bytes stands at an offset. */
export function isSound(bytes: Uint8Array, offset: number, length: number): boolean {
  const end = offset + length
  if (end > bytes.length) return false
  return crc16(bytes, offset, end - 2) === ((bytes[end - 2] as number) | ((bytes[end - 1] as number) << 8))
}

/**
 * The reply to this very request at an offset: unit, function, length and CRC are right, and what a write repeats is
 * what was asked. Undefined: no such reply there, or not whole yet.
 */
export function replyAt(request: Request, asked: Uint8Array, bytes: Uint8Array, offset: number): Reply | undefined {
  if (bytes[offset] !== asked[0]) return undefined
  const code = asked[1] as number
  if (bytes[offset + 1] === (code | EXCEPTION_BIT)) {
    const exception = bytes[offset + 2]
    if (exception === undefined || exception === 0 || !isSound(bytes, offset, EXCEPTION_BYTES)) return undefined
    return { ok: false, exception }
  }
  const length = replyBytes(request)
  if (bytes[offset + 1] !== code || !isSound(bytes, offset, length)) return undefined
  if (request.type === 'write') {
    for (let index = 2; index < 6; index++) if (bytes[offset + index] !== asked[index]) return undefined
    return { ok: true, values: [] }
  }
  if (bytes[offset + 2] !== length - 5) return undefined
  return { ok: true, values: valuesOf(request, bytes, offset + 3) }
}

function valuesOf(request: Exclude<Request, { type: 'write' }>, bytes: Uint8Array, start: number): number[] {
  const byte = (index: number) => bytes[start + index] as number
  if (request.type === 'read' && isBits(request.table))
    return Array.from({ length: request.count }, (_, index) => (byte(index >> 3) >> (index & 7)) & 1)
  return Array.from({ length: request.count }, (_, index) => (byte(index * 2) << 8) | byte(index * 2 + 1))
}

/** Units of all sound replies in some bytes, whoever was asked, for telling late and foreign answers from noise. */
export function repliesIn(bytes: Uint8Array): Array<{ unit: number; code: number }> {
  const found: Array<{ unit: number; code: number }> = []
  for (let offset = 0; offset + EXCEPTION_BYTES <= bytes.length; ) {
    const length = lengthAt(bytes, offset)
    if (length !== undefined && isSound(bytes, offset, length)) {
      found.push({ unit: bytes[offset] as number, code: (bytes[offset + 1] as number) & ~EXCEPTION_BIT })
      offset += length
    } else offset++
  }
  return found
}

function lengthAt(bytes: Uint8Array, offset: number): number | undefined {
  const unit = bytes[offset] as number
  const code = bytes[offset + 1] as number
  if (unit === BROADCAST || unit > UNIT_MAX) return undefined
  if (code & EXCEPTION_BIT) return EXCEPTION_BYTES
  if ((code >= FUNCTION.readCoils && code <= FUNCTION.readInput) || code === FUNCTION.exchangeRegisters)
    return 5 + (bytes[offset + 2] as number)
  return code === FUNCTION.writeCoil ||
    code === FUNCTION.writeRegister ||
    code === FUNCTION.writeCoils ||
    code === FUNCTION.writeRegisters
    ? WRITE_REPLY_BYTES
    : undefined
}

/** A single write is answered by its own repetition, which is also what an echo of it looks like. */
export function isRepeated(request: Request): request is Extract<Request, { type: 'write' }> {
  const code = functionOf(request)
  return request.unit !== BROADCAST && (code === FUNCTION.writeCoil || code === FUNCTION.writeRegister)
}

/** Whether a write would undo what another one did. */
export function isSamePlace(one: Request, other: Request): boolean {
  return (
    one.type === 'write' &&
    other.type === 'write' &&
    one.unit === other.unit &&
    one.table === other.table &&
    one.address === other.address &&
    one.values.length === other.values.length
  )
}
