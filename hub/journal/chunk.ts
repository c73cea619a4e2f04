import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Batch, payloadAt } from './batch.ts'
import { damaged } from './sqlite-failure.ts'
import type { Append, Entry } from './types.ts'

/**
 * The entries of one lane in one commit, as one value of the database: what wears an SD card out is pages, and ten entries
 * that share their topics, streams and JSON keys fill two of them instead of twelve. Positions are not in it: they
 * are consecutive, and the row says which.
 *
 *   0 version (1) · 1 flags (1: compressed) · 2..5 CRC-32 of what follows · 6..9 length of the body in bytes ·
 *   10.. body, zstd when compressed: 4 bytes length of the head · head (JSON) · payloads, one behind the other
 *
 * Numbers are little endian.
 */
type Head = [
  /** Each topic once, and which one each entry has. */
  topics: string[],
  topic: number[],
  /** The same of the streams; -1 for none. */
  streams: string[],
  stream: number[],
  sequence: (number | null)[],
  time_ms: number[],
  /** Bytes of each payload. */
  length: number[],
]

const VERSION = 1
const COMPRESSED = 1
const HEADER_BYTES = 10
/** A single event of usual size is worth it: 0.04 ms, and two of them fit into a page. */
const COMPRESS_BYTES_MIN = 400
/** A commit is 4 MiB of payloads at most, or one payload of any allowed size; what claims more is damaged. */
const BODY_BYTES_MAX = 256 * 1024 * 1024
/** Level 1: of higher ones the next event would wait longer for little. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** What an entry counts for in `bytes_max`: its payload and its topic, and about what the rest of it takes. */
export function entryBytes({ payload, topic }: Pick<Append, 'payload' | 'topic'>): number {
  return payload.length + topic.length + 32
}

/** The entries of a batch at these places, all of one lane. */
export function encodeChunk(batch: Batch, places: readonly number[]): Uint8Array {
  const topics = new Map<string, number>()
  const streams = new Map<string, number>()
  const payloads = places.map((place) => payloadAt(batch, place))
  const topic = places.map((place) => numberOf(topics, batch.topic[place] ?? ''))
  const stream = places.map((place) => {
    const name = batch.stream[place] ?? null
    return name === null ? -1 : numberOf(streams, name)
  })
  const sequence = places.map((place) => {
    const number = batch.sequence[place] ?? Number.NaN
    return Number.isNaN(number) ? null : number
  })
  const time_ms = places.map((place) => batch.time_ms[place] ?? 0)
  const length = payloads.map((payload) => payload.length)
  const head: Head = [[...topics.keys()], topic, [...streams.keys()], stream, sequence, time_ms, length]
  const text = Buffer.from(JSON.stringify(head))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(text.length)
  return seal(Buffer.concat([size, text, ...payloads]))
}

function seal(body: Buffer): Uint8Array {
  const packed = body.length < COMPRESS_BYTES_MIN ? body : zstdCompressSync(body, ZSTD)
  const isSmaller = packed.length < body.length
  const stored = isSmaller ? packed : body
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = VERSION
  header[1] = isSmaller ? COMPRESSED : 0
  header.writeUInt32LE(body.length, 6)
  const chunk = Buffer.concat([header, stored])
  chunk.writeUInt32LE(crc32(chunk.subarray(6)), 2)
  return chunk
}

/** Throws what SQLite throws of a corrupt file when these are not the bytes that were written. */
export function decodeChunk(lane: string, first: number, data: Uint8Array): Entry[] {
  const body = unseal(data)
  const head_end = 4 + body.readUInt32LE(0)
  const head = JSON.parse(body.toString('utf8', 4, head_end)) as Head
  const [topics, topic, streams, stream, sequence, time_ms, lengths] = head
  let at = head_end
  return lengths.map((length, index) => {
    const payload = body.subarray(at, at + length)
    at += length
    const name = streams[stream[index] ?? -1]
    return {
      lane,
      position: first + index,
      topic: topics[topic[index] ?? 0] ?? '',
      payload,
      time_ms: time_ms[index] ?? 0,
      ...(name === undefined ? {} : { stream: name, sequence: sequence[index] ?? 0 }),
    }
  })
}

/** True when these are the bytes that were written. */
export function isWhole(data: unknown): data is Uint8Array {
  if (!(data instanceof Uint8Array)) return false
  try {
    unseal(data)
    return true
  } catch {
    return false
  }
}

function unseal(data: Uint8Array): Buffer {
  const chunk = Buffer.from(data.buffer, data.byteOffset, data.length)
  if (chunk.length < HEADER_BYTES + 4) throw damaged('a chunk is cut short')
  if (crc32(chunk.subarray(6)) !== chunk.readUInt32LE(2)) throw damaged('the checksum of a chunk does not match')
  if (chunk[0] !== VERSION) throw damaged(`a chunk has the unknown version ${chunk[0]}`)
  const bytes = chunk.readUInt32LE(6)
  const stored = chunk.subarray(HEADER_BYTES)
  if (bytes > BODY_BYTES_MAX) throw damaged(`a chunk claims ${bytes} bytes`)
  if (chunk[1] !== COMPRESSED) return stored
  try {
    return zstdDecompressSync(stored, { maxOutputLength: bytes })
  } catch (error) {
    throw damaged(`a chunk cannot be unpacked: ${String(error)}`)
  }
}

function numberOf(names: Map<string, number>, name: string): number {
  const known = names.get(name)
  if (known !== undefined) return known
  names.set(name, names.size)
  return names.size - 1
}
