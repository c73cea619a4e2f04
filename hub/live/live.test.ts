import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Message } from '../contract/decode.ts'
import { eventId, eventType, makeEvent } from '../contract/event.ts'
import type { Address } from '../contract/topic.ts'
import { createDevices, type Devices } from '../devices/devices.ts'
import { createLive, type Live, type Told } from './live.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
const DOOR: Address = { ...SITE, gateway: 'gw-1', class: 'access-gate', device: 'd1' }
const AIR: Address = { ...SITE, gateway: 'gw-1', class: 'park-sensor', device: 'air' }
const NOW_MS = Date.parse('2026-11-30T08:00:00Z')

let devices: Devices
let live: Live
let told: Told[]

beforeEach(() => {
  vi.useFakeTimers({ now: NOW_MS })
  devices = createDevices()
  live = createLive({ devices, incidents: () => [], now_ms: Date.now, run: 'run' })
  told = []
  live.onTold((one) => told.push(one))
  return () => {
    live.close()
    vi.useRealTimers()
  }
})

function hear(message: Message): void {
  devices.apply(message)
  live.heard(message)
}

const state = (position: string): Message => ({
  kind: 'state',
  topic: { ...DOOR, channel: 'state' },
  state: { position },
})

function passage(sequence: number): Message & { kind: 'event' } {
  const stamp = { wall_ms: NOW_MS, monotonic_ms: 0, quality: 'synced' } as const
  const data = { direction: 'in', granted: true, by: 'card', credential: 'a-keyed-hash' }
  const event = makeEvent({ address: DOOR, bootid: 'b', sequence }, 'passage', 'notice', stamp, data)
  return { kind: 'event', topic: { ...DOOR, channel: 'evt', type: 'passage' }, event }
}

function temperature(value: number, t: number): Message {
  const event = {
    specversion: '1.0' as const,
    id: eventId('gw-1', 'b', t),
    source: '/x',
    type: eventType(AIR, 'telemetry'),
    time: new Date(NOW_MS).toISOString(),
    sequence: '000000000001',
    bootid: 'b',
    timequality: 'synced' as const,
    monotonicms: '0',
    severity: 'notice' as const,
    data: [{ n: 'temperature', u: 'Cel', v: value, bt: NOW_MS / 1000 + t }],
  }
  return { kind: 'telemetry', topic: { ...AIR, channel: 'tele' }, event }
}

describe('the live stream', () => {
  it('tells each change once, and a page that comes back what it missed', () => {
    hear(state('closed'))
    const { id } = live.picture()
    hear(state('open'))
    hear(passage(1))
    expect(live.since(id)).toEqual(told.slice(1))
    expect(told.map(({ name }) => name)).toEqual(['device', 'device', 'event'])
    expect(live.since(told[2]?.id ?? '')).toEqual([])
  })

  it('does not know what was before it began, nor what is too long ago: then a page needs the picture', () => {
    expect(live.since('run-of-yesterday-7')).toBeUndefined()
    hear(state('closed'))
    const { id } = live.picture()
    for (let n = 0; n < 2_001; n++) hear(state(n % 2 === 0 ? 'open' : 'closed'))
    expect(live.since(id)).toBeUndefined()
    expect(live.picture().devices).toMatchObject([{ device: 'd1', state: { position: 'open' } }])
  })

  it('shows passages without what would tell one person from another', () => {
    hear(passage(1))
    expect(JSON.stringify([told, live.picture(), live.eventsOf('linli/v1/s/c/e/gw-1/access-gate/d1')])).not.toContain(
      'a-keyed-hash',
    )
    expect(live.picture().events).toMatchObject([{ type: 'passage', data: { by: 'card', direction: 'in' } }])
  })

  it('keeps the newest events of each device, newest first, those of before a restart too', () => {
    const again = createLive({ devices, incidents: () => [], now_ms: Date.now, run: 'next' }, [passage(1), passage(2)])
    for (let n = 3; n < 60; n++) again.heard(passage(n))
    const events = again.eventsOf('linli/v1/s/c/e/gw-1/access-gate/d1')
    expect(events).toHaveLength(40)
    expect(events[0]?.id).toBe('gw-1:b:000000000059')
  })

  it('gathers readings of a second, and never goes back to an older one', () => {
    hear(temperature(20, 0))
    hear(temperature(21, 1))
    hear(temperature(19, -5))
    expect(told).toEqual([])
    vi.advanceTimersByTime(1_000)
    expect(told).toHaveLength(1)
    const path = 'linli/v1/s/c/e/gw-1/park-sensor/air'
    expect(told[0]).toMatchObject({ name: 'readings', data: { [path]: { temperature: { value: 21, unit: 'Cel' } } } })
    expect(live.picture().readings[path]?.temperature?.value).toBe(21)
  })

  it('tells incidents by their number, and not as devices', () => {
    const topic = { ...SITE, gateway: 'hub', class: 'incident', device: '7', channel: 'state' } as const
    hear({ kind: 'state', topic, state: { status: 'raised' } })
    hear({ kind: 'cleared', topic })
    expect(told).toMatchObject([
      { name: 'incident', data: { number: '7', status: 'raised' } },
      { name: 'incident-gone', data: { number: '7' } },
    ])
    expect(live.picture().devices).toEqual([])
  })

  it('says when a device was heard last, and that it is gone', () => {
    hear(state('closed'))
    expect(live.picture().devices[0]?.heard).toBe('2026-11-30T08:00:00.000Z')
    hear({ kind: 'cleared', topic: { ...DOOR, channel: 'state' } })
    expect(told.at(-1)).toMatchObject({ name: 'device-gone', data: { path: 'linli/v1/s/c/e/gw-1/access-gate/d1' } })
  })
})
