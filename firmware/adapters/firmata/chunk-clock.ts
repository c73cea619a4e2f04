import { type Moment, momentAt } from '../../moment.ts'

/**
 * Dates the levels that a board reports.
 *
 * Firmata messages carry no time. When this process, a USB chip or a hub held bytes back, a closing and an opening of a
 * contact are read in one go, and by their arrival a press of 100 ms would have no length at all. But the board sends
 * one analog message every sampling interval: n of them between two changes of a pin prove n − 1 whole intervals between
 * them, whether they came in one chunk of bytes or in many. A glitch is never stretched by this.
 */
export type Received = { kind: 'tick' } | { kind: 'level'; pin: number; high: boolean }

export interface DatedLevel {
  pin: number
  high: boolean
  at: Moment
}

/** Over more ticks than this the board's own clock (a resonator, ±0.5 %) may be off by half an interval: not believed. */
const TICKS_BELIEVED_MAX = 100

interface PinTime {
  high: boolean
  /** Monotonic time of the change to this level. */
  at_ms: number
  /** Ticks counted by then. */
  ticks: number
}

export class ChunkClock {
  readonly #interval_ms: number
  /** Ticks since the beginning. */
  #ticks = 0
  /**
   * Of each pin its last change. What other pins report in between, or the same level read again, cuts the time into
   * pieces of which each proves an interval less: counted over all reports, a press among others had no length left.
   */
  readonly #pins = new Map<number, PinTime>()

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
        this.#ticks++
        return
      }
      const { pin, high } = item
      const at_ms = Math.max(arrival.monotonic_ms - this.#proven(ticksAfter[index] ?? 0), this.#earliest_ms(pin))
      if (this.#pins.get(pin)?.high !== high) this.#pins.set(pin, { high, at_ms, ticks: this.#ticks })
      dated.push({ pin, high, at: momentAt(arrival, at_ms) })
    })
    return dated
  }

  /** A pin cannot have changed again before the samples since its last change were taken. */
  #earliest_ms(pin: number): number {
    const last = this.#pins.get(pin)
    if (!last) return Number.NEGATIVE_INFINITY
    const ticks = this.#ticks - last.ticks
    return last.at_ms + (ticks <= TICKS_BELIEVED_MAX ? this.#proven(ticks) : 0)
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
