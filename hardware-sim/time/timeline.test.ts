import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTimeline, type Timeline } from './timeline.ts'

let clock: Clock
let timeline: Timeline
beforeEach(() => {
  clock = FakeTimers.install({ now: 5_000_000, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  timeline = createTimeline()
})
afterEach(() => {
  timeline.close()
  clock.uninstall()
})

describe('a timeline', () => {
  it('runs what is due in order of time, then in order of asking, with one timer', () => {
    const ran: string[] = []
    timeline.at(2.5, () => ran.push('c'))
    timeline.at(1.2, () => ran.push('a'))
    timeline.at(2.5, () => ran.push('d'))
    timeline.at(1.3, () => ran.push('b'))
    expect(clock.countTimers()).toBe(1)
    clock.tick(1)
    expect(ran).toEqual([])
    clock.tick(2)
    expect(ran).toEqual(['a', 'b', 'c', 'd'])
    expect(clock.countTimers()).toBe(0)
  })

  it('gives the time something was due, not when the timer woke', () => {
    const dues: number[] = []
    timeline.at(1.25, (due_ms) => dues.push(due_ms))
    clock.tick(10)
    expect(dues).toEqual([1.25])
  })

  it('lets an action schedule an earlier one than those waiting', () => {
    const ran: number[] = []
    timeline.at(10, () => ran.push(10))
    timeline.at(1, () => timeline.at(5, () => ran.push(5)))
    clock.tick(7)
    expect(ran).toEqual([5])
    clock.tick(7)
    expect(ran).toEqual([5, 10])
  })

  it('runs nothing that was cancelled, and nothing after it was closed', () => {
    const ran: number[] = []
    const cancel = timeline.at(1, () => ran.push(1))
    timeline.at(3, () => ran.push(3))
    cancel()
    cancel()
    clock.tick(2)
    timeline.close()
    timeline.at(4, () => ran.push(4))
    clock.tick(100)
    expect(ran).toEqual([])
  })

  it('lets the event loop breathe when an action re-arms itself in the past', () => {
    let count = 0
    const again = () => {
      count++
      if (count < 1000) timeline.at(timeline.now() + 0.5, again)
    }
    timeline.at(0, again)
    clock.tick(1)
    expect(count).toBe(1)
  })

  it('catches up with what is due at once', () => {
    const ran: number[] = []
    timeline.at(0, () => ran.push(0))
    timeline.catchUp()
    expect(ran).toEqual([0])
  })

  it('knows the wall clock of a monotonic time', () => {
    expect(timeline.wall_ms(12.5)).toBe(5_000_012.5)
  })
})

describe('an exact timeline', () => {
  it('runs everything in real time, in order and never early', async () => {
    clock.uninstall()
    const exact = createTimeline({ exact: true })
    const start_ms = performance.now()
    const ran: { due_ms: number; at_ms: number }[] = []
    await new Promise<void>((resolve) => {
      for (const wait_ms of [7.7, 0.3, 3.1, 3.2]) {
        exact.at(start_ms + wait_ms, (due_ms) => {
          ran.push({ due_ms: due_ms - start_ms, at_ms: performance.now() - start_ms })
          if (ran.length === 4) resolve()
        })
      }
    })
    exact.close()
    expect(ran.map(({ due_ms }) => Math.round(due_ms * 10) / 10)).toEqual([0.3, 3.1, 3.2, 7.7])
    expect(ran.filter(({ due_ms, at_ms }) => at_ms < due_ms)).toEqual([])
  })
})
