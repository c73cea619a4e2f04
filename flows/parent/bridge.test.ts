import FakeTimers from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../../hub/contract/topic.ts'
import { ARGS_BYTES_MAX, createBridge, HELD_MAX, LIVE_FOR_MS, type ParentBridge, TURN_MS } from './bridge.ts'
import type { DeviceMessage, EventMessage, ToHub } from './messages.ts'

let clock: FakeTimers.Clock
let toHub: ToHub[]
let bridge: ParentBridge

beforeEach(() => {
  clock = FakeTimers.install()
  toHub = []
  bridge = createBridge({
    send: (message) => toHub.push(message),
    rss_bytes: () => 7,
    clock: () => clock.now,
  })
})
afterEach(() => clock.uninstall())

const address: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'g',
  class: 'alarm-button',
  device: 'b1',
}
const event = (seq: number) =>
  ({ type: 'event', seq, address, name: 'pressed', place: null, replayed: false }) as EventMessage
const request = { address, name: 'siren', args: { on: true }, ttl_ms: 1000, flow: 'n' }

describe('bridge', () => {
  it('answers a ping with its memory', () => {
    bridge.receive({ type: 'ping', n: 3 })
    expect(toHub).toEqual([{ type: 'pong', n: 3, rss_bytes: 7 }])
  })

  it('reports an event as seen only after a turn, and later ones in their turn', () => {
    bridge.release()
    bridge.receive(event(1))
    clock.tick(TURN_MS - 1)
    bridge.receive(event(2))
    expect(toHub).toEqual([])
    clock.tick(1)
    expect(toHub).toEqual([{ type: 'seen', seq: 1 }])
    clock.tick(TURN_MS)
    expect(toHub).toEqual([
      { type: 'seen', seq: 1 },
      { type: 'seen', seq: 2 },
    ])
  })

  it('holds events while flows are stopped, gives them in order, and the old ones as replayed', () => {
    const given: Array<[number, boolean]> = []
    bridge.onEvent(({ seq, replayed }) => given.push([seq, replayed]))
    bridge.receive(event(1))
    clock.tick(LIVE_FOR_MS + 1)
    bridge.receive(event(2))
    bridge.hold()
    expect([given, toHub]).toEqual([[], []])
    bridge.release()
    expect(given).toEqual([
      [1, true],
      [2, false],
    ])
    bridge.hold()
    for (let seq = 1; seq <= HELD_MAX + 1; seq += 1) bridge.receive(event(seq))
    bridge.release()
    expect(given).toHaveLength(2 + HELD_MAX)
    expect(given[2]?.[0]).toBe(2)
  })

  it('gives each command its own result', async () => {
    const [first, second] = [bridge.command(request), bridge.command(request)]
    const [one, two] = toHub as Array<ToHub & { type: 'command' }>
    const result = { name: 'siren', status: 'succeeded' as const, at: '2026-11-23T00:00:00.000Z' }
    bridge.receive({ type: 'command-result', id: two?.id ?? '', result: { ...result, id: 'second' } })
    bridge.receive({ type: 'command-result', id: one?.id ?? '', result: { ...result, id: 'first' } })
    bridge.receive({ type: 'command-result', id: 'unknown', result: { ...result, id: 'x' } })
    expect([(await first).id, (await second).id]).toEqual(['first', 'second'])
  })

  it('keeps a loop of commands away from the hub', async () => {
    const results = Array.from({ length: 150 }, () => bridge.command(request))
    expect(toHub).toHaveLength(100)
    expect(await results.at(-1)).toMatchObject({ status: 'refused', code: 'FLOWS_RATE_LIMITED' })
    clock.tick(1000)
    void bridge.command(request)
    expect(toHub).toHaveLength(101)
  })

  it('refuses arguments too large for a message', async () => {
    const result = await bridge.command({ ...request, args: 'x'.repeat(ARGS_BYTES_MAX) })
    expect(result).toMatchObject({ status: 'refused', code: 'FLOWS_ARGS_TOO_LARGE' })
    expect(toHub).toEqual([])
  })

  it('keeps the picture of each device, and forgets what was cleared', () => {
    const device = (field: DeviceMessage['field'], value: unknown) =>
      bridge.receive({ type: 'device', address, field, value })
    bridge.receive({ type: 'snapshot', devices: [] })
    device('state', { alarm: true })
    device('availability', { status: 'online' })
    expect(bridge.devices.get(address)).toEqual({
      address,
      state: { alarm: true },
      availability: { status: 'online' },
    })
    device('state', null)
    expect(bridge.devices.get(address)).toEqual({ address, availability: { status: 'online' } })
    bridge.receive({ type: 'snapshot', devices: [] })
    expect(bridge.devices.all()).toEqual([])
  })
})
