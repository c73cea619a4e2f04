import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import FakeTimers from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeConfig } from '../config.ts'
import type { SimEvent } from '../events.ts'
import { createRandom } from '../random.ts'
import { barrier, board, door, startVirtualWorld, VIRTUAL_TIME, type VirtualWorld } from '../testing/virtual-world.ts'
import { createWorld } from '../world.ts'
import { groupSize, nextArrival_ms } from './arrivals.ts'
import { parseCounts } from './counts.ts'

const HOUR_MS = 3_600_000
const flat = (mean: number) => new Array<number>(24).fill(mean)

describe('arrivals', () => {
  it('keep to the profile hour by hour, and never come in an hour of none', () => {
    const perHour = flat(0).map((_, hour) => (hour >= 7 && hour < 9 ? 600 : hour === 12 ? 60 : 0))
    const random = createRandom(3)
    const counts = flat(0)
    const days = 20
    let at_ms = 0
    for (;;) {
      at_ms += nextArrival_ms(perHour, 1, at_ms, random)
      if (at_ms >= days * 24 * HOUR_MS) break
      const hour = Math.floor(at_ms / HOUR_MS) % 24
      counts[hour] = (counts[hour] ?? 0) + 1 / days
    }
    for (const [hour, mean] of perHour.entries()) {
      // Four standard deviations of a Poisson count over the days.
      expect(Math.abs((counts[hour] ?? 0) - mean)).toBeLessThanOrEqual(4 * Math.sqrt(mean / days))
    }
  })

  it('never come where the profile is empty', () => {
    expect(nextArrival_ms(flat(0), 1, 0, createRandom(1))).toBe(Number.POSITIVE_INFINITY)
  })

  it('always come after now, at any time of any day', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e13, max: 1e13 }), fc.integer(), (at_ms, seed) => {
        const perHour = flat(0)
        perHour[5] = 10
        const wait_ms = nextArrival_ms(perHour, 2, at_ms, createRandom(seed))
        expect(wait_ms).toBeGreaterThanOrEqual(0)
        const hour = Math.floor(((((at_ms + wait_ms) % (24 * HOUR_MS)) + 24 * HOUR_MS) % (24 * HOUR_MS)) / HOUR_MS)
        // A rounding at the edge of the hour is allowed for.
        expect([5, 6]).toContain(hour)
      }),
    )
  })

  it('in groups have the mean that is asked for, one at least', () => {
    const random = createRandom(1)
    const sizes = Array.from({ length: 20_000 }, () => groupSize(2.5, random))
    expect(Math.min(...sizes)).toBe(1)
    expect(sizes.reduce((sum, size) => sum + size) / sizes.length).toBeCloseTo(2.5, 1)
    expect(groupSize(1, random)).toBe(1)
  })
})

describe('counts', () => {
  const text = '7,01/31/24,23:30:00,4\n\n9,01/31/24,23:30:00,1\r\n7,02/01/24,00:00:00,0\n7,02/01/24,00:30:00,2\n'

  it('are read for one flow, across the end of a month', () => {
    const [first, ...rest] = parseCounts(text, 'x', 7, undefined)
    expect(first).toEqual({ start_ms: 0, length_ms: HOUR_MS / 2, count: 4 })
    expect(rest.map(({ start_ms, count }) => [start_ms, count])).toEqual([
      [HOUR_MS / 2, 0],
      [HOUR_MS, 2],
    ])
  })

  it('can begin later', () => {
    const later = parseCounts(text, 'x', 7, '02/01/24 00:30:00')
    expect(later).toEqual([{ start_ms: 0, length_ms: HOUR_MS / 2, count: 2 }])
  })

  it.each([
    ['7;01/31/24,23:30:00,4', 7, undefined, 'x line 1: must be flow,MM/DD/YY,HH:MM:SS,count'],
    [`${text}7,02/30/24,00:00:00,1`, 7, undefined, 'x line 6'],
    [`${text}7,02/01/24,24:00:00,1`, 7, undefined, 'x line 6'],
    [text, 8, undefined, 'x: no counts of flow 8'],
    [text, 7, '02/02/24 00:00:00', 'x: no counts of flow 7 from 02/02/24 00:00:00 on'],
    ['', 7, undefined, 'x: no counts'],
  ] as const)('that are wrong name the line: %#', (bad, flow, from, message) => {
    expect(() => parseCounts(bad, 'x', flow, from)).toThrow(message)
  })
})

describe('traffic in a world', () => {
  let sim: VirtualWorld
  let folder: string | undefined
  afterEach(() => {
    sim?.end()
    if (folder) rmSync(folder, { recursive: true })
    folder = undefined
  })
  const of = <T extends SimEvent['type']>(type: T) =>
    sim.events.filter((event): event is SimEvent & { type: T } => event.type === type)
  const start = (more: object) =>
    startVirtualWorld(FakeTimers.install(VIRTUAL_TIME), {
      boards: [board('a', { devices: [barrier('g1')] }), board('b', { devices: [door('d1')] })],
      ...more,
    })

  it('queues at a barrier, strangers and tailgaters among it, the same for the same seed', () => {
    const traffic = [
      { id: 't', device: 'g1', per_hour: flat(120), plates: ['A', 'B'], unknown_share: 0.5, tailgater_share: 0.2 },
    ]
    const cameras = [{ id: 'c', device: 'g1', reads: 2 }]
    const told = [1, 2].map(() => {
      sim = start({ traffic, cameras, seed: 5 })
      sim.clock.tick(HOUR_MS / 2)
      sim.end()
      return sim.events
    })
    expect(told[0]).toEqual(told[1])
    const arrived = of('vehicle').filter(({ state }) => state === 'arrived')
    expect(arrived.length).toBeGreaterThan(30)
    expect(arrived.length).toBeLessThan(95)
    const strangers = arrived.filter(({ plate }) => plate.startsWith('X'))
    expect(strangers.length).toBeGreaterThan(10)
    expect(strangers.length).toBeLessThan(arrived.length - 10)
    // The boom stays down, so everybody goes home in the end.
    expect(of('vehicle').some(({ state }) => state === 'turned-back')).toBe(true)
    expect(of('vehicle').some(({ state }) => state === 'entered')).toBe(false)
    expect(of('plate').length).toBeGreaterThan(arrived.length)
  })

  it('replays counts at a door', () => {
    folder = mkdtempSync(join(tmpdir(), 'linli-counts-'))
    const csv = join(folder, 'counts.csv')
    writeFileSync(csv, '1,01/01/24,08:00:00,5\n1,01/01/24,09:00:00,0\n1,01/01/24,10:00:00,7\n')
    sim = start({ traffic: [{ id: 't', device: 'd1', counts: { csv, flow: 1 }, direction: 'out' }] })
    const people = () => of('person').length
    sim.clock.tick(HOUR_MS + 10_000)
    expect(people()).toBe(5)
    sim.clock.tick(HOUR_MS - 20_000)
    expect(people()).toBe(5)
    sim.clock.tick(HOUR_MS + 20_000)
    expect(people()).toBe(12)
    expect(of('person').every(({ direction, state }) => direction === 'out' && state === 'gave-up')).toBe(true)
  })

  it('presents its cards at the reader of its door', () => {
    sim = start({
      buses: [{ id: 'bus', baud: 9600, port: '/sim/bus', devices: [{ kind: 'osdp-reader', id: 'r1', address: 0 }] }],
      traffic: [
        { id: 't', device: 'd1', per_hour: flat(60), group_mean: 2, reader: 'r1', cards: [{ facility: 1, number: 2 }] },
      ],
    })
    sim.clock.tick(HOUR_MS)
    expect(of('credential').filter(({ state }) => state === 'read').length).toBeGreaterThan(20)
    expect(of('person').length).toBeGreaterThan(20)
  })

  it('whose counts are not there is one clear error', () => {
    sim = start({})
    const counts = { csv: '/nowhere/x.csv', flow: 1 }
    const config = decodeConfig({
      boards: [board('a', { devices: [door('d')] })],
      traffic: [{ id: 't', device: 'd', counts }],
    })
    const deps = { endpoints: 'memory', random: createRandom(1), emit: () => {} } as const
    expect(() => createWorld(config, deps)).toThrow('/nowhere/x.csv: ENOENT')
  })
})
