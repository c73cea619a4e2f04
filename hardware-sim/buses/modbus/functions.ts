import { type Block, EXCEPTION, readRange, type Table, writeRange } from './blocks.ts'

/** What a slave does with a request: function code and data in, function code and data out (application protocol v1.1b3, §6). */

const READS: Readonly<Record<number, Table>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }
const WRITE_COIL = 5
const WRITE_REGISTER = 6
const WRITE_COILS = 15
const WRITE_REGISTERS = 16
const READ_WRITE_REGISTERS = 23
export const FUNCTIONS: readonly number[] = [1, 2, 3, 4, 5, 6, 15, 16, 23]
const REFUSED = 0x80

/** §6.1, 6.3, 6.11, 6.12, 6.17. */
const READ_BITS_MAX = 2000
const READ_REGISTERS_MAX = 125
const WRITE_COILS_MAX = 1968
const WRITE_REGISTERS_MAX = 123
const EXCHANGE_WRITE_MAX = 121
const COIL_ON = 0xff00
/** Function code and two words. */
const ONE_LENGTH = 5
/** All before the data; its last byte is their length. */
const MANY_HEAD = 6
const EXCHANGE_HEAD = 10

export interface Tables {
  blocks: readonly Block[]
  /** Function codes that it knows. */
  functions: readonly number[]
}

/**
 * @returns code and data of the answer; undefined for what cannot be a request by its length: the answer of another unit of
 * the same address, for example
 */
export function respond(tables: Tables, request: Uint8Array, at_ms: number): number[] | undefined {
  const code = request[0] ?? 0
  const length = requestLength(request)
  if (length !== undefined && length !== request.length) return undefined
  const answer = tables.functions.includes(code) ? run(tables.blocks, request, at_ms) : EXCEPTION.function
  return typeof answer === 'number' ? [code | REFUSED, answer] : [code, ...answer]
}

/** Undefined for a function that is unknown here. */
function requestLength(request: Uint8Array): number | undefined {
  const code = request[0] ?? 0
  if (code >= 1 && code <= WRITE_REGISTER) return ONE_LENGTH
  if (code === WRITE_COILS || code === WRITE_REGISTERS) return MANY_HEAD + (request[MANY_HEAD - 1] ?? 0)
  return code === READ_WRITE_REGISTERS ? EXCHANGE_HEAD + (request[EXCHANGE_HEAD - 1] ?? 0) : undefined
}

type Answer = number[] | number

function run(blocks: readonly Block[], request: Uint8Array, at_ms: number): Answer {
  const code = request[0] ?? 0
  const table = READS[code]
  if (table !== undefined) return read(blocks, table, request, at_ms)
  switch (code) {
    case WRITE_COIL:
    case WRITE_REGISTER:
      return writeOne(blocks, code === WRITE_COIL ? 'coil' : 'holding', request, at_ms)
    case WRITE_COILS:
    case WRITE_REGISTERS:
      return writeMany(blocks, code === WRITE_COILS ? 'coil' : 'holding', request, at_ms)
    case READ_WRITE_REGISTERS:
      return exchange(blocks, request, at_ms)
    default:
      return EXCEPTION.function
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

const hasBits = (table: Table) => table === 'coil' || table === 'discrete'

function read(blocks: readonly Block[], table: Table, request: Uint8Array, at_ms: number): Answer {
  const count = word(request, 3)
  const most = hasBits(table) ? READ_BITS_MAX : READ_REGISTERS_MAX
  if (count < 1 || count > most) return EXCEPTION.value
  const found = readRange(blocks, table, word(request, 1), count, at_ms)
  if ('exception' in found) return found.exception
  const bytes = hasBits(table) ? bitsToBytes(found.values) : wordsToBytes(found.values)
  return [bytes.length, ...bytes]
}

/** Answered by its own repetition. */
function writeOne(blocks: readonly Block[], table: Table, request: Uint8Array, at_ms: number): Answer {
  const value = word(request, 3)
  if (table === 'coil' && value !== 0 && value !== COIL_ON) return EXCEPTION.value
  const stored = table === 'coil' ? Number(value === COIL_ON) : value
  return writeRange(blocks, table, word(request, 1), [stored], at_ms) ?? [...request.subarray(1)]
}

function writeMany(blocks: readonly Block[], table: Table, request: Uint8Array, at_ms: number): Answer {
  const count = word(request, 3)
  const size = request[MANY_HEAD - 1] ?? 0
  const most = table === 'coil' ? WRITE_COILS_MAX : WRITE_REGISTERS_MAX
  const expected = table === 'coil' ? Math.ceil(count / 8) : count * 2
  if (count < 1 || count > most || size !== expected) return EXCEPTION.value
  const data = request.subarray(MANY_HEAD)
  const values = table === 'coil' ? bytesToBits(data, count) : bytesToWords(data)
  return writeRange(blocks, table, word(request, 1), values, at_ms) ?? [...request.subarray(1, 5)]
}

/** The write comes before the read (§6.17). */
function exchange(blocks: readonly Block[], request: Uint8Array, at_ms: number): Answer {
  const readCount = word(request, 3)
  const writeCount = word(request, 7)
  const size = request[EXCHANGE_HEAD - 1] ?? 0
  if (readCount < 1 || readCount > READ_REGISTERS_MAX) return EXCEPTION.value
  if (writeCount < 1 || writeCount > EXCHANGE_WRITE_MAX) return EXCEPTION.value
  if (size !== writeCount * 2) return EXCEPTION.value
  const before = readRange(blocks, 'holding', word(request, 1), readCount, at_ms)
  if ('exception' in before) return before.exception
  const refused = writeRange(blocks, 'holding', word(request, 5), bytesToWords(request.subarray(EXCHANGE_HEAD)), at_ms)
  if (refused !== undefined) return refused
  const after = readRange(blocks, 'holding', word(request, 1), readCount, at_ms)
  if ('exception' in after) return after.exception
  return [readCount * 2, ...wordsToBytes(after.values)]
}

function bitsToBytes(bits: readonly number[]): number[] {
  const bytes: number[] = []
  for (let first = 0; first < bits.length; first += 8) {
    bytes.push(bits.slice(first, first + 8).reduce((byte, bit, place) => byte + (bit === 0 ? 0 : 2 ** place), 0))
  }
  return bytes
}

function bytesToBits(bytes: Uint8Array, count: number): number[] {
  return Array.from(
    { length: count },
    (_, place) => Math.floor((bytes[Math.floor(place / 8)] ?? 0) / 2 ** (place % 8)) % 2,
  )
}

function wordsToBytes(words: readonly number[]): number[] {
  return words.flatMap((value) => [(value >> 8) & 0xff, value & 0xff])
}

function bytesToWords(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, place) => word(bytes, place * 2))
}
