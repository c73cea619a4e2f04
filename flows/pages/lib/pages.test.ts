import { beforeAll, describe, expect, it } from 'vitest'
import { drawn } from './history.ts'
import { blocks, lookOf } from './places.ts'
import type { Device, Incident, Picture } from './shapes.ts'
import { devices, hear, incidents, readings, waiting } from './store.ts'

/** What pages decide by themselves, without a browser. */

const device = (more: Partial<Device> = {}): Device => ({
  path: 'linli/v1/s/c/e/gw-1/alarm-button/b1',
  gateway: 'gw-1',
  class: 'alarm-button',
  device: 'b1',
  meta: null,
  state: { alarm: false },
  availability: { status: 'online' },
  heard: null,
  ...more,
})
const incident = (number: string, status: string, kind = 'major', since = '2026-11-30T08:00:00Z'): Incident => ({
  number,
  status,
  kind,
  since,
  source: 'event',
  cause: 'button',
  count: 1,
  late: false,
  steps: [],
  overdue: [],
})
const picture = (more: Partial<Picture> = {}): Picture => ({
  id: 'run-1',
  now: '2026-11-30T08:00:00Z',
  devices: [],
  incidents: [],
  readings: {},
  events: [],
  ...more,
})

describe('what a page knows of the estate', () => {
  beforeAll(() => hear('picture', picture()))

  it('is the picture alone after a picture: what is not in it is not any more', () => {
    hear('device', device())
    hear('incident', incident('1', 'raised'))
    hear('readings', { gone: {} })
    hear('picture', picture({ devices: [device({ path: 'x' })], incidents: [incident('2', 'raised')] }))
    expect([...devices.keys()]).toEqual(['x'])
    expect(incidents.value.map(({ number }) => number)).toEqual(['2'])
    expect(readings.size).toBe(0)
  })

  it('puts what nobody has taken first, the gravest and oldest of it at the top, and drops what is done', () => {
    const all = [
      incident('a', 'dispatched'),
      incident('b', 'raised', 'shared', '2026-11-30T07:00:00Z'),
      incident('c', 'raised', 'major', '2026-11-30T08:00:00Z'),
      incident('d', 'raised', 'major', '2026-11-30T07:30:00Z'),
      incident('e', 'resolved'),
      incident('f', 'answered'),
    ]
    hear('picture', picture({ incidents: all }))
    expect(incidents.value.map(({ number }) => number)).toEqual(['d', 'c', 'b', 'a', 'e'])
    hear('incident', incident('d', 'false-alarm'))
    expect(waiting.value.map(({ number }) => number)).toEqual(['c', 'b'])
  })
})

describe('a device on the map', () => {
  const at = (more: Partial<Device>) => lookOf(device(more), new Set())
  it('is in alarm by its own state, or because an incident of it waits for somebody', () => {
    expect(at({ state: { alarm: true } })).toBe('alarm')
    expect(lookOf(device(), new Set(['gw-1/alarm-button/b1']))).toBe('alarm')
    // Also when it cannot be reached: the alarm stands until somebody has looked.
    expect(at({ state: { alarm: true }, availability: { status: 'offline' } })).toBe('alarm')
  })

  it('is never fine when nobody knows how it is', () => {
    expect(at({ availability: { status: 'stale' } })).toBe('broken')
    expect(at({ availability: null })).toBe('broken')
    expect(at({ state: { alarm: 'none', faults: ['sensor-stuck'] } })).toBe('broken')
    expect(at({ state: { alarm: 'none', held: true } })).toBe('notable')
    expect(at({})).toBe('fine')
  })

  it('stands in the block of its building', () => {
    const meta = (building: string) => ({
      model: '',
      place: { building },
      capabilities: [],
      driver: { name: '', version: '' },
    })
    const made = blocks([device({ meta: meta('2') }), device({ meta: meta('1') }), device()])
    expect(made.map(({ name, devices: mine }) => [name, mine.length])).toEqual([
      ['', 1],
      ['1', 1],
      ['2', 1],
    ])
  })
})

it('a chart stays empty where nothing is known, and shows what a counter added up', () => {
  const series = { id: 1, path: 'p', quantity: 'rain', unit: 'mm', kind: 'counter' }
  const points = [{ t: '2026-11-30T08:00:00Z', sum: 3, mean: 1 }, { t: '2026-11-30T09:00:00Z' }]
  expect(drawn({ resolution: 'hour', points, series })).toMatchObject({ values: [3, null], low: [3, null] })
  const gauge = { ...series, kind: 'gauge' }
  expect(drawn({ resolution: 'raw', points: [{ t: '2026-11-30T08:00:00Z', value: 7 }], series: gauge }).values).toEqual(
    [7],
  )
})
