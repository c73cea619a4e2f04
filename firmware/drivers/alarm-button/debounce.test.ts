import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advanceDebounce, type Crossing, createDebounce, crossingAt, moveContact } from './debounce.ts'

interface Span {
  closed: boolean
  for_ms: number
}

/** Feeds a contact that starts open at 0, and lets it rest for a second at the end. */
function crossings(spans: Span[], ticks_ms: number[] = []): Crossing[] {
  let debounce = createDebounce(false, 0)
  const found: Crossing[] = []
  const advance = (to_ms: number) => {
    const next = advanceDebounce(debounce, to_ms)
    debounce = next.debounce
    if (next.crossing) found.push(next.crossing)
  }
  let now_ms = 0
  for (const { closed, for_ms } of [...spans, { closed: false, for_ms: 1000 }]) {
    debounce = moveContact(debounce, closed)
    const end_ms = now_ms + for_ms
    for (const tick_ms of ticks_ms.filter((one) => one > now_ms && one < end_ms)) advance(tick_ms)
    now_ms = end_ms
    advance(now_ms)
  }
  return found
}

const duration = (min: number, max: number) => fc.double({ min, max, noNaN: true })
const presses = (found: Crossing[]) => found.filter((crossing) => crossing.pressed)
const total = (spans: Span[], closed: boolean) =>
  spans.filter((span) => span.closed === closed).reduce((sum, span) => sum + span.for_ms, 0)

/** Closed and open spans in turn, beginning and ending closed. */
const train = (closed: fc.Arbitrary<number>, open: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(open, closed), { maxLength: 8 }).chain((pairs) =>
    closed.map((first): Span[] => [
      { closed: true, for_ms: first },
      ...pairs.flatMap(([openFor, closedFor]) => [
        { closed: false, for_ms: openFor },
        { closed: true, for_ms: closedFor },
      ]),
    ]),
  )

describe('debounce', () => {
  it('counts every press of at least 30 ms with up to 7 ms of bounce gaps, once, from its first edge', () => {
    const bouncing = train(duration(0, 12), duration(0, 3))
      .filter((spans) => total(spans, false) <= 7)
      .map((spans) => {
        const short_ms = Math.max(0, 30 - total(spans, true) - total(spans, false))
        return [...spans.slice(0, -1), { closed: true, for_ms: (spans.at(-1)?.for_ms ?? 0) + short_ms }]
      })
    fc.assert(
      fc.property(bouncing, duration(1, 100), (spans, before_ms) => {
        const found = crossings([{ closed: false, for_ms: before_ms }, ...spans])
        expect(presses(found)).toHaveLength(1)
        // A first touch that the gap after it takes back entirely is no part of the press.
        const first_ms = spans[0]?.for_ms ?? 0
        const edge_ms = found[0]?.edge_ms ?? Number.NaN
        expect(edge_ms).toBeGreaterThanOrEqual(before_ms)
        expect(edge_ms).toBeLessThanOrEqual(before_ms + 2 * total(spans, false) + 1e-9)
        if (first_ms > total(spans, false)) expect(edge_ms).toBe(before_ms)
      }),
    )
  })

  it('never counts glitches of up to 10 ms that are at least as far apart as they are long', () => {
    const glitches = fc.array(
      duration(0, 10).chain((for_ms) => duration(for_ms, 100).map((rest_ms) => ({ for_ms, rest_ms }))),
      { maxLength: 50 },
    )
    fc.assert(
      fc.property(glitches, (many) => {
        const spans = many.flatMap(({ for_ms, rest_ms }) => [
          { closed: true, for_ms },
          { closed: false, for_ms: rest_ms },
        ])
        expect(crossings(spans)).toEqual([])
      }),
    )
  })

  it('never counts less than 15 ms of closed time', () => {
    fc.assert(
      fc.property(train(duration(0, 15), duration(0, 15)), (spans) => {
        // With fractions a sum depends on its order in the last bit.
        fc.pre(total(spans, true) < 15 - 1e-6)
        expect(crossings(spans)).toEqual([])
      }),
    )
  })

  it('pairs presses with releases, in order, whatever comes', () => {
    fc.assert(
      fc.property(train(duration(0, 60), duration(0, 60)), (spans) => {
        const found = crossings(spans)
        expect(found.map((crossing) => crossing.pressed)).toEqual(found.map((_, index) => index % 2 === 0))
        expect(found.length % 2).toBe(0)
        const times = found.flatMap((crossing) => [crossing.edge_ms, crossing.at_ms])
        expect(times).toEqual(times.toSorted((a, b) => a - b))
      }),
    )
  })

  it('does not depend on when it is asked', () => {
    // Whole milliseconds: with fractions a sum depends on its order in the last bit.
    const whole = fc.integer({ min: 0, max: 40 })
    fc.assert(
      fc.property(train(whole, whole), fc.array(fc.integer({ min: 0, max: 500 })), (spans, ticks_ms) => {
        expect(
          crossings(
            spans,
            ticks_ms.toSorted((a, b) => a - b),
          ),
        ).toEqual(crossings(spans))
      }),
    )
  })

  it('says when it will get there', () => {
    let debounce = createDebounce(false, 0)
    expect(crossingAt(debounce)).toBeUndefined()
    debounce = moveContact(advanceDebounce(debounce, 100).debounce, true)
    expect(crossingAt(debounce)).toBe(115)
    expect(advanceDebounce(debounce, 114.9).crossing).toBeUndefined()
    expect(advanceDebounce(debounce, 115).crossing).toEqual({ pressed: true, at_ms: 115, edge_ms: 100 })
  })
})
