import { describe, expect, it } from 'vitest'
import { BeliefBench } from '../../../testing/belief-bench.ts'
import { wellKnown } from '../well-known.ts'

const { temperature, rain } = wellKnown
const direction = wellKnown['wind-direction']
const warm = () => new BeliefBench([temperature])

describe('a calibration', () => {
  it('of two points gives offset and gain, with its author, and is kept over a restart', () => {
    const bench = warm()
      .polls(20)
      .feed({
        type: 'calibrate',
        args: {
          quantity: 'temperature',
          points: [
            { shown: 0, reference: 0.5 },
            { shown: 20, reference: 21.5 },
          ],
        },
        actor: 'installer:li',
      })
    expect(bench.outcomes()).toEqual([{ status: 'succeeded', data: { offset: 0.5, gain: 1.05 } }])
    expect(bench.events().at(-1)).toEqual([
      'calibrated',
      { quantity: 'temperature', offset: 0.5, gain: 1.05, author: 'installer:li' },
    ])
    const after = new BeliefBench([temperature], [], bench.shown).polls(20)
    expect(after.readings()).toMatchObject([{ value: 21.5, raw: 20 }])
    expect(after.shown.calibrations).toEqual(bench.shown.calibrations)
    after.feed({ type: 'calibrate', args: { quantity: 'temperature' }, actor: 'installer:li' }).poll(20)
    expect(after.readings().at(-1)?.value).toBe(20)
    expect(after.shown.calibrations).toEqual([])
  })

  it.each([
    {
      quantity: 'temperature',
      points: [
        { shown: 5, reference: 5 },
        { shown: 5, reference: 6 },
      ],
    },
    {
      quantity: 'temperature',
      points: [
        { shown: 5, reference: 6 },
        { shown: 6, reference: 5 },
      ],
    },
    { quantity: 'temperature', points: [{ shown: 5, reference: 6 }], offset: 1 },
    { quantity: 'temperature', points: [] },
    { quantity: 'rain', offset: 1 },
    { quantity: 'wind-direction', gain: 2 },
  ])('is refused when it is none: %j', (args) => {
    const bench = new BeliefBench([temperature, rain, direction]).feed({ type: 'calibrate', args, actor: 'person:li' })
    expect(bench.outcomes()).toMatchObject([{ status: 'refused', code: 'PARK_CALIBRATION_INVALID' }])
  })

  it('of a quantity that is not measured is refused', () => {
    const bench = warm().feed({ type: 'calibrate', args: { quantity: 'uv', offset: 1 }, actor: 'person:li' })
    expect(bench.outcomes()).toMatchObject([{ status: 'refused', code: 'PARK_QUANTITY_UNKNOWN' }])
  })

  it('turns a vane that was mounted askew, across north', () => {
    const bench = new BeliefBench([direction])
    bench.feed({
      type: 'calibrate',
      args: { quantity: 'wind-direction', points: [{ shown: 350, reference: 10 }] },
      actor: 'installer:li',
    })
    for (let index = 0; index < 121; index++) bench.poll(345)
    expect(bench.readings()[0]?.value).toBeCloseTo(5, 6)
  })

  it('corrects what a counter counts', () => {
    const bench = new BeliefBench([rain])
    bench.feed({
      type: 'calibrate',
      args: { quantity: 'rain', points: [{ shown: 10, reference: 11 }] },
      actor: 'installer:li',
    })
    expect(bench.polls(0, 5, 10, 10, 10).told()).toEqual([[expect.closeTo(2.2, 9), 'good']])
  })
})
