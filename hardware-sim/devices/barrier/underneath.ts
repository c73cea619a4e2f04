import type { BarrierEvent } from '../../events.ts'
import type { Cancel, Timeline } from '../../time/timeline.ts'

/** Height of this boom's underside at its pivot, and how far from the pivot bodies pass. */
const PIVOT_HEIGHT_M = 0.9
const LATERAL_M = 1.5
/** A boom raised so far is out of everybody's way. */
const CLEAR_DEG = 80
/** Longer than any sensor, board and gateway need together to stop a boom. */
const KEPT_CLOSING_MS = 500
const NEAR_DEG = 0.01

/** The angle at which the boom meets a body of a height, coming from above. */
export function contactAngle_deg(height_m: number): number {
  if (height_m <= PIVOT_HEIGHT_M) return 0
  const sine = (height_m - PIVOT_HEIGHT_M) / LATERAL_M
  return sine >= 1 ? CLEAR_DEG : Math.min(CLEAR_DEG, (Math.asin(sine) * 180) / Math.PI)
}

export interface Body {
  id: string
  height_m: number
}

interface Present {
  contact_deg: number
  overrun: Cancel | undefined
}

type Rule = (BarrierEvent & { type: 'violation' })['rule']

/** The bodies under one boom, and what the boom does to them: the ground truth of its safety. */
export class Underneath {
  readonly #timeline: Timeline
  readonly #tell: (what: { type: 'violation'; rule: Rule } | { type: 'collision' }, body: string, at_ms: number) => void
  readonly #bodies = new Map<string, Present>()
  #falling = false
  #angle_deg = 0

  constructor(
    timeline: Timeline,
    tell: (what: { type: 'violation'; rule: Rule } | { type: 'collision' }, body: string, at_ms: number) => void,
  ) {
    this.#timeline = timeline
    this.#tell = tell
  }

  /** How far the boom can fall. */
  get floor_deg(): number {
    return Math.max(0, ...[...this.#bodies.values()].map(({ contact_deg }) => contact_deg))
  }

  /** @returns whether bodies have come or gone */
  set(bodies: readonly Body[], angle_deg: number, at_ms: number): boolean {
    this.#angle_deg = angle_deg
    const here = new Set(bodies.map(({ id }) => id))
    let changed = false
    for (const [id, { overrun }] of this.#bodies) {
      if (here.has(id)) continue
      overrun?.()
      this.#bodies.delete(id)
      changed = true
    }
    for (const { id, height_m } of bodies) {
      if (this.#bodies.has(id)) continue
      this.#bodies.set(id, { contact_deg: contactAngle_deg(height_m), overrun: undefined })
      this.#came(id, at_ms)
      changed = true
    }
    return changed
  }

  boomMoved(falling: boolean, angle_deg: number, at_ms: number): void {
    this.#angle_deg = angle_deg
    if (falling === this.#falling) return
    this.#falling = falling
    for (const id of this.#bodies.keys()) {
      if (falling) this.#tell({ type: 'violation', rule: 'started-over-body' }, id, at_ms)
      this.#watch(id, at_ms)
    }
  }

  /** The falling boom has come to rest on what lies beneath. */
  landed(angle_deg: number, at_ms: number): void {
    for (const [id, { contact_deg }] of this.#bodies) {
      if (contact_deg > 0 && contact_deg >= angle_deg - NEAR_DEG) {
        this.#tell({ type: 'violation', rule: 'contact' }, id, at_ms)
      }
    }
  }

  #came(id: string, at_ms: number): void {
    const body = this.#bodies.get(id)
    if (body && body.contact_deg > this.#angle_deg + NEAR_DEG) {
      this.#tell(this.#falling ? { type: 'violation', rule: 'contact' } : { type: 'collision' }, id, at_ms)
    }
    this.#watch(id, at_ms)
  }

  #watch(id: string, at_ms: number): void {
    const body = this.#bodies.get(id)
    if (!body) return
    body.overrun?.()
    body.overrun = undefined
    if (!this.#falling) return
    body.overrun = this.#timeline.at(at_ms + KEPT_CLOSING_MS, (due_ms) =>
      this.#tell({ type: 'violation', rule: 'kept-closing' }, id, due_ms),
    )
  }
}
