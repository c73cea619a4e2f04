import { type Moment, momentAt } from '../../moment.ts'

/**
 * Dates the levels that a board reports.
 *
 * Firmata messages carry no time. When this process, a USB chip or a hub held bytes back, a closing and an opening of a
 * contact are read in one go, and by their arrival a press of 100 ms would have no length at all. But the board sends
 * one analog message every sampling interval: n of them between two reports prove n − 1 whole intervals between them,
 * whether they came in one chunk of bytes or in many. A glitch is never stretched by this.
 */
export type Received = { kind: 'tick' } | { kind: 'level'; pin: number; high: boolean }

export interface DatedLevel {
  pin: number
  high: boolean
  at: Moment
}

/** Over more ticks than this the board's own clock (a resonator, ±0.5 %) may be off by half an interval: not believed. */
const TICKS_BELIEVED_MAX = 100

export class ChunkClock {
  readonly #interval_ms: number
  /** The last report: monotonic time, and the ticks since. */
  #last_ms = Number.NEGATIVE_INFINITY
  #ticksSince = 0

  /** @param interval_ms the board's sampling interval */
  constructor(interval_ms: number) {
    this.#interval_ms = interval_ms
  }

  /** @param arrival when the chunk was read */
  date(received: Received[], arrival: Moment): DatedLevel[] {
    const ticksAfter = countTicksAfter(received)
    const dated: DatedLevel[] = []
    received.forEach((item, index) => {
      if (item.kind === 'tick') {
        this.#ticksSince++
        return
      }
      const back_ms = this.#proven(ticksAfter[index] ?? 0)
      const since_ms = this.#ticksSince <= TICKS_BELIEVED_MAX ? this.#proven(this.#ticksSince) : 0
      const monotonic_ms = Math.max(arrival.monotonic_ms - back_ms, this.#last_ms + since_ms)
      this.#last_ms = monotonic_ms
      this.#ticksSince = 0
      dated.push({ pin: item.pin, high: item.high, at: momentAt(arrival, monotonic_ms) })
    })
    return dated
  }

  #proven(ticks: number): number {
    return Math.max(0, ticks - 1) * this.#interval_ms
  }
}

function countTicksAfter(received: Received[]): number[] {
  let ticks = 0
  return received
    .toReversed()
    .map((item) => (item.kind === 'tick' ? ticks++ : ticks))
    .reverse()
}
