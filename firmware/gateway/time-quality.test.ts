import { install } from '@sinonjs/fake-timers'
import { describe, expect, it } from 'vitest'
import { createTimeQuality } from './time-quality.ts'

describe('time quality', () => {
  it.each<[string, Array<boolean | undefined>, string[]]>([
    ['never set', [false, false], ['unsynced', 'unsynced']],
    ['not known', [undefined], ['unsynced']],
    [
      'set, lost, and set again',
      [false, true, false, undefined, true],
      ['unsynced', 'synced', 'holdover', 'holdover', 'synced'],
    ],
  ])('of a clock that was %s', (_name, answers, expected) => {
    const clock = install({ toFake: ['performance'] })
    try {
      let asked = 0
      const quality = createTimeQuality(() => answers[asked++])
      const told = answers.map(() => {
        const now = quality.now()
        expect(quality.now()).toBe(now)
        clock.tick(10_000)
        return now
      })
      expect(told).toEqual(expected)
      expect(asked).toBe(answers.length)
    } finally {
      clock.uninstall()
    }
  })

  it('is watched without anybody asking, told when it changes, and keeps the moment at which the clock was right', () => {
    const clock = install({ now: 0 })
    try {
      let isSynced = false
      const told: string[] = []
      const quality = createTimeQuality(() => isSynced)
      quality.start((next) => told.push(next))
      clock.tick(60_000)
      expect([told, quality.synced]).toEqual([[], undefined])
      clock.setSystemTime(Date.parse('2026-11-23T08:00:00Z'))
      isSynced = true
      clock.tick(10_000)
      expect(told).toEqual(['synced'])
      const right = { wall_ms: Date.parse('2026-11-23T08:00:10Z'), monotonic_ms: 70_000 }
      expect(quality.synced).toEqual(right)
      isSynced = false
      clock.tick(600_000)
      isSynced = true
      clock.tick(120_000)
      expect(told).toEqual(['synced', 'holdover', 'synced'])
      expect(quality.synced).toEqual(right)
      quality.close()
      expect(clock.countTimers()).toBe(0)
    } finally {
      clock.uninstall()
    }
  })
})
