import { type Clock, install } from '@sinonjs/fake-timers'

/** Virtual time for unit tests of what runs on timers and promises; the event loop itself stays real. */
export interface VirtualTime {
  readonly clock: Clock
  /** Lets virtual time pass, and everything that becomes ready in it. */
  pass(time_ms: number, step_ms?: number): Promise<void>
  end(): void
}

export function startVirtualTime(): VirtualTime {
  const hop = setImmediate
  const clock = install({
    now: Date.UTC(2026, 10, 1),
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
  const drain = () => new Promise<void>((resolve) => hop(() => resolve()))
  return {
    clock,
    async pass(time_ms, step_ms = 1) {
      const end_ms = clock.now + time_ms
      await drain()
      while (clock.now < end_ms) {
        clock.tick(Math.min(step_ms, end_ms - clock.now))
        await drain()
      }
    },
    end: () => clock.uninstall(),
  }
}
