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
        const now = quality()
        expect(quality()).toBe(now)
        clock.tick(10_000)
        return now
      })
      expect(told).toEqual(expected)
      expect(asked).toBe(answers.length)
    } finally {
      clock.uninstall()
    }
  })
})
