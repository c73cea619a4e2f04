import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createTimeQuality, openKernelClock } from './kernel-clock.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('is unsynced until the clock is set, holdover when it lost its source, and asked at most every ten seconds', () => {
  let answer: boolean | undefined
  let asked = 0
  const quality = createTimeQuality(() => {
    asked += 1
    return answer
  })
  const later = () => {
    vi.advanceTimersByTime(10_000)
    return quality()
  }
  expect(quality()).toBe('unsynced')
  answer = true
  expect(quality()).toBe('unsynced')
  expect(later()).toBe('synced')
  answer = false
  expect(later()).toBe('holdover')
  answer = undefined
  expect(later()).toBe('holdover')
  answer = true
  expect(later()).toBe('synced')
  expect(asked).toBe(5)
})

it('asks the kernel of this machine, which knows', async () => {
  const isSynced = await openKernelClock((message) => expect.fail(message))
  expect(typeof isSynced()).toBe(process.platform === 'linux' ? 'boolean' : 'undefined')
})
