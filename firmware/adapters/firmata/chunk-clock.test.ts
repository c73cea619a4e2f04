import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkClock, type Received } from './chunk-clock.ts'

const level = (pin: number, high: boolean): Received => ({ kind: 'level', pin, high })
const ticks = (count: number): Received[] => Array.from({ length: count }, () => ({ kind: 'tick' }))
const moment = (monotonic_ms: number) => ({ wall_ms: 1_000_000 + monotonic_ms, monotonic_ms })

/** Chunks with their arrivals → monotonic times of all levels. */
function date(chunks: Array<[arrival_ms: number, received: Received[]]>): number[] {
  const clock = new ChunkClock(10)
  return chunks.flatMap(([arrival_ms, received]) =>
    clock.date(received, moment(arrival_ms)).map((one) => one.at.monotonic_ms),
  )
}

describe('dating reports', () => {
  it('counts over what other pins report and over the same level read again', () => {
    const others = [level(3, true), level(2, false), level(3, false)]
    const between = others.flatMap((one) => [...ticks(1), one])
    expect(date([[5000, [level(2, false), ...between, ...ticks(2), level(2, true)]]]).at(-1)).toBe(5000)
    const cut: Array<[number, Received[]]> = between.map((one) => [5000, [one]])
    expect(date([[5000, [level(2, false)]], ...cut, [5000, [...ticks(2), level(2, true)]]]).at(-1)).toBe(5040)
  })

  it.each<[string, Array<[number, Received[]]>, number[]]>([
    ['a lone report has its arrival', [[5000, [level(2, false)]]], [5000]],
    ['one sample after it proves nothing', [[5000, [level(2, false), ...ticks(1)]]], [5000]],
    ['samples in between are time in between', [[5000, [level(2, false), ...ticks(4), level(2, true)]]], [4970, 5000]],
    ['samples before it are of no account', [[5000, [...ticks(9), level(2, false)]]], [5000]],
    [
      'nothing lies before the last report',
      [
        [4000, [level(2, true)]],
        [4005, [level(2, false), ...ticks(50), level(2, true)]],
      ],
      [4000, 4000, 4490],
    ],
    [
      'a burst in many chunks is as long as its samples say',
      [
        [5000, [level(2, false)]],
        [5001, ticks(3)],
        [5002, [...ticks(3), level(2, true)]],
      ],
      [5000, 5050],
    ],
    [
      'a glitch read in many chunks is not stretched',
      [
        [5000, [level(2, false)]],
        [5001, [...ticks(1), level(2, true)]],
      ],
      [5000, 5001],
    ],
    [
      'long ago is dated by arrival, not by the clock of the board',
      [
        [5000, [level(2, false)]],
        [6000, [...ticks(200), level(2, true)]],
      ],
      [5000, 6000],
    ],
  ])('%s', (_name, chunks, expected) => {
    expect(date(chunks)).toEqual(expected)
  })

  it('dates both clocks alike', () => {
    const [first] = new ChunkClock(10).date([level(2, false), ...ticks(4)], moment(5000))
    expect(first?.at).toEqual(moment(4970))
  })

  /**
   * The board samples every 10 ms; a contact closes at `from_ms` for `held_ms`. However the bytes are cut into chunks
   * and delayed as long as the reader keeps up in the end, a press of 30 ms has at least the 15 ms that the debounce
   * asks for, and by its dates a glitch of 10 ms read in one burst stays below them.
   */
  it('keeps a press a press and a glitch a glitch through any stall', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 99 }),
        fc.boolean(),
        fc.array(fc.nat({ max: 12 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }),
        (phase, isPress, cuts, others_ms) => {
          const from_ms = 1000 + phase / 10
          const to_ms = from_ms + (isPress ? 30 : 10)
          const stream: Array<{ at_ms: number; item: Received }> = [
            ...Array.from({ length: 20 }, (_, n) => ({ at_ms: 950 + n * 10, item: { kind: 'tick' } as Received })),
            { at_ms: from_ms, item: level(2, false) },
            { at_ms: to_ms, item: level(2, true) },
            // Another button of the same board, and the first one's level read again.
            ...others_ms.flatMap((after_ms) => [
              { at_ms: 990 + after_ms, item: level(3, after_ms % 2 === 0) },
              ...(after_ms < to_ms - from_ms ? [{ at_ms: from_ms + after_ms, item: level(2, false) }] : []),
            ]),
          ].sort((a, b) => a.at_ms - b.at_ms)
          // Everything was held back until 2000 and then read in chunks, a tenth of a millisecond apart.
          const chunks: Array<[number, Received[]]> = []
          const rest = stream.map(({ item }) => item)
          for (const size of [...cuts, rest.length]) chunks.push([2000 + chunks.length / 10, rest.splice(0, size)])
          const clock = new ChunkClock(10)
          const ours = chunks
            .flatMap(([arrival_ms, received]) => clock.date(received, moment(arrival_ms)))
            .filter(({ pin }) => pin === 2)
          const closed = ours.find(({ high }) => !high)?.at.monotonic_ms ?? 0
          const opened = ours.find(({ high }) => high)?.at.monotonic_ms ?? 0
          if (isPress) expect(opened - closed).toBeGreaterThanOrEqual(15)
          else expect(opened - closed).toBeLessThan(15)
        },
      ),
    )
  })
})
