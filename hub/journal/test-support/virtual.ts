import FakeTimers from '@sinonjs/fake-timers'

/** Timers and Date under a test's control; promises and setImmediate stay real. */
export function virtualClock() {
  return FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
}
