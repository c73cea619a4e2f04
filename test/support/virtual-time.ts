import FakeTimers, { type Clock } from '@sinonjs/fake-timers'

/**
 * Virtual time for the whole stack in one process. Timers and the clocks are faked; `setImmediate` and `nextTick` stay
 * real, so that streams and promises run. After each timer the I/O that it caused is let run dry before time goes on:
 * plain `tickAsync` outruns it.
 */

const realImmediate = setImmediate
/** Turns of the event loop without any traffic after which the process counts as quiet. */
const QUIET_HOPS = 12

export interface VirtualTime {
  readonly clock: Clock
  /** Whatever moves bytes calls this, so that quiet can be told from busy. */
  touch(): void
  advance(ms: number): Promise<void>
  /** Lets what is under way settle without moving time. */
  settle(): Promise<void>
  restore(): void
}

/** @param quiet_hops fewer make long stretches cheap in which little moves */
export function createVirtualTime(start: string, quiet_hops = QUIET_HOPS): VirtualTime {
  const clock = FakeTimers.install({
    now: Date.parse(start),
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
  mendRefresh()
  let touched = false

  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < quiet_hops; quiet++) {
      touched = false
      await new Promise<void>((resolve) => realImmediate(resolve))
      if (touched) quiet = 0
    }
  }

  return {
    clock,
    touch: () => {
      touched = true
    },
    settle,
    async advance(ms) {
      let over = false
      clock.setTimeout(() => {
        over = true
      }, ms)
      await settle()
      while (!over) {
        const before_ms = clock.now
        clock.next()
        if (clock.now < before_ms) throw new Error(`virtual time went back from ${before_ms} to ${clock.now}`)
        await settle()
      }
    },
    restore: () => clock.uninstall(),
  }
}

/**
 * `refresh()` of fake-timers 15.5 gives a timer its new time before it takes it out of the heap, which puts other timers out
 * of order: late ones ring early, and then the clock goes back. Aedes refreshes one per packet. Taken out first, it is right.
 */
function mendRefresh(): void {
  const fake = globalThis.setTimeout
  const mended = (...args: Parameters<typeof fake>) => {
    const timer = fake(...args)
    const refresh = timer.refresh.bind(timer)
    timer.refresh = () => {
      clearTimeout(timer)
      return refresh()
    }
    return timer
  }
  globalThis.setTimeout = Object.assign(mended, fake)
}
