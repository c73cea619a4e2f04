/** Stops a scheduled action; stopping twice or too late does nothing. */
export type Cancel = () => void

export interface Timeline {
  /** Monotonic time in ms, `performance.now()`. */
  now(): number
  /** Wall-clock epoch ms of a monotonic time. */
  wall_ms(at_ms: number): number
  /** Runs an action at a time; the action gets the time it was due, not the time the timer woke. */
  at(due_ms: number, run: (due_ms: number) => void): Cancel
  /** Runs what is already due, so that what happens next sees a world that is up to date. */
  catchUp(): void
  close(): void
}

interface Entry {
  due_ms: number
  run: ((due_ms: number) => void) | undefined
}

/** A timer may come this much too late, on top of what its whole milliseconds leave over. */
const TIMER_LATE_MS = 1

export interface TimelineOptions {
  /**
   * The last one to two milliseconds before something is due are waited for by looping through the event loop instead of
   * by a timer, so that it happens some 10 µs late and not up to 2 ms. It costs a core while lines are busy, and works in
   * real time only. Off if not given.
   */
  exact?: boolean
}

/**
 * The one clock of a simulated world: everything that will happen, in the order of its due time, behind one timer.
 *
 * One timer for fifty boards keeps the process cheap, and the order by due time makes a run repeat exactly under fake
 * timers. Due times are fractions of a millisecond (a byte at 57600 baud lasts 0.17 ms) although timers are not, so a
 * wake-up serves everything that fell due since the last one.
 */
export function createTimeline({ exact = false }: TimelineOptions = {}): Timeline {
  const entries: Entry[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let loop: ReturnType<typeof setImmediate> | undefined
  let armed_for_ms = Number.POSITIVE_INFINITY
  let running = false
  let closed = false

  const now = () => performance.now()

  function arm(): void {
    const first = entries[0]
    if (closed || running || !first || first.due_ms >= armed_for_ms) return
    disarm()
    armed_for_ms = first.due_ms
    const wait_ms = first.due_ms - now()
    if (exact && wait_ms < 1 + TIMER_LATE_MS) loop = setImmediate(wake)
    else if (exact) timer = setTimeout(wake, Math.floor(wait_ms - TIMER_LATE_MS))
    // Rounded up: a timer truncates fractions, and a byte must not arrive before its stop bit.
    else timer = setTimeout(wake, Math.max(1, Math.ceil(wait_ms)))
  }

  function disarm(): void {
    clearTimeout(timer)
    clearImmediate(loop)
  }

  function wake(): void {
    armed_for_ms = Number.POSITIVE_INFINITY
    runDue()
    arm()
  }

  function runDue(): void {
    if (running) return
    running = true
    // The limit is read once: work that re-arms itself yields to the event loop even when it falls behind.
    const limit_ms = now()
    try {
      for (let first = entries[0]; first && first.due_ms <= limit_ms; first = entries[0]) {
        entries.shift()
        first.run?.(first.due_ms)
      }
    } finally {
      running = false
    }
  }

  return {
    now,
    wall_ms: (at_ms) => performance.timeOrigin + at_ms,
    at(due_ms, run) {
      const entry: Entry = { due_ms, run }
      entries.splice(placeFor(entries, due_ms), 0, entry)
      arm()
      return () => {
        entry.run = undefined
      }
    },
    catchUp() {
      runDue()
      arm()
    },
    close() {
      closed = true
      disarm()
      entries.length = 0
    },
  }
}

/** After all entries that are due no later, so that equal times keep the order they were asked in. */
function placeFor(entries: readonly Entry[], due_ms: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.due_ms ?? 0) <= due_ms) low = middle + 1
    else high = middle
  }
  return low
}
