/** The part of @sinonjs/fake-timers that is used; the test hands in its `install`. */
export interface Clock {
  now: number
  tick(time_ms: number): number
  /** Time passes in one leap, as for a process that was held up: each timer fires once. */
  jump(time_ms: number): number
  /** As somebody sets a clock: no timer fires for it. */
  setSystemTime(now_ms: number): void
  uninstall(): void
}
const FAKED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] as const
export type Install = (config: { now: number; toFake: Array<(typeof FAKED)[number]> }) => Clock

/** Virtual time for unit tests of what runs on timers and promises; the event loop itself stays real. */
export interface VirtualTime {
  readonly clock: Clock
  /** Lets virtual time pass, and everything that becomes ready in it. */
  pass(time_ms: number, step_ms?: number): Promise<void>
  end(): void
}

export function startVirtualTime(install: Install): VirtualTime {
  const hop = setImmediate
  const clock = install({ now: Date.UTC(2026, 10, 1), toFake: [...FAKED] })
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
