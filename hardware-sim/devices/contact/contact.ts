import { integerBetween, type Random } from '../../random.ts'
import type { Cancel, Timeline } from '../../time/timeline.ts'

export interface ContactOptions {
  bounce_ms_max: number
  chatter_per_s: number
  /** Where it rests at first; open if not given. */
  closed?: boolean
}

export interface ContactListener {
  /** Every electrical change, bounces included. */
  changed(closed: boolean, at_ms: number): void
  /** The first change of a movement. */
  moved(closed: boolean, at_ms: number): void
}

/** Most contacts bounce a few times; each excursion is a fraction of the bounce time. */
const BOUNCES_MAX = 4
/** A worn contact opens for up to this long while it is held. */
const CHATTER_GAP_MS_MAX = 2

/** A mechanical contact: a finger moves it, physics lets it bounce and chatter, bad luck welds it. */
export class Contact {
  readonly #timeline: Timeline
  readonly #random: Random
  readonly #options: ContactOptions
  readonly #listener: ContactListener
  #finger: boolean
  #stuck: boolean | undefined
  /** Where the contact rests when it has settled. */
  #position: boolean
  #closed: boolean
  #pending: Cancel[] = []

  constructor(deps: { timeline: Timeline; random: Random }, options: ContactOptions, listener: ContactListener) {
    this.#timeline = deps.timeline
    this.#random = deps.random
    this.#options = options
    this.#listener = listener
    const closed = options.closed ?? false
    this.#finger = closed
    this.#position = closed
    this.#closed = closed
  }

  get closed(): boolean {
    return this.#closed
  }

  press(at_ms: number): void {
    this.#finger = true
    this.#move(at_ms)
  }

  release(at_ms: number): void {
    this.#finger = false
    this.#move(at_ms)
  }

  /** The contact stays where it is told, whatever the finger does. */
  stick(where: 'closed' | 'open', at_ms: number): void {
    this.#stuck = where === 'closed'
    this.#move(at_ms)
  }

  unstick(at_ms: number): void {
    this.#stuck = undefined
    this.#move(at_ms)
  }

  #set(next: boolean, at_ms: number): void {
    if (this.#closed === next) return
    this.#closed = next
    this.#listener.changed(next, at_ms)
  }

  #move(at_ms: number): void {
    const next = this.#stuck ?? this.#finger
    if (next === this.#position) return
    this.#position = next
    for (const cancel of this.#pending) cancel()
    this.#pending = []
    this.#listener.moved(next, at_ms)
    this.#set(next, at_ms)
    const settled_ms = this.#bounce(at_ms)
    if (next && this.#options.chatter_per_s > 0) this.#chatter(settled_ms)
  }

  /** Pairs of openings and closings inside the bounce time; @returns when the contact rests. */
  #bounce(at_ms: number): number {
    if (this.#options.bounce_ms_max === 0) return at_ms
    const count = integerBetween(this.#random, 0, BOUNCES_MAX)
    const moments = Array.from({ length: count * 2 }, () => this.#random() * this.#options.bounce_ms_max)
    moments.sort((left, right) => left - right)
    const rest = this.#position
    for (const [index, offset_ms] of moments.entries()) {
      const next = index % 2 === 0 ? !rest : rest
      this.#pending.push(this.#timeline.at(at_ms + offset_ms, (due_ms) => this.#set(next, due_ms)))
    }
    return at_ms + (moments.at(-1) ?? 0)
  }

  /** Openings at exponentially distributed distances: a memoryless fault, like dirt between the contacts. */
  #chatter(from_ms: number): void {
    const open_ms = from_ms + (-Math.log(1 - this.#random()) * 1000) / this.#options.chatter_per_s
    const gap_ms = this.#random() * CHATTER_GAP_MS_MAX
    this.#pending.push(
      this.#timeline.at(open_ms, (due_ms) => this.#set(false, due_ms)),
      this.#timeline.at(open_ms + gap_ms, (due_ms) => {
        this.#pending = []
        this.#set(true, due_ms)
        this.#chatter(due_ms)
      }),
    )
  }
}
