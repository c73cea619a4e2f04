import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Place } from '../../hub/contract/meta.ts'
import type { Address } from '../../hub/contract/topic.ts'
import { placed as placedNode } from '../../test/support/placed-node.ts'
import { Directory } from '../parent/directory.ts'
import type { DeviceRecord, EventMessage, UpstreamStatus } from '../parent/messages.ts'
import { type CommandConfig, planTargets, ttl_ms } from './command-plan.ts'
import { type EventFilter, listOf, matches } from './event-filter.ts'
import { eventMsg } from './event-message.ts'
import linliCommand from './linli-command.ts'
import linliEvent from './linli-event.ts'
import linliUpstreamStatus from './linli-upstream-status.ts'
import type { Msg, RedApi } from './red.ts'
import { upstreamDot } from './upstream-text.ts'

const lobby: Place = { building: '3', floor: '1', spot: 'lobby' }

function address(device: string, gateway = 'gw1'): Address {
  return { street: 's', community: 'c', estate: 'e', gateway, class: 'alarm-button', device }
}

function record(device: string, place: Place, capabilities: string[], alarm = false): DeviceRecord {
  const driver = { name: 'test', version: '1' }
  return {
    address: address(device),
    meta: { class: 'alarm-button', model: 'test', driver, place, capabilities },
    state: { alarm },
  }
}

function event(change: Partial<EventMessage> = {}, severity: 'alarm' | 'warning' | 'notice' = 'alarm'): EventMessage {
  return {
    type: 'event',
    seq: 1,
    address: address('b1'),
    name: 'pressed',
    place: lobby,
    replayed: false,
    event: {
      specversion: '1.0',
      id: 'gw1:boot:000000000001',
      source: '/linli/v1/s/c/e/gw1/alarm-button/b1',
      type: 'linli.alarm-button.pressed.v1',
      time: '2026-11-23T08:30:00.000Z',
      sequence: '000000000001',
      bootid: 'boot',
      timequality: 'synced',
      monotonicms: '1',
      severity,
      data: { press: 1 },
    },
    ...change,
  }
}

const all: EventFilter = {
  class: '',
  types: '',
  severity: '',
  building: '',
  floor: '',
  spot: '',
  device: '',
  replayed: false,
}

describe('event filter', () => {
  it.each<[string, Partial<EventFilter>, Partial<EventMessage>, boolean]>([
    ['nothing set', {}, {}, true],
    ['class', { class: 'alarm-button' }, {}, true],
    ['another class', { class: 'access-gate' }, {}, false],
    ['one of the types', { types: 'reset, pressed' }, {}, true],
    ['none of the types', { types: 'reset,cancelled' }, {}, false],
    ['types with Chinese commas', { types: 'reset，pressed' }, {}, true],
    ['place', { building: '3', floor: '1', spot: 'lobby' }, {}, true],
    ['another spot', { building: '3', spot: 'roof' }, {}, false],
    ['place wanted, none known', { building: '3' }, { place: null }, false],
    ['device', { device: 'b1' }, {}, true],
    ['another device', { device: 'b2' }, {}, false],
    ['replayed', {}, { replayed: true }, false],
    ['replayed, wanted', { replayed: true }, { replayed: true }, true],
  ])('%s', (_what, filter, change, passes) => {
    expect(matches({ ...all, ...filter }, event(change))).toBe(passes)
  })

  it.each([
    ['alarm', 'alarm', true],
    ['alarm', 'warning', false],
    ['warning', 'alarm', true],
    ['warning', 'notice', false],
    ['notice', 'notice', true],
  ] as const)('at least %s: %s', (wanted, severity, passes) => {
    expect(matches({ ...all, severity: wanted }, event({}, severity))).toBe(passes)
  })

  it('reads any list of types', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z-]{1,10}$/)), fc.constantFrom(',', ', ', '，', ' '), (names, by) => {
        expect(listOf(names.join(by))).toEqual(names)
      }),
    )
  })
})

function directory(...devices: DeviceRecord[]): Directory {
  const made = new Directory()
  for (const { address, meta, state } of devices) {
    made.update({ type: 'device', address, field: 'meta', value: meta ?? null })
    made.update({ type: 'device', address, field: 'state', value: state ?? null })
  }
  return made
}

describe('event message', () => {
  it('counts the other alarms of the place, not the own one, which may be late', () => {
    const roof = { ...lobby, spot: 'roof' }
    const devices = directory(
      record('b1', lobby, [], true),
      record('b2', lobby, [], true),
      record('b3', lobby, [], false),
      record('b4', roof, [], true),
    )
    expect(eventMsg(event(), devices)).toMatchObject({
      topic: 'linli/v1/s/c/e/gw1/alarm-button/b1/evt/pressed',
      payload: { press: 1 },
      type: 'pressed',
      device: address('b1'),
      otherAlarms: 1,
    })
    expect(eventMsg(event({ place: null }), devices).otherAlarms).toBe(0)
  })
})

const command: CommandConfig = {
  id: 'node1',
  target: 'place',
  gateway: '',
  class: '',
  device: '',
  command: 'siren',
  capability: '',
  args: '{"on":true}',
  argsType: 'json',
  ttl_s: 10,
}

describe('command targets', () => {
  const devices = directory(
    record('b1', lobby, ['siren']),
    record('b2', lobby, ['lamp']),
    record('b3', { ...lobby, spot: 'roof' }, ['siren']),
    record('b4', {}, ['siren']),
    record('b5', {}, ['siren']),
    { address: address('same', 'gw1') },
    { address: address('same', 'gw2') },
    // The hub says only its state; commands for the whole estate go to it.
    { address: { ...address('hub-1', 'hub'), class: 'hub' }, state: { version: '1' } },
  )
  const from = (device: string) => ({ device: address(device) })
  it.each<[string, Partial<CommandConfig>, Msg, string[] | string]>([
    ['the place, by capability', {}, from('b1'), ['b1']],
    ['the place, another device has it', { command: 'lamp' }, from('b1'), ['b2']],
    ['the place, capability named', { capability: 'lamp' }, from('b1'), ['b2']],
    ['the place, nobody has it', { command: 'reset' }, from('b1'), 'FLOW_NO_TARGET'],
    ['a device without a place is alone', {}, from('b4'), ['b4']],
    ['the place of an unknown device', {}, from('b9'), 'FLOW_NO_TARGET'],
    ['the device itself, even when unknown', { target: 'device' }, from('b9'), ['b9']],
    ['a fixed device', { target: 'fixed', device: 'b3' }, {}, ['b3']],
    ['a fixed device of one gateway', { target: 'fixed', device: 'same', gateway: 'gw2' }, {}, ['same']],
    ['a fixed name used twice', { target: 'fixed', device: 'same' }, {}, 'FLOW_AMBIGUOUS'],
    ['a fixed device of another class', { target: 'fixed', device: 'b3', class: 'camera' }, {}, 'FLOW_NO_TARGET'],
    ['the hub', { target: 'fixed', class: 'hub', device: 'hub-1', command: 'release-all' }, {}, ['hub-1']],
    ['no device in the message', {}, {}, 'FLOW_NO_DEVICE'],
  ])('%s', (_what, config, msg, expected) => {
    const targets = planTargets({ ...command, ...config }, msg, devices)
    if (targets.ok) expect(targets.addresses.map(({ device }) => device)).toEqual(expected)
    else expect(targets.code).toBe(expected)
  })

  it('never throws, whatever a flow puts into msg.device', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom('device', 'place'), (device, target) => {
        const { ok } = planTargets({ ...command, target }, { device }, devices)
        expect(ok).toBe(false)
      }),
    )
  })

  it.each([
    [10, 10_000],
    ['60', 60_000],
    ['', 10_000],
    [-1, 10_000],
    ['soon', 10_000],
    [99_999, 3_600_000],
  ])('a life of %j s is %d ms', (ttl_s, expected) => {
    expect(ttl_ms({ ttl_s })).toBe(expected)
  })
})

describe('upstream dot', () => {
  it('differs in shape too, and shows what waits', () => {
    const dot = (status: UpstreamStatus['status'], backlog: number) =>
      upstreamDot([{ status, backlog, since: '2026-11-23T00:00:00.000Z' }])
    expect(dot('connected', 0)).toEqual({ fill: 'green', shape: 'dot', text: 'connected' })
    expect(dot('connected', 3)).toEqual({ fill: 'yellow', shape: 'dot', text: 'connected · 3' })
    expect(dot('disconnected', 3)).toEqual({ fill: 'red', shape: 'ring', text: 'disconnected · 3' })
    expect(dot('none', 0).shape).toBe('ring')
  })

  it('names each of several, and is red when one of them is away', () => {
    const since = '2026-11-23T00:00:00.000Z'
    const city = { name: 'city', status: 'connected' as const, backlog: 0, since }
    const police = { name: 'police', status: 'disconnected' as const, backlog: 2, since }
    expect(upstreamDot([city, police])).toEqual({
      fill: 'red',
      shape: 'ring',
      text: 'city: connected, police: disconnected · 2',
    })
    expect(upstreamDot([city, { ...police, status: 'connected' }]).fill).toBe('yellow')
  })
})

const placed = <C extends object>(register: (RED: RedApi) => void, config: C, withHub = true) =>
  placedNode(register, config, { withHub, devices: [record('b1', lobby, ['siren']), record('b2', lobby, ['siren'])] })

describe('linli event', () => {
  it('sends what its filter lets through, until it is closed', () => {
    const node = placed(linliEvent, { ...all, types: 'pressed' })
    node.bridge.receive(event())
    node.bridge.receive(event({ name: 'released' }))
    node.bridge.receive(event({ replayed: true }))
    expect(node.sent).toMatchObject([{ type: 'pressed' }])
    expect(node.statuses).toEqual([{ fill: 'red', shape: 'dot', text: 'pressed · b1 · 08:30:00Z' }])
    node.close()
    node.bridge.receive(event())
    expect(node.sent).toHaveLength(1)
  })

  it('says that it needs a hub where there is none', () => {
    const node = placed(linliEvent, all, false)
    expect(node.errors).toHaveLength(1)
    expect(node.statuses).toMatchObject([{ fill: 'red' }])
  })
})

describe('linli command', () => {
  const msg = { type: 'pressed', device: address('b1'), event: { id: 'gw1:boot:000000000001' } }

  it('asks every device of the place and sends each result to the first output', async () => {
    const node = placed(linliCommand, { ...command, name: '鸣笛' })
    const done = node.input(msg)
    expect(node.toHub).toMatchObject([
      { type: 'command', name: 'siren', args: { on: true }, ttl_ms: 10_000, flow: '鸣笛 node1', event: msg.event.id },
      { type: 'command', address: { device: 'b2' } },
    ])
    node.answer('succeeded')
    await done
    expect(node.sent).toMatchObject([
      [{ payload: { status: 'succeeded' }, target: { device: 'b1' } }, null],
      [{ payload: { status: 'succeeded' }, target: { device: 'b2' } }, null],
    ])
    expect(node.statuses.at(-1)).toEqual({ fill: 'green', shape: 'dot', text: 'siren 2/2' })
  })

  it('sends what failed to the second output', async () => {
    const node = placed(linliCommand, command)
    const done = node.input(msg)
    node.answer('refused', 'GATE_SAFETY_OCCUPIED')
    await done
    expect(node.sent[0]).toMatchObject([null, { error: { code: 'GATE_SAFETY_OCCUPIED' } }])
    expect(node.statuses.at(-1)).toMatchObject({ fill: 'red', text: 'siren 0/2 GATE_SAFETY_OCCUPIED' })
  })

  it('sends a message without a device, and arguments that are not JSON, to the second output', async () => {
    const node = placed(linliCommand, command)
    await node.input({ payload: 1 })
    expect(node.sent).toMatchObject([[null, { payload: 1, error: { code: 'FLOW_NO_DEVICE' } }]])
    const broken = placed(linliCommand, { ...command, args: '{on' })
    await broken.input(msg)
    expect(broken.sent).toMatchObject([[null, { error: { code: 'FLOW_NODE_FAILED' } }]])
    expect(broken.toHub).toEqual([])
  })
})

describe('linli upstream status', () => {
  it('says what holds once the flows run, and every change until it is closed', () => {
    const node = placed(linliUpstreamStatus, {})
    const upstream = { status: 'connected' as const, since: '2026-11-23T00:00:00.000Z', backlog: 0 }
    node.bridge.receive({ type: 'upstream', upstream })
    node.bridge.receive({ type: 'upstream', upstream: { ...upstream, status: 'disconnected', backlog: 2 } })
    for (const listener of node.started) listener()
    expect(node.sent).toMatchObject([
      { status: 'connected' },
      { status: 'disconnected', backlog: 2 },
      { status: 'disconnected' },
    ])
    node.close()
    node.bridge.receive({ type: 'upstream', upstream })
    expect(node.sent).toHaveLength(3)
  })

  it('says how each of several is', () => {
    const node = placed(linliUpstreamStatus, {})
    const since = '2026-11-23T00:00:00.000Z'
    for (const name of ['city', 'police'])
      node.bridge.receive({ type: 'upstream', upstream: { name, status: 'connected', since, backlog: 0 } })
    for (const listener of node.started) listener()
    expect(node.sent.map((one) => (one as { upstream?: string }).upstream)).toEqual([
      'city',
      'police',
      'city',
      'police',
    ])
  })

  it('has nothing to say before the hub told it', () => {
    const node = placed(linliUpstreamStatus, {})
    for (const listener of node.started) listener()
    expect(node.sent).toEqual([])
  })
})
