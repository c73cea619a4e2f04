import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { giveBackAtRest } from './at-rest.ts'

const gc = globalThis.gc
let clock: Clock
beforeEach(() => {
  clock = FakeTimers.install({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({ idle: 99, active: 1, utilization: 0.01 })
})
afterEach(() => {
  clock.uninstall()
  vi.restoreAllMocks()
  globalThis.gc = gc
})

describe('giving back at rest', () => {
  it('collects everything, then does what is to be done afterwards', () => {
    const calls: unknown[] = []
    const collect = vi.fn(async (options: unknown) => void calls.push(options))
    globalThis.gc = collect as unknown as typeof globalThis.gc
    const watch = giveBackAtRest({ afterwards: () => calls.push('afterwards') })
    clock.tick(14_999)
    expect(calls).toEqual([])
    clock.tick(1)
    expect(calls).toEqual([{ type: 'major', execution: 'sync', flavor: 'last-resort' }, 'afterwards'])
    watch.close()
    clock.tick(600_000)
    expect(calls).toHaveLength(2)
  })

  it('leaves less of the heap than a burst took', () => {
    setFlagsFromString('--expose-gc')
    globalThis.gc = runInNewContext('gc')
    let burst: unknown[] | undefined = Array.from({ length: 300_000 }, (_, index) => ({ index, text: `${index}` }))
    const taken = getHeapStatistics().total_physical_size
    expect(burst).toHaveLength(300_000)
    burst = undefined
    const watch = giveBackAtRest()
    clock.tick(15_000)
    expect(getHeapStatistics().total_physical_size).toBeLessThan(taken - 15e6)
    watch.close()
  })

  it('does nothing where Node was started without --expose-gc', () => {
    globalThis.gc = undefined
    giveBackAtRest()
    expect(clock.countTimers()).toBe(0)
  })
})
