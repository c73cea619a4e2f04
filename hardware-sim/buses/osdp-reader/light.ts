import type { Cancel, Timeline } from '../../time/timeline.ts'

/** OSDP 2.2, 6.10: the colours by number. */
const COLORS = ['off', 'red', 'green', 'amber', 'blue', 'magenta', 'cyan', 'white'] as const
const RECORD_BYTES = 14
/** Timers of the records count in tenths of a second. */
const TICK_MS = 100
const CANCEL_TEMPORARY = 1
const SET_TEMPORARY = 2
const SET_PERMANENT = 1

export interface Shown {
  color: string
  flashing: boolean
}

/** The light of a reader: what it shows for good, and for a while above it. */
export class Light {
  readonly #timeline: Timeline
  readonly #show: (shown: Shown, at_ms: number) => void
  #permanent: Shown = { color: 'off', flashing: false }
  #temporary: Shown | undefined
  #end: Cancel | undefined
  #last: Shown = { color: 'off', flashing: false }

  constructor(timeline: Timeline, show: (shown: Shown, at_ms: number) => void) {
    this.#timeline = timeline
    this.#show = show
  }

  /** @returns false when the records have the wrong length or a colour that does not exist */
  command(data: Uint8Array, at_ms: number): boolean {
    if (data.length === 0 || data.length % RECORD_BYTES !== 0) return false
    const records: Uint8Array[] = []
    for (let start = 0; start < data.length; start += RECORD_BYTES)
      records.push(data.slice(start, start + RECORD_BYTES))
    const colors = records.flatMap((record) => [record[5], record[6], record[12], record[13]])
    if (colors.some((color) => color === undefined || color >= COLORS.length)) return false
    for (const record of records) this.#take(record, at_ms)
    return true
  }

  off(at_ms: number): void {
    this.#end?.()
    this.#temporary = undefined
    this.#permanent = { color: 'off', flashing: false }
    this.#tell(at_ms)
  }

  #take(record: Uint8Array, at_ms: number): void {
    const [, , temporary, tOn = 0, tOff = 0, tOnColor = 0, tOffColor = 0, low = 0, high = 0] = record
    const [permanent, pOn = 0, pOff = 0, pOnColor = 0, pOffColor = 0] = record.slice(9)
    if (permanent === SET_PERMANENT) this.#permanent = pattern(pOn, pOff, pOnColor, pOffColor)
    if (temporary === CANCEL_TEMPORARY || temporary === SET_TEMPORARY) this.#end?.()
    if (temporary === CANCEL_TEMPORARY) this.#temporary = undefined
    if (temporary === SET_TEMPORARY) {
      this.#temporary = pattern(tOn, tOff, tOnColor, tOffColor)
      const for_ms = (low | (high << 8)) * TICK_MS
      this.#end = this.#timeline.at(at_ms + for_ms, (due_ms) => {
        this.#temporary = undefined
        this.#tell(due_ms)
      })
    }
    this.#tell(at_ms)
  }

  #tell(at_ms: number): void {
    const now = this.#temporary ?? this.#permanent
    if (now.color === this.#last.color && now.flashing === this.#last.flashing) return
    this.#last = now
    this.#show(now, at_ms)
  }
}

/** Two colours in turn are told by the first that is lit. */
function pattern(on: number, off: number, onColor: number, offColor: number): Shown {
  const flashing = on > 0 && off > 0 && onColor !== offColor
  const [first, second] = on > 0 ? [onColor, offColor] : [offColor, onColor]
  const lit = flashing && first === 0 ? second : first
  return { color: COLORS[lit] ?? 'off', flashing }
}
