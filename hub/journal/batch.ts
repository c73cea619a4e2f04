import type { Append, Entry } from './types.ts'

/**
 * Entries by columns, one buffer for all payloads: one message to the other thread costs little more for 500 entries than
 * for one, because only a few objects are cloned and the buffer is handed over instead of copied.
 */
export interface Batch {
  /** Names that `lane` points into. */
  lanes: string[]
  lane: Uint8Array<ArrayBuffer>
  position: Float64Array<ArrayBuffer>
  time_ms: Float64Array<ArrayBuffer>
  /** NaN: none. */
  sequence: Float64Array<ArrayBuffer>
  topic: string[]
  key: (string | null)[]
  stream: (string | null)[]
  /** Where each payload ends in `payload`. */
  end: Uint32Array<ArrayBuffer>
  payload: Uint8Array<ArrayBuffer>
}

/** Packs entries; `lanes` holds at most 256 names, all that occur. */
export function pack(lanes: string[], entries: readonly Entry[]): Batch {
  const count = entries.length
  const batch: Batch = {
    lanes,
    lane: new Uint8Array(count),
    position: new Float64Array(count),
    time_ms: new Float64Array(count),
    sequence: new Float64Array(count),
    topic: new Array<string>(count),
    key: new Array<string | null>(count),
    stream: new Array<string | null>(count),
    end: new Uint32Array(count),
    payload: new Uint8Array(entries.reduce((sum, entry) => sum + entry.payload.length, 0)),
  }
  let end = 0
  entries.forEach((entry, index) => {
    batch.lane[index] = lanes.indexOf(entry.lane)
    batch.position[index] = entry.position
    batch.time_ms[index] = entry.time_ms
    batch.sequence[index] = entry.sequence ?? Number.NaN
    batch.topic[index] = entry.topic
    batch.key[index] = entry.key ?? null
    batch.stream[index] = entry.stream ?? null
    batch.payload.set(entry.payload, end)
    end += entry.payload.length
    batch.end[index] = end
  })
  return batch
}

/** The entries of a batch; their payloads are views into its one buffer. */
export function unpack(batch: Batch): Entry[] {
  return batch.topic.map((_, index) => entryAt(batch, index))
}

export function entryAt(batch: Batch, index: number): Entry {
  const key = batch.key[index] ?? null
  const stream = batch.stream[index] ?? null
  const sequence = batch.sequence[index] ?? Number.NaN
  return {
    lane: batch.lanes[batch.lane[index] ?? 0] ?? '',
    position: batch.position[index] ?? 0,
    topic: batch.topic[index] ?? '',
    payload: payloadAt(batch, index),
    time_ms: batch.time_ms[index] ?? 0,
    ...(key === null ? {} : { key }),
    ...(stream === null ? {} : { stream }),
    ...(Number.isNaN(sequence) ? {} : { sequence }),
  }
}

export function payloadAt(batch: Batch, index: number): Uint8Array {
  return batch.payload.subarray(index === 0 ? 0 : batch.end[index - 1], batch.end[index])
}

/** An entry of our own: the caller may reuse the payload's memory, and the entry does not keep a socket's buffer alive. */
export function ownCopy(append: Append, position: number): Entry {
  return { ...append, position, payload: Buffer.from(append.payload) }
}
