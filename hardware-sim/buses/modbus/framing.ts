import type { Cancel, Timeline } from '../../time/timeline.ts'

/** Silences of RTU framing (Modbus over serial line v1.02, §2.5.1.1): in characters up to 19,200 baud, fixed above. */
const FRAME_GAP_CHARACTERS = 3.5
const CHARACTER_GAP_CHARACTERS = 1.5
const FIXED_ABOVE_BAUD = 19_200
const FRAME_GAP_FIXED_MS = 1.75
const CHARACTER_GAP_FIXED_MS = 0.75
const FRAME_BYTES_MAX = 256
/** Due times are sums of fractions. */
const ROUNDING_MS = 0.001

export interface Silences {
  /** Between two frames. */
  frame_ms: number
  /** At most, between two characters of one frame. */
  character_ms: number
}

export function silencesOf(baud: number, byte_ms: number): Silences {
  if (baud > FIXED_ABOVE_BAUD) return { frame_ms: FRAME_GAP_FIXED_MS, character_ms: CHARACTER_GAP_FIXED_MS }
  return { frame_ms: FRAME_GAP_CHARACTERS * byte_ms, character_ms: CHARACTER_GAP_CHARACTERS * byte_ms }
}

/**
 * Cuts what passes on a line into frames by its silences alone. Only frames that begin with an address of interest are
 * kept, so that a line full of slaves costs each of them next to nothing.
 */
export class FrameReader {
  readonly #timeline: Timeline
  readonly #silences: Silences
  readonly #wants: (unit: number) => boolean
  readonly #frame: (frame: Uint8Array, ended_ms: number) => void
  #bytes: number[] = []
  #state: 'keeping' | 'skipping' = 'skipping'
  #ended_ms = Number.NEGATIVE_INFINITY
  #end: Cancel | undefined

  /** @param frame gets each frame once the line has been silent for long enough, and when its last byte ended */
  constructor(
    timeline: Timeline,
    silences: Silences,
    wants: (unit: number) => boolean,
    frame: (frame: Uint8Array, ended_ms: number) => void,
  ) {
    this.#timeline = timeline
    this.#silences = silences
    this.#wants = wants
    this.#frame = frame
  }

  /** The first byte ended at `first_ms`, the others follow at `byte_ms`. */
  push(bytes: Uint8Array, first_ms: number, byte_ms: number): void {
    const gap_ms = first_ms - byte_ms - this.#ended_ms
    if (gap_ms >= this.#silences.frame_ms - ROUNDING_MS) this.#begin(bytes[0] ?? 0)
    // Whoever pauses within a frame has spoilt it (§2.5.1.1).
    else if (gap_ms > this.#silences.character_ms + ROUNDING_MS) this.#state = 'skipping'
    this.#ended_ms = first_ms + (bytes.length - 1) * byte_ms
    this.#end?.()
    this.#end = undefined
    if (this.#state === 'skipping') return
    this.#bytes.push(...bytes)
    if (this.#bytes.length > FRAME_BYTES_MAX) this.#state = 'skipping'
    else this.#end = this.#timeline.at(this.#ended_ms + this.#silences.frame_ms, () => this.#finish())
  }

  reset(): void {
    this.#end?.()
    this.#state = 'skipping'
  }

  #begin(unit: number): void {
    this.#bytes = []
    this.#state = this.#wants(unit) ? 'keeping' : 'skipping'
  }

  #finish(): void {
    this.#state = 'skipping'
    this.#frame(Uint8Array.from(this.#bytes), this.#ended_ms)
  }
}
