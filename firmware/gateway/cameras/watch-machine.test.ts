import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UNSEEN_MAX, WATCH_START, type WatchInput, type WatchState, watchStep } from './watch-machine.ts'

const CONFIG = { silentAfter_ms: 60_000 }
const HOUR_MS = 3_600_000

function shownAfter(inputs: Array<[WatchInput['type'], number]>): WatchState['shown'] {
  return inputs.reduce((state, [type, at_ms]) => watchStep(CONFIG, state, { type }, at_ms), WATCH_START).shown
}

describe('a camera', () => {
  it('is not believed before it was heard', () => {
    expect(shownAfter([])).toEqual({ status: 'stale', reason: 'not-heard' })
    expect(shownAfter([['tick', HOUR_MS]])).toEqual({ status: 'stale', reason: 'not-heard' })
    expect(shownAfter([['heard', 5]])).toEqual({ status: 'online' })
  })

  it('is stale when it is silent for too long', () => {
    expect(
      shownAfter([
        ['heard', 0],
        ['tick', 59_999],
      ]),
    ).toEqual({ status: 'online' })
    expect(
      shownAfter([
        ['heard', 0],
        ['tick', 60_000],
      ]),
    ).toEqual({ status: 'stale', reason: 'silent' })
    expect(
      shownAfter([
        ['heard', 0],
        ['tick', 60_000],
        ['heard', 60_001],
      ]),
    ).toEqual({ status: 'online' })
  })

  it('is stale when vehicles pass its gate that it has not seen', () => {
    const pass = (count: number) => Array.from({ length: count }, (): [WatchInput['type'], number] => ['passage', 1])
    expect(shownAfter([['heard', 0], ...pass(UNSEEN_MAX - 1)])).toEqual({ status: 'online' })
    expect(shownAfter([['heard', 0], ...pass(UNSEEN_MAX)])).toEqual({ status: 'stale', reason: 'vehicles-unseen' })
    expect(shownAfter([['heard', 0], ...pass(UNSEEN_MAX - 1), ['heard', 2], ...pass(1)])).toEqual({ status: 'online' })
  })

  it('is at fault while its clock tells another time', () => {
    expect(
      shownAfter([
        ['heard', 0],
        ['untimely', 1],
      ]),
    ).toEqual({ status: 'fault', reason: 'clock-differs' })
    expect(
      shownAfter([
        ['untimely', 1],
        ['heard', 2],
      ]),
    ).toEqual({ status: 'online' })
  })

  it('is online only if it was heard within its time, whatever happens', () => {
    const steps = fc.array(
      fc.tuple(
        fc.constantFrom<WatchInput['type']>('heard', 'untimely', 'passage', 'tick'),
        fc.integer({ min: 0, max: 50_000 }),
      ),
    )
    fc.assert(
      fc.property(steps, (list) => {
        let state = WATCH_START
        let now_ms = 0
        let heardAt_ms = Number.NEGATIVE_INFINITY
        for (const [type, wait_ms] of list) {
          now_ms += wait_ms
          if (type === 'heard') heardAt_ms = now_ms
          state = watchStep(CONFIG, watchStep(CONFIG, state, { type }, now_ms), { type: 'tick' }, now_ms)
          if (state.shown.status === 'online') expect(now_ms - heardAt_ms).toBeLessThan(CONFIG.silentAfter_ms)
        }
      }),
    )
  })
})
