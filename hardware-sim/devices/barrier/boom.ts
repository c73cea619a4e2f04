import type { Cancel, Timeline } from '../../time/timeline.ts'

export const UP_DEG = 90
export const DOWN_DEG = 0
/** A limit switch acts this far before the end, and lets go a little further away. */
const LIMIT_DEG = 2
const RELEASE_DEG = 2.5
/** Rounding of the divisions below. */
const NEAR_DEG = 1e-6

export interface BoomOptions {
  raise_ms: number
  lower_ms: number
  coast_ms: number
}

export interface BoomListener {
  /** It began to move another way, stopped, or crossed the edge of a limit. */
  moved(at_ms: number): void
  /** Falling, it met what lies at its floor. */
  landed(at_ms: number): void
}

export type BoomWish = 'raise' | 'lower' | 'none'

/**
 * The angle of a boom, 0 down to 90 up: linear in time between the moments at which something happens, so that nothing
 * runs while nothing happens. The brake needs `coast_ms`; a turn of direction needs it too.
 */
export class Boom {
  readonly #timeline: Timeline
  readonly #options: BoomOptions
  readonly #listener: BoomListener
  #angle_deg = DOWN_DEG
  #since_ms: number
  /** deg/ms, up is positive. */
  #speed = 0
  #up = false
  #down = true
  #wish: BoomWish = 'none'
  #floor_deg = DOWN_DEG
  #ceiling_deg = UP_DEG
  #turn: Cancel | undefined
  #next: Cancel | undefined

  constructor(timeline: Timeline, options: BoomOptions, listener: BoomListener) {
    this.#timeline = timeline
    this.#options = options
    this.#listener = listener
    this.#since_ms = timeline.now()
  }

  angleAt(at_ms: number): number {
    const angle_deg = this.#angle_deg + this.#speed * Math.max(0, at_ms - this.#since_ms)
    if (this.#speed > 0) return Math.min(angle_deg, this.#ceiling_deg)
    return this.#speed < 0 ? Math.max(angle_deg, this.#floor_deg) : angle_deg
  }

  get direction(): 'rising' | 'falling' | 'still' {
    return this.#speed === 0 ? 'still' : this.#speed > 0 ? 'rising' : 'falling'
  }

  get limits(): { up: boolean; down: boolean } {
    return { up: this.#up, down: this.#down }
  }

  /** What the motor is made to do. */
  wish(wish: BoomWish, at_ms: number): void {
    if (wish === this.#wish) return
    this.#wish = wish
    this.#turn?.()
    this.#turn = undefined
    const { coast_ms } = this.#options
    if (this.#speed === 0 || coast_ms === 0 || Math.sign(this.#speed) === Math.sign(this.#wanted())) {
      this.#run(at_ms)
      return
    }
    this.#turn = this.#timeline.at(at_ms + coast_ms, (due_ms) => {
      this.#turn = undefined
      this.#run(due_ms)
    })
  }

  /** Between which angles it can move; where it is beyond them, it stays. */
  confine(floor_deg: number, ceiling_deg: number, at_ms: number): void {
    const angle_deg = this.angleAt(at_ms)
    this.#settle(at_ms)
    this.#floor_deg = Math.min(floor_deg, angle_deg)
    this.#ceiling_deg = Math.max(ceiling_deg, angle_deg)
    if (this.#turn && this.#canMove(this.#speed)) this.#plan(at_ms)
    else this.#run(at_ms)
  }

  #wanted(): number {
    if (this.#wish === 'none') return 0
    return this.#wish === 'raise' ? UP_DEG / this.#options.raise_ms : -UP_DEG / this.#options.lower_ms
  }

  #settle(at_ms: number): void {
    this.#angle_deg = this.angleAt(at_ms)
    this.#since_ms = at_ms
    if (this.#angle_deg >= UP_DEG - LIMIT_DEG - NEAR_DEG) this.#up = true
    else if (this.#angle_deg <= UP_DEG - RELEASE_DEG + NEAR_DEG) this.#up = false
    if (this.#angle_deg <= DOWN_DEG + LIMIT_DEG + NEAR_DEG) this.#down = true
    else if (this.#angle_deg >= DOWN_DEG + RELEASE_DEG - NEAR_DEG) this.#down = false
  }

  #canMove(speed: number): boolean {
    return speed > 0
      ? this.#angle_deg < this.#ceiling_deg - NEAR_DEG
      : speed < 0 && this.#angle_deg > this.#floor_deg + NEAR_DEG
  }

  #run(at_ms: number): void {
    this.#settle(at_ms)
    const before = this.#speed
    const wanted = this.#wanted()
    this.#speed = this.#canMove(wanted) ? wanted : 0
    this.#plan(at_ms)
    if (before !== this.#speed) this.#listener.moved(at_ms)
  }

  /** The next angle at which there is something to tell. */
  #plan(at_ms: number): void {
    this.#next?.()
    this.#next = undefined
    if (this.#speed === 0) return
    const marks =
      this.#speed > 0
        ? [DOWN_DEG + RELEASE_DEG, UP_DEG - LIMIT_DEG, this.#ceiling_deg]
        : [UP_DEG - RELEASE_DEG, DOWN_DEG + LIMIT_DEG, this.#floor_deg]
    const waits_ms = marks.map((mark) => (mark - this.#angle_deg) / this.#speed).filter((ms) => ms > NEAR_DEG)
    this.#next = this.#timeline.at(at_ms + Math.min(...waits_ms), (due_ms) => this.#arrive(due_ms))
  }

  #arrive(at_ms: number): void {
    this.#next = undefined
    const falling = this.#speed < 0
    this.#settle(at_ms)
    const ended = !this.#canMove(this.#speed)
    if (ended) {
      this.#angle_deg = falling ? this.#floor_deg : this.#ceiling_deg
      this.#speed = 0
    }
    this.#plan(at_ms)
    this.#listener.moved(at_ms)
    if (ended && falling) this.#listener.landed(at_ms)
  }
}
