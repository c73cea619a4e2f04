import { integerBetween, type Random } from '../../random.ts'
import type { Cancel, Timeline } from '../../time/timeline.ts'

export interface ContactOptions {
  bounce_ms_max: number
  chatter_per_s: number
}

/** A mechanical contact: a finger moves it, physics lets it bounce and chatter, bad luck welds it. */
export interface Contact {
  readonly closed: boolean
  press(at_ms: number): void
  release(at_ms: number): void
  /** The contact stays where it is told, whatever the finger does. */
  stick(position: 'closed' | 'open', at_ms: number): void
  unstick(at_ms: number): void
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

export function createContact(
  deps: { timeline: Timeline; random: Random },
  options: ContactOptions,
  listener: ContactListener,
): Contact {
  const { timeline, random } = deps
  let finger = false
  let stuck: boolean | undefined
  let position = false
  let closed = false
  let pending: Cancel[] = []

  function set(next: boolean, at_ms: number): void {
    if (closed === next) return
    closed = next
    listener.changed(closed, at_ms)
  }

  function settle(at_ms: number): void {
    const next = stuck ?? finger
    if (next === position) return
    position = next
    for (const cancel of pending) cancel()
    pending = []
    set(position, at_ms)
    listener.moved(position, at_ms)
    const settled_ms = bounce(at_ms)
    if (position && options.chatter_per_s > 0) chatter(settled_ms)
  }

  /** Pairs of openings and closings inside the bounce time; @returns when the contact rests. */
  function bounce(at_ms: number): number {
    const count = integerBetween(random, 0, BOUNCES_MAX)
    const moments = Array.from({ length: count * 2 }, () => random() * options.bounce_ms_max).sort((a, b) => a - b)
    const rest = position
    for (const [index, offset_ms] of moments.entries()) {
      pending.push(timeline.at(at_ms + offset_ms, (due_ms) => set(index % 2 === 0 ? !rest : rest, due_ms)))
    }
    return at_ms + (moments.at(-1) ?? 0)
  }

  function chatter(from_ms: number): void {
    // Openings at exponentially distributed distances: a memoryless fault, like dirt between the contacts.
    const open_ms = from_ms + (-Math.log(1 - random()) * 1000) / options.chatter_per_s
    const gap_ms = random() * CHATTER_GAP_MS_MAX
    const open = timeline.at(open_ms, (due_ms) => set(false, due_ms))
    const close = timeline.at(open_ms + gap_ms, (due_ms) => {
      set(true, due_ms)
      chatter(due_ms)
    })
    pending = [open, close]
  }

  return {
    get closed() {
      return closed
    },
    press(at_ms) {
      finger = true
      settle(at_ms)
    },
    release(at_ms) {
      finger = false
      settle(at_ms)
    },
    stick(where, at_ms) {
      stuck = where === 'closed'
      settle(at_ms)
    },
    unstick(at_ms) {
      stuck = undefined
      settle(at_ms)
    },
  }
}
