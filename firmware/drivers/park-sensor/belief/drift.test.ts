import { describe, expect, it } from 'vitest'
import { BeliefBench } from '../../../testing/belief-bench.ts'
import { wellKnown } from '../well-known.ts'
import { digestsOf, hear, type Neighbours, noNeighbours, VOICES_MAX } from './neighbours.ts'
import { voicesOf } from './state.ts'

const hour_ms = 3_600_000
const quantity = { ...wellKnown.temperature, poll_ms: 600_000 }

/** Sensors of one park under one sky, each with its own error in °C at the hour. */
class Park {
  readonly sensors: BeliefBench[]
  neighbours: Neighbours = noNeighbours

  constructor(count: number) {
    this.sensors = Array.from({ length: count }, () => new BeliefBench([quantity]))
  }

  hours(count: number, error: (index: number, hour: number) => number): this {
    for (let minute = 0; minute < count * 60; minute += 10) {
      this.sensors.forEach((sensor, index) => {
        const hour = (sensor.now_ms + quantity.poll_ms) / hour_ms
        const sky = 15 - 6 * Math.cos((hour / 12) * Math.PI)
        sensor.poll(Math.round((sky + error(index, hour)) * 10) / 10)
        for (const { quantity: name, voice } of voicesOf(sensor.config, sensor.state))
          this.neighbours = hear(this.neighbours, `air-${index}`, name, voice)
      })
      const digests = digestsOf(this.neighbours, this.sensors[0]?.now_ms ?? 0, hour_ms)
      for (const sensor of this.sensors) sensor.feed({ type: 'neighbours', digests })
    }
    return this
  }

  reasons() {
    return this.sensors.map(({ shown }) => shown.quantities[0]?.reason ?? 'good')
  }
}

describe('drift against the neighbours', () => {
  it('is found of the one that moves away, and of no other', () => {
    const park = new Park(3).hours(48, () => 0)
    expect(park.reasons()).toEqual(['good', 'good', 'good'])
    park.hours(96, (index, hour) => (index === 1 ? (hour - 48) / 24 : 0))
    expect(park.reasons()).toEqual(['good', 'drift', 'good'])
  })

  it('is not found of a sensor in the sun, which is too warm for a part of the day', () => {
    const sun = (index: number, hour: number) => (index === 0 && hour % 24 > 11 && hour % 24 < 15 ? 6 : 0)
    expect(new Park(4).hours(120, sun).reasons()).toEqual(['good', 'good', 'good', 'good'])
  })

  it('is not made of a few hours of nonsense', () => {
    // Within what the sensor can do, and slow enough for it.
    const nonsense = (index: number, hour: number) =>
      index === 0 && hour > 48 && hour < 53 ? Math.min(25, 25 * Math.min(hour - 48, 53 - hour)) : 0
    const park = new Park(4).hours(54, nonsense)
    expect(park.reasons()).toEqual(['good', 'good', 'good', 'good'])
  })

  it('is over only well inside of its limit', () => {
    const park = new Park(3).hours(72, (index) => (index === 1 ? 3 : 0))
    expect(park.reasons()[1]).toBe('drift')
    expect(park.hours(120, (index) => (index === 1 ? 1.7 : 0)).reasons()[1]).toBe('drift')
    expect(park.hours(120, (index) => (index === 1 ? 1 : 0)).reasons()[1]).toBe('good')
  })

  it('is not judged by two', () => {
    expect(new Park(2).hours(96, (index) => index * 8).reasons()).toEqual(['good', 'good'])
  })

  it('stands over a restart until the neighbours acquit it, and a calibration starts anew', () => {
    const park = new Park(3).hours(72, (index) => (index === 1 ? 6 : 0))
    const shown = park.sensors[1]?.shown
    const again = new BeliefBench([quantity], [], shown).poll(15)
    expect(again.shown.quantities[0]).toMatchObject({ quality: 'suspect', reason: 'drift' })
    expect(again.events()).toEqual([])
    again.feed({ type: 'calibrate', args: { quantity: 'temperature', offset: -6 }, actor: 'installer:li' }).poll(15)
    expect(again.shown.quantities[0]).toMatchObject({ quality: 'good' })
  })
})

describe('neighbours', () => {
  it('have a bound, and voices that age', () => {
    let neighbours = noNeighbours
    for (let index = 0; index < 2 * VOICES_MAX; index++)
      neighbours = hear(neighbours, `air-${index}`, 'temperature', { value: index % 3, at_ms: index < 4 ? 1000 : 0 })
    expect(Object.keys(neighbours.voices.temperature ?? {})).toHaveLength(VOICES_MAX)
    expect(digestsOf(neighbours, 1500, 600)).toEqual([
      { quantity: 'temperature', median: 0.5, spread: expect.closeTo(0.7413, 6), count: 4 },
    ])
    expect(digestsOf(neighbours, 5000, 600)).toEqual([])
  })
})
