import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTimeline, type Timeline } from '../time/timeline.ts'
import { createPacer } from './pacer.ts'

let clock: Clock
let timeline: Timeline
beforeEach(() => {
  clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  timeline = createTimeline()
})
afterEach(() => {
  timeline.close()
  clock.uninstall()
})

const at9600 = { byte_ms: 10_000 / 9600, capacity_bytes: 4096 }

describe('a pacer', () => {
  it('takes 104.17 ms for 100 bytes at 9600 baud 8N1', () => {
    let count = 0
    const pacer = createPacer(timeline, at9600, (bytes) => {
      count += bytes.length
    })
    pacer.send(new Uint8Array(100), 0)
    clock.tick(104)
    expect(count).toBe(99)
    clock.tick(1)
    expect(count).toBe(100)
  })

  it('takes a tenth more at 8E1, which has a parity bit', () => {
    let count = 0
    const pacer = createPacer(timeline, { byte_ms: 11_000 / 9600, capacity_bytes: 4096 }, (bytes) => {
      count += bytes.length
    })
    pacer.send(new Uint8Array(100), 0)
    clock.tick(114)
    expect(count).toBe(99)
    clock.tick(1)
    expect(count).toBe(100)
  })

  it('tells when the first byte of a batch ended', () => {
    const firsts: number[] = []
    const pacer = createPacer(timeline, { byte_ms: 0.25, capacity_bytes: 100 }, (_, first_ms) => firsts.push(first_ms))
    pacer.send(new Uint8Array(8), 0)
    clock.tick(10)
    expect(firsts).toEqual([0.25, 1.25])
  })

  it('sends a later message after an earlier one', () => {
    const ends: number[] = []
    const pacer = createPacer(timeline, { byte_ms: 10, capacity_bytes: 100 }, () => ends.push(performance.now()))
    pacer.send(Uint8Array.of(1), 0)
    pacer.send(Uint8Array.of(2), 0)
    clock.tick(100)
    pacer.send(Uint8Array.of(3), 100)
    clock.tick(100)
    expect(ends).toEqual([10, 20, 110])
  })

  it('takes only what fits, and forgets everything when cleared', () => {
    const heard: number[] = []
    const pacer = createPacer(timeline, { byte_ms: 1, capacity_bytes: 4 }, (bytes) => heard.push(...bytes))
    expect(pacer.send(Uint8Array.of(1, 2, 3), 0)).toBe(3)
    expect(pacer.send(Uint8Array.of(4, 5, 6), 0)).toBe(1)
    expect(pacer.send(Uint8Array.of(7), 0)).toBe(0)
    clock.tick(2)
    expect(pacer.pending_bytes).toBe(2)
    pacer.clear()
    clock.tick(100)
    expect(heard).toEqual([1, 2])
  })

  it('needs no more than a wake-up per millisecond at any speed', () => {
    let batches = 0
    const pacer = createPacer(timeline, { byte_ms: 0.01, capacity_bytes: 10_000 }, () => {
      batches++
    })
    pacer.send(new Uint8Array(10_000), 0)
    clock.tick(200)
    expect(pacer.pending_bytes).toBe(0)
    expect(batches).toBeLessThanOrEqual(101)
  })

  it('keeps every byte and the order, however the messages fall', () => {
    const message = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 0, max: 30 }))
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 20 }),
        fc.double({ min: 0.01, max: 5, noNaN: true }),
        (sent, byte_ms) => {
          const heard: number[] = []
          const pacer = createPacer(timeline, { byte_ms, capacity_bytes: 4096 }, (bytes) => heard.push(...bytes))
          for (const [bytes, pause_ms] of sent) {
            pacer.send(bytes, timeline.now())
            clock.tick(pause_ms)
          }
          clock.tick(5000)
          expect(heard).toEqual(sent.flatMap(([bytes]) => [...bytes]))
        },
      ),
      { numRuns: 50 },
    )
  })
})
