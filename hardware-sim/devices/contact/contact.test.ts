import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRandom } from '../../random.ts'
import { createTimeline, type Timeline } from '../../time/timeline.ts'
import { Contact, type ContactOptions } from './contact.ts'

interface Change {
  closed: boolean
  at_ms: number
}

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

function build(seed: number, options: Partial<ContactOptions> = {}) {
  const changes: Change[] = []
  const moves: Change[] = []
  const contact = new Contact(
    { timeline, random: createRandom(seed) },
    { bounce_ms_max: 5, chatter_per_s: 0, ...options },
    {
      changed: (closed, at_ms) => changes.push({ closed, at_ms }),
      moved: (closed, at_ms) => moves.push({ closed, at_ms }),
    },
  )
  return { contact, changes, moves }
}

/** Electrical changes after each of many presses, as distances from the press. */
function presses(seed: number, count: number): number[][] {
  const { contact, changes } = build(seed)
  return Array.from({ length: count }, () => {
    const from = changes.length
    const start_ms = timeline.now()
    contact.press(start_ms)
    clock.tick(50)
    const bounces = changes.slice(from).map(({ at_ms }) => at_ms - start_ms)
    expect(contact.closed).toBe(true)
    contact.release(timeline.now())
    clock.tick(50)
    expect(contact.closed).toBe(false)
    return bounces
  })
}

describe('a contact', () => {
  it('closes at once, bounces no longer than it may, and rests closed', () => {
    const all = presses(1, 500)
    for (const bounces of all) {
      expect(bounces[0]).toBe(0)
      expect(bounces.length % 2).toBe(1)
      expect(bounces.length).toBeLessThanOrEqual(9)
      expect(bounces.at(-1)).toBeLessThanOrEqual(5)
    }
    const bounced = all.filter((bounces) => bounces.length > 1).length
    // One press in five is clean: nought to four bounces are equally likely.
    expect(bounced / all.length).toBeGreaterThan(0.74)
    expect(bounced / all.length).toBeLessThan(0.86)
    const mean = all.reduce((sum, bounces) => sum + (bounces.length - 1) / 2, 0) / all.length
    expect(mean).toBeGreaterThan(1.8)
    expect(mean).toBeLessThan(2.2)
  })

  it('bounces the same with the same seed and otherwise with another', () => {
    // Distances from a press carry the rounding of where the clock stood, so they are compared to a nanosecond.
    const rounded = (all: number[][]) => all.map((bounces) => bounces.map((at_ms) => Math.round(at_ms * 1e6)))
    const first = rounded(presses(5, 20))
    expect(rounded(presses(5, 20))).toEqual(first)
    expect(rounded(presses(6, 20))).not.toEqual(first)
  })

  it('tells each movement once, whatever bounces', () => {
    const { contact, moves } = build(3)
    contact.press(0)
    contact.press(0)
    clock.tick(100)
    contact.release(100)
    clock.tick(100)
    expect(moves).toEqual([
      { closed: true, at_ms: 0 },
      { closed: false, at_ms: 100 },
    ])
  })

  it('forgets the bounces of a movement that the next one overtakes', () => {
    for (let seed = 0; seed < 100; seed++) {
      const { contact, changes } = build(seed)
      const start_ms = timeline.now()
      contact.press(start_ms)
      contact.release(start_ms)
      clock.tick(20)
      expect(contact.closed).toBe(false)
      expect(changes[0]).toEqual({ closed: true, at_ms: start_ms })
    }
  })

  it('chatters while it is held when it is worn, briefly and at the rate asked for', () => {
    const { contact, changes, moves } = build(9, { bounce_ms_max: 0, chatter_per_s: 10 })
    contact.press(0)
    clock.tick(100_000)
    const openings = changes.filter(({ closed }) => !closed)
    expect(openings.length).toBeGreaterThan(900)
    expect(openings.length).toBeLessThan(1100)
    for (const [index, { closed, at_ms }] of changes.entries()) {
      if (!closed) expect((changes[index + 1]?.at_ms ?? 0) - at_ms).toBeLessThanOrEqual(2)
    }
    expect(moves.length).toBe(1)
    contact.release(timeline.now())
    const after = changes.length
    clock.tick(10_000)
    expect(changes.length).toBe(after)
  })

  it('stays where it is welded, and follows the finger again when freed', () => {
    const { contact, moves } = build(4, { bounce_ms_max: 0 })
    contact.stick('closed', 0)
    contact.press(10)
    contact.release(20)
    expect(contact.closed).toBe(true)
    contact.unstick(30)
    expect(contact.closed).toBe(false)
    contact.stick('open', 40)
    contact.press(50)
    expect(contact.closed).toBe(false)
    contact.unstick(60)
    expect(moves.map(({ at_ms }) => at_ms)).toEqual([0, 30, 60])
  })
})
