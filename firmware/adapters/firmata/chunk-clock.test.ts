import { describe, expect, it } from 'vitest'
import { dateChunk, type Received } from './chunk-clock.ts'

const level = (pin: number, high: boolean): Received => ({ kind: 'level', pin, high })
const ticks = (count: number): Received[] => Array.from({ length: count }, () => ({ kind: 'tick' }))
const arrival = { wall_ms: 1_000_000, monotonic_ms: 5000 }

describe('dating a chunk', () => {
  it.each<[string, Received[], number[]]>([
    ['a lone report has its arrival', [level(2, false)], [5000]],
    ['one sample after it proves nothing', [level(2, false), ...ticks(1)], [5000]],
    ['samples in between are time in between', [level(2, false), ...ticks(4), level(2, true)], [4970, 5000]],
    ['samples before it are of no account', [...ticks(9), level(2, false)], [5000]],
    ['nothing lies before the last report', [level(2, false), ...ticks(500), level(2, true)], [4000, 5000]],
  ])('%s', (_name, received, expected) => {
    const dated = dateChunk(received, arrival, 10, 4000)
    expect(dated.map((one) => one.at.monotonic_ms)).toEqual(expected)
    expect(dated.map((one) => one.at.wall_ms)).toEqual(expected.map((at_ms) => 1_000_000 + at_ms - 5000))
  })
})
