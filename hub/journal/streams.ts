import type { LinliError } from '../contract/errors.ts'
import type { StreamRow } from './backend.ts'

/**
 * Which sequences a lane already holds or is about to hold. The danger this guards against: sequence 5 is refused, 6 behind
 * it is committed, and the retry of 5 is then dropped as a duplicate.
 */

/** An append on its way to the disk, as its stream sees it. */
export interface InFlight {
  sequence: number
}

interface Stream<T extends InFlight> {
  lane: string
  name: string
  /** Highest sequence on disk; -1 before the first. */
  highest: number
  /** Ascending sequences. */
  inFlight: T[]
  /** Refused, and not tried again yet: nothing later may pass it. */
  held_from: number | undefined
  held_why: LinliError | undefined
  timer: ReturnType<typeof setTimeout> | undefined
  isDirty: boolean
}

export type Admission<T> =
  | { kind: 'new' }
  | { kind: 'duplicate' }
  | { kind: 'duplicate-of'; other: T }
  | { kind: 'held'; why: LinliError }

export interface Streams<T extends InFlight> {
  /** What is to be done with an append; changes nothing. */
  check(lane: string, name: string, sequence: number): Admission<T>
  /** A checked new append is queued. */
  begin(lane: string, name: string, append: T): void
  /** The oldest append in flight of a stream is on disk. */
  committed(lane: string, name: string): void
  /** A sequence was refused; returns everything in flight behind it, which must be refused too. */
  refused(lane: string, name: string, sequence: number, why: LinliError): T[]
  /** What changed since the last call, least recently used first. */
  takeChanges(): { streams: StreamRow[]; forgotten: { lane: string; name: string }[] }
  /** The changes could not be written after all. */
  giveBack(changes: { streams: StreamRow[]; forgotten: { lane: string; name: string }[] }): void
  /** All of them have to be written again: the file was replaced. */
  rewrite(): void
  close(): void
}

export function createStreams<T extends InFlight>(
  config: { streams_max: number; hold_ms: number },
  known: { folded: readonly StreamRow[]; unfolded: readonly StreamRow[] },
): Streams<T> {
  // In order of last use: the front is forgotten first.
  const streams = new Map<string, Stream<T>>()
  let newest: Stream<T> | undefined
  let forgotten: { lane: string; name: string }[] = []
  const idOf = (lane: string, name: string): string => `${lane}/${name}`

  function use(lane: string, name: string): Stream<T> {
    // One stream is mostly used many times in a row; it is at the back already.
    if (newest?.name === name && newest.lane === lane) return newest
    const id = idOf(lane, name)
    const stream = streams.get(id) ?? fresh(lane, name)
    streams.delete(id)
    streams.set(id, stream)
    newest = stream
    forgetOldest()
    return stream
  }

  const fresh = (lane: string, name: string): Stream<T> => ({
    lane,
    name,
    highest: -1,
    inFlight: [],
    held_from: undefined,
    held_why: undefined,
    timer: undefined,
    isDirty: false,
  })

  function forgetOldest(): void {
    if (streams.size <= config.streams_max) return
    for (const [id, stream] of streams) {
      if (stream.inFlight.length > 0 || stream.held_from !== undefined) continue
      streams.delete(id)
      if (newest === stream) newest = undefined
      forgotten.push({ lane: stream.lane, name: stream.name })
      return
    }
  }

  function release(stream: Stream<T>): void {
    clearTimeout(stream.timer)
    stream.timer = undefined
    stream.held_from = undefined
    stream.held_why = undefined
  }

  function load(rows: readonly StreamRow[], isDirty: boolean): void {
    for (const row of rows) {
      const stream = use(row.lane, row.name)
      stream.highest = Math.max(stream.highest, row.highest)
      stream.isDirty ||= isDirty
    }
  }
  load(known.folded, false)
  // Not in the table yet, and the next fold will say that everything before it is.
  load(known.unfolded, true)

  return {
    check(lane, name, sequence) {
      const isNewest = newest?.name === name && newest.lane === lane
      const stream = isNewest ? newest : streams.get(idOf(lane, name))
      if (!stream) return { kind: 'new' }
      if (sequence <= stream.highest) return { kind: 'duplicate' }
      if (stream.held_from !== undefined && stream.held_why && sequence > stream.held_from)
        return { kind: 'held', why: stream.held_why }
      const last = stream.inFlight.at(-1)
      if (!last || sequence > last.sequence) return { kind: 'new' }
      const other = stream.inFlight.find((one) => one.sequence >= sequence)
      return other ? { kind: 'duplicate-of', other } : { kind: 'new' }
    },
    begin(lane, name, append) {
      const stream = use(lane, name)
      stream.inFlight.push(append)
      if (append.sequence === stream.held_from) release(stream)
    },
    committed(lane, name) {
      const stream = use(lane, name)
      const append = stream.inFlight.shift()
      if (!append) return
      stream.highest = Math.max(stream.highest, append.sequence)
      stream.isDirty = true
    },
    refused(lane, name, sequence, why) {
      const stream = use(lane, name)
      const behind = stream.inFlight.filter((one) => one.sequence >= sequence)
      stream.inFlight = stream.inFlight.filter((one) => one.sequence < sequence)
      stream.held_from = Math.min(sequence, stream.held_from ?? sequence)
      stream.held_why = why
      clearTimeout(stream.timer)
      stream.timer = setTimeout(() => release(stream), config.hold_ms)
      return behind
    },
    takeChanges() {
      const changed = [...streams.values()].filter((stream) => stream.isDirty)
      for (const stream of changed) stream.isDirty = false
      const gone = forgotten.filter(({ lane, name }) => !streams.has(idOf(lane, name)))
      const taken = { streams: changed.map(({ lane, name, highest }) => ({ lane, name, highest })), forgotten: gone }
      forgotten = []
      return taken
    },
    giveBack(changes) {
      forgotten = [...changes.forgotten, ...forgotten]
      for (const row of changes.streams) {
        const stream = streams.get(idOf(row.lane, row.name))
        if (stream) stream.isDirty = true
      }
    },
    rewrite() {
      for (const stream of streams.values()) stream.isDirty ||= stream.highest >= 0
    },
    close() {
      for (const stream of streams.values()) clearTimeout(stream.timer)
    },
  }
}
