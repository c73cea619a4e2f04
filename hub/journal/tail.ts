import type { Entry } from './types.ts'

/** The newest entries of a lane in memory, so that a reader that keeps up never asks the disk. */
export interface Tail {
  push(entry: Entry): void
  /** Undefined when the tail does not reach back to `after_position`. */
  read(after_position: number, limit: number): Entry[] | undefined
}

/** `start`: the lane's last position when the tail begins. Bounded in entries and in payload bytes. */
export function createTail(
  config: { entries_max: number; bytes_max: number; isCompacted: boolean },
  start: number,
): Tail {
  // Positions are consecutive, so an entry's place is found by counting. A replaced entry of a compacted lane leaves a hole.
  let entries: (Entry | undefined)[] = []
  let head = 0
  let before_first = start
  let bytes = 0
  const newest = new Map<string, number>()

  function dropOldest(): void {
    const entry = entries[head]
    entries[head] = undefined
    head += 1
    before_first += 1
    if (!entry) return
    bytes -= entry.payload.length
    if (entry.key !== undefined) newest.delete(entry.key)
  }

  return {
    push(entry) {
      if (config.isCompacted && entry.key !== undefined) {
        const place = head + (newest.get(entry.key) ?? 0) - before_first - 1
        const replaced = newest.has(entry.key) ? entries[place] : undefined
        if (replaced) {
          bytes -= replaced.payload.length
          entries[place] = undefined
        }
        newest.set(entry.key, entry.position)
      }
      entries.push(entry)
      bytes += entry.payload.length
      while (entries.length - head > config.entries_max || (bytes > config.bytes_max && head < entries.length))
        dropOldest()
      if (head > config.entries_max) {
        entries = entries.slice(head)
        head = 0
      }
    },
    read(after_position, limit) {
      if (after_position < before_first) return undefined
      const found: Entry[] = []
      for (
        let place = head + after_position - before_first;
        place < entries.length && found.length < limit;
        place += 1
      ) {
        const entry = entries[place]
        if (entry) found.push(entry)
      }
      return found
    },
  }
}
