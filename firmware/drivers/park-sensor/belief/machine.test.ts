import { describe, expect, it } from 'vitest'
import { BELIEF_WALL_MS, BeliefBench, threshold } from '../../../testing/belief-bench.ts'
import { wellKnown } from '../well-known.ts'
import { nextDeadline } from './machine.ts'

const minute_ms = 60_000
const { temperature, humidity, noise } = wellKnown
const speed = wellKnown['wind-speed']
const direction = wellKnown['wind-direction']
const warm = () => new BeliefBench([temperature])
const walk = (length: number) => Array.from({ length }, (_, index) => 20 + 0.1 * (index % 3))

describe('one sample far from those around it', () => {
  it('is held back until the next shows that it was a spike, and is told once, as suspect', () => {
    const bench = warm().polls(20, 20.1, 26)
    expect(bench.told()).toEqual([[20, 'good']])
    bench.poll(20.1)
    expect(bench.told()).toEqual([
      [20, 'good'],
      [26, 'spike'],
      [20.1, 'good'],
    ])
    expect(bench.readings()[1]?.at.monotonic_ms).toBe(3 * minute_ms)
    expect(bench.events().map(([name]) => name)).toEqual(['quality-changed'])
    expect(bench.shown.quantities[0]).toMatchObject({ quality: 'good' })
  })

  it('that the next confirms was a quick change, and is good', () => {
    expect(warm().polls(20, 22, 22.2).told()).toEqual([
      [20, 'good'],
      [22, 'good'],
      [22.2, 'good'],
    ])
  })

  it('is a spike too when nothing comes after it', () => {
    const bench = warm()
      .polls(20, 26)
      .wait(10 * minute_ms)
    expect(bench.told()).toEqual([
      [20, 'good'],
      [26, 'spike'],
      [undefined, 'stale'],
    ])
  })

  it('after another makes the quantity suspect', () => {
    const bench = warm().polls(20, 26, 12, 20)
    expect(bench.events().map(([, data]) => data)).toMatchObject([
      { quality: 'good' },
      { quality: 'suspect', previous: 'good', reason: 'spike' },
      { quality: 'good', previous: 'suspect' },
    ])
  })
})

describe('a jump to another level', () => {
  const level = (value: number, samples: number) =>
    Array.from({ length: samples }, (_, index) => value + (index % 2) / 10)

  it('that the quantity cannot make is doubted until it is taken back', () => {
    const bench = warm().polls(...level(20, 4), ...level(40, 60), ...level(19.5, 4))
    expect(bench.events().map(([, data]) => data)).toMatchObject([
      { quality: 'good' },
      { quality: 'suspect', reason: 'impossible-rate' },
      { quality: 'good', previous: 'suspect' },
    ])
    const rated = bench.readings().filter(({ reason }) => reason === 'impossible-rate')
    expect(rated[0]).toMatchObject({ value: 40, at: { monotonic_ms: 5 * minute_ms } })
    expect(bench.readings().at(-1)).toMatchObject({
      value: 19.5,
      quality: 'good',
      at: { monotonic_ms: 65 * minute_ms },
    })
  })

  it('that is only a little too quick is believed as soon as it could have been made', () => {
    const bench = warm().polls(...level(20, 4), 25, 25, 25)
    expect(bench.told().slice(-2)).toEqual([
      [25, 'impossible-rate'],
      [25, 'good'],
    ])
  })

  it('that lasts for hours is believed in the end', () => {
    const bench = warm().polls(...level(20, 4), ...level(40, 360))
    expect(bench.shown.quantities[0]).toMatchObject({ reason: 'impossible-rate' })
    expect(bench.polls(40, 40.1).shown.quantities[0]).toMatchObject({ quality: 'good' })
  })
})

describe('what the sensor cannot measure', () => {
  it.each([
    [-40.1, 'out-of-range'],
    [80.1, 'out-of-range'],
    [Number.NaN, 'sensor-fault'],
    [Number.POSITIVE_INFINITY, 'sensor-fault'],
  ])('%d is bad: %s', (raw, reason) => {
    const bench = warm().polls(20, raw)
    expect(bench.readings().at(-1)).toMatchObject({ quality: 'bad', reason })
    expect(bench.shown.quantities[0]).toMatchObject({ quality: 'bad', reason })
    expect(bench.poll(20).shown.quantities[0]).toMatchObject({ quality: 'good' })
  })
})

describe('a sensor that stands still', () => {
  it('for longer than the quantity does is stuck until it moves', () => {
    const bench = warm().polls(...Array.from({ length: 241 }, () => 21.3))
    expect(bench.shown.quantities[0]).toMatchObject({ reason: 'stuck' })
    expect(bench.state.quantities[0]?.standing.since_ms).toBe(BELIEF_WALL_MS + 241 * minute_ms)
    expect(bench.poll(21.4).shown.quantities[0]).toMatchObject({ quality: 'good' })
  })

  it('may have far to go when it moves again', () => {
    const bench = warm().polls(...Array.from({ length: 300 }, () => 21.3), 28.4, 28.5)
    expect(bench.told().at(-1)).toEqual([28.4, 'good'])
  })

  it('where that is natural is not stuck', () => {
    const bench = new BeliefBench([humidity]).polls(...Array.from({ length: 600 }, () => 99.9))
    expect(bench.shown.quantities[0]).toMatchObject({ quality: 'good' })
  })

  it('where that is natural for all is stuck when its neighbours are elsewhere', () => {
    const dark = (median: number) => {
      const bench = new BeliefBench([wellKnown.illuminance])
      for (let minute = 0; minute < 200; minute++)
        bench.feed({ type: 'neighbours', digests: [{ quantity: 'illuminance', median, spread: 1, count: 3 }] }).poll(8)
      return bench.shown.quantities[0]
    }
    expect(dark(9)).toMatchObject({ quality: 'good' })
    expect(dark(20_000)).toMatchObject({ reason: 'stuck' })
  })

  it('is not stuck for a vane while there is no wind, and is when there is', () => {
    const run = (wind: number) => {
      const bench = new BeliefBench([speed, direction])
      for (let index = 0; index < 4 * 720; index++) {
        const blow = wind + 0.4 * (index % 2)
        bench.wait(5000).feed({
          type: 'poll',
          results: [
            { quantity: 'wind-speed', raw: blow },
            { quantity: 'wind-direction', raw: 90 },
          ],
        })
      }
      return bench.shown.quantities[1]
    }
    expect(run(0.2)).toMatchObject({ quality: 'good' })
    expect(run(3)).toMatchObject({ quality: 'suspect', reason: 'stuck' })
  })
})

describe('a lost reply', () => {
  it('is a bad reading; two are a bad sensor, with the code of the bus', () => {
    const bench = warm().polls(20, undefined, 20)
    expect(bench.told().map(([, reason]) => reason)).toEqual(['good', 'bus-error', 'good'])
    expect(bench.events()).toHaveLength(1)
    bench.polls(undefined, undefined)
    expect(bench.events().at(-1)).toEqual([
      'quality-changed',
      { quantity: 'temperature', quality: 'bad', previous: 'good', reason: 'bus-error', code: 11 },
    ])
    expect(bench.availability).toEqual({ status: 'offline', reason: 'bus-error' })
    expect(bench.poll(20).availability.status).toBe('online')
  })
})

describe('silence', () => {
  it('of three polls is stale, told once', () => {
    const bench = warm()
      .polls(20)
      .wait(3 * minute_ms)
    expect(bench.told().at(-1)).toEqual([undefined, 'stale'])
    expect(bench.availability).toEqual({ status: 'stale', reason: 'no-readings' })
    bench.wait(1000 * minute_ms)
    expect(bench.readings()).toHaveLength(2)
    expect(nextDeadline(bench.config, bench.state)).toBeUndefined()
  })

  it('since the start is told too', () => {
    const bench = warm()
    expect(bench.availability).toEqual({ status: 'stale', reason: 'starting' })
    expect(bench.wait(3 * minute_ms).events()).toMatchObject([
      ['quality-changed', { reason: 'stale', previous: 'bad' }],
    ])
  })
})

it('a sensor that reports its own fault makes the device faulty, with its code', () => {
  const bench = new BeliefBench([temperature, humidity]).poll(20)
  bench.feed({ type: 'poll', results: [{ quantity: 'humidity', fault: 'sensor-fault', code: 7 }] })
  expect(bench.events().at(-1)).toMatchObject([
    'quality-changed',
    { quantity: 'humidity', reason: 'sensor-fault', code: 7 },
  ])
  expect(bench.availability).toEqual({ status: 'fault', reason: 'sensor-fault' })
  expect(new BeliefBench([]).availability.status).toBe('online')
})

describe('telling', () => {
  it('leaves out what moved less than the deadband, until the heartbeat', () => {
    const bench = warm().polls(...walk(61))
    // 20, then 20.2 and 20 in turn are the deadband apart.
    const quiet = new BeliefBench([{ ...temperature, report: { ...temperature.report, deadband: 0.5 } }]).polls(
      ...walk(61),
    )
    expect(quiet.readings().map(({ at }) => at.monotonic_ms / minute_ms)).toEqual([1, 16, 31, 46, 61])
    expect(bench.readings().length).toBeGreaterThan(30)
  })

  it('puts all quantities of a poll into one pack, and heartbeats of a device together', () => {
    const bench = new BeliefBench([temperature, humidity])
    const poll = (one: number, other: number) =>
      bench.wait(minute_ms).feed({
        type: 'poll',
        results: [
          { quantity: 'temperature', raw: one },
          { quantity: 'humidity', raw: other },
        ],
      })
    for (let index = 0; index < 8; index++) poll(20, 50)
    poll(20.5, 50)
    for (let index = 0; index < 60; index++) poll(20.5, 50)
    expect(bench.packs()).toBe(6)
    expect(bench.readings()).toHaveLength(12)
  })

  it('takes along what would be due soon, and leaves out what is no news', () => {
    const bench = new BeliefBench([{ ...speed, report: { ...speed.report, interval_ms: 5 * minute_ms } }, direction])
    const told = (minutes: number, wind: number) => {
      const before = bench.readings().length
      for (let index = 0; index < 12 * minutes; index++)
        bench.wait(5000).feed({
          type: 'poll',
          results: [
            { quantity: 'wind-speed', raw: wind + (index % 2) / 10 },
            { quantity: 'wind-direction', raw: 90 + (index % 3) },
          ],
        })
      return bench
        .readings()
        .slice(before)
        .map(({ name, at }) => `${name} ${at.monotonic_ms / minute_ms}`)
    }
    expect(told(12, 4)).toEqual(['wind-speed 5', 'wind-speed.max 5', 'wind-direction 10'])
    expect(told(10, 4)).toEqual([])
    expect(told(10, 8)).toEqual([
      'wind-speed 25',
      'wind-speed.max 25',
      'wind-speed 30',
      'wind-speed.max 30',
      'wind-direction 30',
    ])
  })

  it('of a level is the energy mean of its interval', () => {
    const bench = new BeliefBench([noise])
    for (let index = 0; index < 13; index++) bench.poll(index % 2 === 0 ? 60 : 70)
    // 10 log₁₀((10⁶ + 10⁷) / 2), of eleven samples six at 60.
    expect(bench.readings()).toHaveLength(1)
    expect(bench.readings()[0]?.value).toBeCloseTo(67.1, 0)
    expect(bench.readings()[0]).toMatchObject({ quality: 'good', share: 11 / 12 })
  })

  it('of wind is the mean with its gust, and the direction of all arrows together, across north', () => {
    const bench = new BeliefBench([speed, direction])
    for (let index = 0; index < 121; index++)
      bench.wait(5000).feed({
        type: 'poll',
        results: [
          { quantity: 'wind-speed', raw: index === 60 ? 9 : 3 + (index % 2) },
          { quantity: 'wind-direction', raw: index % 2 === 0 ? 350 : 20 },
        ],
      })
    const [mean, gust, way] = bench.readings()
    expect([mean?.name, gust?.name, way?.name]).toEqual(['wind-speed', 'wind-speed.max', 'wind-direction'])
    expect(gust?.value).toBe(9)
    expect(mean?.value).toBeCloseTo(3.5, 0)
    // Between 350° and 20°, nearer to 20° because it blew harder from there.
    expect(way?.value).toBeGreaterThan(5)
    expect(way?.value).toBeLessThan(9)
  })

  it('of an interval with too few good samples is suspect: missing data', () => {
    const bench = new BeliefBench([noise])
    for (let index = 0; index < 13; index++) bench.poll(index % 2 === 0 ? 60 + index / 10 : undefined)
    expect(bench.readings().at(-1)).toMatchObject({ quality: 'suspect', reason: 'missing-data' })
  })
})

describe('a threshold', () => {
  it('is raised after its duration, and cleared behind its hysteresis', () => {
    const bench = new BeliefBench([temperature], [threshold({ for_ms: 2 * minute_ms })])
    bench.polls(34, 35.5, 35.6, 34.8, 35.5, 35.6)
    expect(bench.events()).toHaveLength(1)
    bench.poll(35.7)
    expect(bench.events().at(-1)).toEqual([
      'threshold-raised',
      { quantity: 'temperature', threshold: 'hot', value: 35.7, limit: 35, side: 'above' },
    ])
    expect(bench.shown.alarms).toEqual([
      { quantity: 'temperature', threshold: 'hot', since: new Date(BELIEF_WALL_MS + 7 * minute_ms).toISOString() },
    ])
    bench.polls(34.9, 34.1)
    expect(bench.events()).toHaveLength(2)
    bench.poll(34)
    expect(bench.events().at(-1)).toEqual([
      'threshold-cleared',
      { quantity: 'temperature', threshold: 'hot', value: 34, lasted_ms: 3 * minute_ms },
    ])
  })

  it('is not raised by a spike, nor ended by one', () => {
    const bench = new BeliefBench([temperature], [threshold()]).polls(30, 36, 30, 31)
    expect(bench.events()).toHaveLength(1)
    bench.polls(33, 35.2, 33.4, 35.4, 35.5, 30, 35.4, undefined, 35.4)
    expect(bench.events().map(([name]) => name)).toEqual(['quality-changed', 'threshold-raised'])
  })

  it('ends without a value when the quantity is not good any more', () => {
    const bench = new BeliefBench([temperature], [threshold()]).polls(36, undefined, undefined)
    expect(bench.events().slice(-2)).toMatchObject([
      ['threshold-cleared', { lasted_ms: 2 * minute_ms }],
      ['quality-changed', { reason: 'bus-error' }],
    ])
    expect(bench.events().at(-2)?.[1]).not.toHaveProperty('value')
  })

  it('counts summaries where those are told', () => {
    const loud = threshold({ name: 'loud', quantity: 'noise', limit: 65 })
    const bench = new BeliefBench([noise], [loud])
    for (let index = 0; index < 12; index++) bench.poll(index === 6 ? 90 : 50 + index / 10)
    expect(bench.events().at(-1)).toMatchObject(['threshold-raised', { value: expect.closeTo(79.6, 0) }])
  })
})

describe('a restart', () => {
  it('tells no quality again that still holds, and keeps since when', () => {
    const before = new BeliefBench([temperature], [threshold()]).polls(36, 36.1)
    const after = new BeliefBench([temperature], [threshold()], before.shown, before.at.wall_ms + minute_ms)
    expect(after.shown.quantities[0]).toMatchObject({ quality: 'bad', reason: 'stale' })
    expect(after.shown.alarms).toEqual(before.shown.alarms)
    after.polls(36.2)
    expect(after.events()).toEqual([])
    expect(after.shown.quantities).toEqual(before.shown.quantities)
    expect(
      after
        .polls(36, 33)
        .poll(33)
        .events()
        .map(([name]) => name),
    ).toEqual(['threshold-cleared'])
  })
})
