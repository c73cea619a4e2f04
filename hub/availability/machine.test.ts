import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Availability, AvailabilityStatus } from '../contract/availability.ts'
import { type Clock, createWatch, FLAPPING, nextDeadline, step, type WatchInput, type WatchState } from './machine.ts'

const MINUTE_MS = 60_000
const START_MS = Date.parse('2026-11-23T08:00:00Z')

/** One device whose deadlines are kept to the millisecond. */
class Device {
  state: WatchState
  now_ms = 0
  readonly shows: Array<Availability & { at_ms: number }> = []

  constructor(shown?: Availability) {
    this.state = createWatch(shown, this.clock())
  }
  clock(): Clock {
    return { monotonic_ms: this.now_ms, wall_ms: START_MS + this.now_ms }
  }
  feed(input: WatchInput): this {
    const { state, show } = step(FLAPPING, this.state, input, this.clock())
    this.state = state
    if (show) this.shows.push({ ...show, at_ms: this.now_ms })
    return this
  }
  wait(time_ms: number): this {
    const end_ms = this.now_ms + time_ms
    for (let due = nextDeadline(FLAPPING, this.state); due !== undefined && due <= end_ms; ) {
      this.now_ms = Math.max(this.now_ms, due)
      this.feed({ type: 'tick' })
      const next = nextDeadline(FLAPPING, this.state)
      if (next !== undefined && next <= due) throw new Error(`a deadline that does not pass: ${next}`)
      due = next
    }
    this.now_ms = end_ms
    return this
  }
  say(status: AvailabilityStatus, reason?: string): this {
    const since = new Date(START_MS + this.now_ms).toISOString()
    return this.feed({ type: 'said', availability: { status, since, ...(reason === undefined ? {} : { reason }) } })
  }
  flip(times: number, gap_ms: number): this {
    for (let n = 0; n < times; n++) {
      this.say(this.state.said?.status === 'online' ? 'offline' : 'online', undefined).wait(gap_ms)
    }
    return this
  }
  get shown() {
    const { status, reason } = this.shows.at(-1) ?? {}
    return [status, reason]
  }
}

describe('silence', () => {
  const park = () => new Device().feed({ type: 'interval', expireafter_ms: 10 * MINUTE_MS })

  it('for longer than its interval makes a device stale, and the next sign of it ends that', () => {
    const device = park()
      .say('online')
      .wait(10 * MINUTE_MS - 1)
    expect(device.shown).toEqual(['online', undefined])
    device.wait(1)
    expect(device.shows.at(-1)).toMatchObject({ status: 'stale', reason: 'silent', since: '2026-11-23T08:10:00.000Z' })
    device.feed({ type: 'heard' })
    expect(device.shown).toEqual(['online', undefined])
    expect(
      device
        .wait(9 * MINUTE_MS)
        .feed({ type: 'heard' })
        .wait(9 * MINUTE_MS).shown[0],
    ).toBe('online')
  })

  it('is not ended by a gateway that repeats what it said or was away, but by a device that comes back', () => {
    const device = park()
      .say('online')
      .wait(20 * MINUTE_MS)
      .say('online')
    expect(device.shown).toEqual(['stale', 'silent'])
    device.say('offline', 'gateway-offline')
    expect(device.shown).toEqual(['offline', 'gateway-offline'])
    device.say('online')
    expect(device.shown).toEqual(['stale', 'silent'])
    device.say('offline', 'bus-error').say('online')
    expect(device.shown).toEqual(['online', undefined])
  })

  it('begins anew behind a gateway that was away for long', () => {
    const device = park().say('online').say('offline', 'gateway-offline')
    expect(device.wait(600 * MINUTE_MS).say('online').shown).toEqual(['online', undefined])
    expect(device.wait(9 * MINUTE_MS).shown).toEqual(['online', undefined])
    expect(device.wait(20 * MINUTE_MS).shown).toEqual(['stale', 'silent'])
  })

  it('of what is offline, faulty or without an interval says nothing new', () => {
    expect(
      park()
        .say('offline', 'x')
        .wait(60 * MINUTE_MS).shows,
    ).toHaveLength(1)
    expect(new Device().say('online').wait(600 * MINUTE_MS).shows).toHaveLength(1)
  })

  it('goes on over a restart of the hub, and is counted anew for what was online', () => {
    const silent = new Device({ status: 'stale', reason: 'silent', since: '2026-11-23T07:00:00.000Z' })
    silent.feed({ type: 'interval', expireafter_ms: 10 * MINUTE_MS }).wait(60 * MINUTE_MS)
    expect(silent.shows).toEqual([])
    expect(silent.feed({ type: 'heard' }).shown).toEqual(['online', undefined])
    const online = new Device({ status: 'online', since: '2026-11-23T07:00:00.000Z' })
    online.feed({ type: 'interval', expireafter_ms: 10 * MINUTE_MS }).wait(10 * MINUTE_MS)
    expect(online.shown).toEqual(['stale', 'silent'])
  })
})

describe('flapping', () => {
  it('is told once, holds the changes back, and ends after five steady minutes with what then holds', () => {
    const device = new Device().say('online').wait(1000).flip(100, 2000)
    expect(device.shows.map(({ status, reason }) => reason ?? status)).toEqual([
      'online',
      ...['offline', 'online', 'offline', 'online', 'offline', 'online', 'offline', 'online', 'offline'],
      'flapping',
    ])
    const last_ms = device.now_ms - 2000
    device.wait(60 * MINUTE_MS)
    expect(device.shows.at(-1)).toMatchObject({ status: 'online', at_ms: last_ms + FLAPPING.steady_ms })
    expect(device.shows).toHaveLength(12)
  })

  it('hides no outage for longer than that', () => {
    const device = new Device().say('online').wait(1000).flip(11, 2000)
    expect(device.state.said?.status).toBe('offline')
    const { since } = device.state.said as Availability
    device.wait(FLAPPING.steady_ms)
    expect(device.shows.at(-1)).toMatchObject({ status: 'offline', since })
  })

  it('is not what a few restarts of a gateway or a slow change are', () => {
    const restarts = new Device().say('online')
    for (let n = 0; n < 4; n++)
      restarts.wait(5000).say('offline', 'gateway-offline').say('offline', 'board-starting').say('online')
    expect(restarts.shown).toEqual(['online', undefined])
    expect(
      new Device()
        .say('online')
        .flip(100, 67_000)
        .shows.every(({ reason }) => reason !== 'flapping'),
    ).toBe(true)
  })

  it('goes on over a restart of the hub until the device has been steady', () => {
    const before = { status: 'fault', reason: 'flapping', since: '2026-11-23T07:58:00.000Z' } as const
    const device = new Device(before)
      .wait(2 * MINUTE_MS)
      .say('online')
      .wait(FLAPPING.steady_ms)
    expect(device.shows.map(({ status }) => status)).toEqual(['online'])
  })

  it('can be switched off', () => {
    const off = { ...FLAPPING, changes: 0 }
    let state = createWatch(undefined, { monotonic_ms: 0, wall_ms: 0 })
    for (let n = 0; n < 100; n++) {
      const availability: Availability = { status: n % 2 === 0 ? 'online' : 'offline' }
      const now = { monotonic_ms: n, wall_ms: n }
      const stepped = step(off, state, { type: 'said', availability }, now)
      expect(stepped.show).toEqual(availability)
      state = stepped.state
    }
    expect(state.changes_ms).toEqual([])
  })
})

describe('whatever is said and heard', () => {
  const EXPIRE_MS = 3 * MINUTE_MS
  const status = fc.constantFrom<AvailabilityStatus>('online', 'online', 'stale', 'fault', 'offline')
  const input: fc.Arbitrary<WatchInput> = fc.oneof(
    { weight: 6, arbitrary: status.map((one): WatchInput => ({ type: 'said', availability: { status: one } })) },
    { weight: 3, arbitrary: fc.constant<WatchInput>({ type: 'heard' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<WatchInput>({ type: 'tick' }, { type: 'interval', expireafter_ms: EXPIRE_MS }),
    },
  )
  const wait = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 900_000 }) },
  )
  const story = fc.array(fc.tuple(wait, input), { maxLength: 120 })

  it('nothing dead looks alive, no outage is hidden for longer than stated, and few messages are made of many', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const device = new Device().feed({ type: 'interval', expireafter_ms: EXPIRE_MS })
        let heard_ms = 0
        let changed_ms = 0
        let said: AvailabilityStatus | undefined
        for (const [wait_ms, one] of steps) {
          device.wait(wait_ms).feed(one)
          const isBack = one.type === 'said' && one.availability.status === 'online' && said !== 'online'
          if (one.type === 'heard' || isBack) heard_ms = device.now_ms
          if (one.type === 'said' && one.availability.status !== said) {
            said = one.availability.status
            changed_ms = device.now_ms
          }
          const shown = device.state.shown?.status
          if (shown === 'online') {
            expect(said).toBe('online')
            expect(device.now_ms - heard_ms).toBeLessThan(EXPIRE_MS)
          }
          if (said !== undefined && said !== 'online' && device.now_ms - changed_ms >= FLAPPING.steady_ms)
            expect(shown).toBe(said)
        }
        const told = device.shows.filter((show, index) => {
          const before = device.shows[index - 1]
          return show.status !== before?.status || show.reason !== before.reason
        })
        const periods = 1 + Math.floor(device.now_ms / FLAPPING.steady_ms)
        expect(told.length).toBeLessThanOrEqual((FLAPPING.changes + 2) * periods)
      }),
      { numRuns: 500 },
    )
  })

  it('it does not matter how often it is asked', () => {
    fc.assert(
      fc.property(story, fc.integer({ min: 500, max: 30_000 }), (steps, every_ms) => {
        const seldom = new Device()
        const often = new Device()
        for (const [wait_ms, one] of steps) {
          seldom.wait(wait_ms).feed(one)
          for (let left_ms = wait_ms; left_ms > 0; left_ms -= every_ms)
            often.wait(Math.min(every_ms, left_ms)).feed({ type: 'tick' })
          often.feed(one)
        }
        expect(often.shows).toEqual(seldom.shows)
      }),
      { numRuns: 100 },
    )
  })
})
