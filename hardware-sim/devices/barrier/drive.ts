import type { BoomWish } from './boom.ts'

export type Relay = 'raise' | 'lower' | 'stop'

/** The relays and the control of a motor: what the motor does, given what the pins say. */
export class Drive {
  readonly #latched: boolean
  readonly #unpowered: BoomWish
  readonly #asked = new Map<Relay, boolean>()
  readonly #welded = new Map<Relay, boolean>()
  #powered = true
  #latch: BoomWish = 'none'

  constructor(options: { latched: boolean; unpowered: BoomWish }) {
    this.#latched = options.latched
    this.#unpowered = options.unpowered
  }

  set(relay: Relay, on: boolean): void {
    this.#change(() => this.#asked.set(relay, on))
  }

  weld(relay: Relay, on: boolean): void {
    this.#change(() => this.#welded.set(relay, on))
  }

  power(on: boolean): void {
    this.#powered = on
    this.#latch = 'none'
  }

  heal(): void {
    this.#change(() => this.#welded.clear())
    this.#powered = true
  }

  /** A latched motor ends by itself where its limit switch says so. */
  reached(limit: 'up' | 'down'): void {
    if (this.#latch === (limit === 'up' ? 'raise' : 'lower')) this.#latch = 'none'
  }

  get wish(): BoomWish {
    if (!this.#powered) return this.#unpowered
    return this.#latched ? this.#latch : this.#held()
  }

  /** Both directions at once are locked out by the contactors. */
  #held(): BoomWish {
    const raise = this.#on('raise')
    if (this.#on('stop') || raise === this.#on('lower')) return 'none'
    return raise ? 'raise' : 'lower'
  }

  #on(relay: Relay): boolean {
    return this.#welded.get(relay) ?? this.#asked.get(relay) ?? false
  }

  #change(change: () => void): void {
    const before = this.#held()
    change()
    const now = this.#held()
    if (this.#on('stop')) this.#latch = 'none'
    else if (now !== before && now !== 'none' && this.#powered) this.#latch = now
  }
}
