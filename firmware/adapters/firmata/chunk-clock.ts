import { type Moment, momentAt } from '../../moment.ts'

/**
 * Dates what was received in one chunk of bytes.
 *
 * Firmata messages carry no time. When this process was held up, a closing and an opening of a contact may be read in
 * one go, and by their arrival a press of 100 ms would have no length at all. But the board sends one analog message
 * every sampling interval: those between two reports in the same chunk prove how much time lay between them.
 */
export type Received = { kind: 'tick' } | { kind: 'level'; pin: number; high: boolean }

export interface DatedLevel {
  pin: number
  high: boolean
  at: Moment
}

/**
 * @param arrival when the chunk was read
 * @param interval_ms the board's sampling interval
 * @param floor_ms monotonic time that no estimate may precede: that of the last report before this chunk
 */
export function dateChunk(received: Received[], arrival: Moment, interval_ms: number, floor_ms: number): DatedLevel[] {
  let ticksAfter = 0
  const dated: DatedLevel[] = []
  for (const item of received.toReversed()) {
    if (item.kind === 'tick') {
      ticksAfter++
      continue
    }
    // n ticks after a report prove at least n − 1 whole intervals: a glitch is never stretched by this.
    const back_ms = Math.max(0, ticksAfter - 1) * interval_ms
    const monotonic_ms = Math.max(Math.min(floor_ms, arrival.monotonic_ms), arrival.monotonic_ms - back_ms)
    dated.push({ pin: item.pin, high: item.high, at: momentAt(arrival, monotonic_ms) })
  }
  return dated.reverse()
}
