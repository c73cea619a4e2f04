import { describe, expect, it } from 'vitest'
import { type IncidentState, incidentCommands } from '../../hub/contract/incident.ts'
import { checker } from '../../hub/contract/schema.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import type { Address, DeviceClass } from '../../hub/contract/topic.ts'
import { placed } from '../../test/support/placed-node.ts'
import type { EventMessage, Notice } from '../parent/messages.ts'
import { type FlowStep, stepArgs } from './incident-step.ts'
import linliIncident from './linli-incident.ts'
import linliIncidentStep from './linli-incident-step.ts'
import linliNotice from './linli-notice.ts'
import linliNoticeTold from './linli-notice-told.ts'
import linliReading from './linli-reading.ts'
import linliState from './linli-state.ts'
import linliUpstreamSend from './linli-upstream-send.ts'
import { readingsIn } from './senml.ts'

/** Nodes about what holds, what is measured, what staff handle, and what others are told. */

const AT = '2026-11-23T08:30:00.000Z'
const BT = Date.parse(AT) / 1000

function address(device: string, deviceClass: DeviceClass = 'alarm-button'): Address {
  const gateway = deviceClass === 'incident' ? 'hub' : 'gw1'
  return { street: 's', community: 'c', estate: 'e', gateway, class: deviceClass, device }
}
const nowhere = { class: '', building: '', floor: '', spot: '', device: '' }
const driver = { name: 'test', version: '1' }
const b1 = {
  address: address('b1'),
  meta: { class: 'alarm-button' as const, model: 'm', driver, place: { building: '3' }, capabilities: [] },
  state: { alarm: true, presses: 1 },
  availability: { status: 'online' as const },
}
type Placed = ReturnType<typeof placed>
const says = ({ bridge }: Placed, field: 'state' | 'availability' | 'readings', value: unknown, to = address('b1')) =>
  bridge.receive({ type: 'device', address: to, field, value })

describe('linli state', () => {
  const config = { ...nowhere, about: 'state', property: '', atstart: true }

  it('says what holds when the flows start, then each change with what it was before', () => {
    const node = placed(linliState, config, { devices: [b1] })
    for (const listener of node.started) listener()
    expect(node.sent).toMatchObject([{ payload: { alarm: true }, atstart: true, place: { building: '3' } }])
    says(node, 'state', { alarm: true, presses: 1 })
    says(node, 'state', { alarm: false, presses: 1 })
    expect(node.sent[1]).toMatchObject({ payload: { alarm: false }, previous: { alarm: true }, atstart: false })
    expect(node.sent).toHaveLength(2)
    node.close()
    says(node, 'state', { alarm: true, presses: 2 })
    expect(node.sent).toHaveLength(2)
  })

  it('says it also when the hub tells it only after the flows started', () => {
    const node = placed(linliState, config)
    for (const listener of node.started) listener()
    node.bridge.receive({ type: 'snapshot', devices: [b1] })
    node.bridge.receive({ type: 'snapshot', devices: [b1] })
    expect(node.sent).toMatchObject([{ atstart: true }])
    const later = placed(linliState, { ...config, atstart: false })
    later.bridge.receive({ type: 'snapshot', devices: [b1] })
    expect(later.sent).toEqual([])
  })

  it('says one part of the state only when that part changes', () => {
    const node = placed(linliState, { ...config, property: 'alarm' }, { devices: [b1] })
    says(node, 'state', { alarm: true, presses: 2 })
    says(node, 'state', { alarm: false, presses: 2 })
    expect(node.sent).toMatchObject([{ payload: false, previous: true }])
  })

  it('says availability when asked, with a ring for what is away, and only of the devices that it means', () => {
    const node = placed(linliState, { ...config, about: 'availability', building: '3' }, { devices: [b1] })
    says(node, 'availability', { status: 'offline', reason: 'board-unplugged' })
    says(node, 'availability', { status: 'offline' }, address('b2'))
    says(node, 'state', { alarm: false })
    expect(node.sent).toMatchObject([{ payload: { status: 'offline' }, previous: { status: 'online' } }])
    expect(node.statuses.at(-1)).toEqual({ fill: 'red', shape: 'ring', text: 'b1 · offline' })
  })
})

describe('readings', () => {
  it('are the newest of each quantity, with base fields, and a text alone is none', () => {
    const pack: SenmlPack = [
      { bn: 'urn:dev:park-1/', bt: BT, bu: 'Cel', n: 'temperature', v: 20, t: -60 },
      { n: 'temperature', v: 21 },
      { n: 'pm2.5', u: 'ug/m3', vs: 'bus-error', q: 'bad', qr: 'bus-error' },
      { n: 'note', vs: 'hello' },
    ]
    expect(readingsIn(pack, AT)).toEqual([
      { quantity: 'temperature', value: 21, unit: 'Cel', quality: 'good', time: AT },
      { quantity: 'pm2.5', unit: 'ug/m3', quality: 'bad', reason: 'bus-error', time: AT },
    ])
  })

  const park = address('park-1', 'park-sensor')
  const pack: SenmlPack = [
    { bt: BT, n: 'temperature', u: 'Cel', v: 36 },
    { n: 'humidity', u: '%RH', v: 70, q: 'suspect', qr: 'stuck' },
    { n: 'lux', u: 'lx', vs: 'x', q: 'bad', qr: 'stale' },
  ]
  const config = { ...nowhere, quantities: '', quality: 'good' }

  it.each([
    ['good', ['temperature']],
    ['suspect', ['temperature', 'humidity']],
    ['bad', ['temperature', 'humidity', 'lux']],
  ])('down to %s pass', (quality, expected) => {
    const node = placed(linliReading, { ...config, quality })
    says(node, 'readings', { time: AT, pack }, park)
    expect(node.sent.map((msg) => (msg as { quantity: string }).quantity)).toEqual(expected)
    expect(node.sent[0]).toMatchObject({ payload: 36, unit: 'Cel', quality: 'good', device: park })
  })

  it('that were held back are shown with a ring, and quantities are chosen', () => {
    const node = placed(linliReading, { ...config, quantities: 'humidity' })
    says(node, 'readings', { time: AT, pack }, park)
    expect(node.sent).toEqual([])
    expect(node.statuses).toMatchObject([
      { fill: 'yellow', shape: 'ring', text: 'park-1 · humidity 70 %RH · suspect stuck' },
    ])
  })
})

const incident = address('7', 'incident')
const state: IncidentState = {
  ...{ status: 'raised', kind: 'major', source: 'event', cause: 'button', since: AT, count: 1, late: false },
  ...{ steps: [], overdue: [], place: { building: '3' } },
}

function step(name: string, data: object, severity: 'alarm' | 'notice' = 'alarm'): EventMessage {
  const id = { id: 'hub:i1:000000000001', source: '/x', type: `linli.incident.${name}.v1`, time: AT }
  const clock = { sequence: '000000000001', bootid: 'i1', timequality: 'synced' as const, monotonicms: '1' }
  const event = { specversion: '1.0' as const, ...id, ...clock, severity, data }
  return { type: 'event', seq: 1, address: incident, name, place: null, replayed: false, event }
}

describe('linli incident', () => {
  const config = { types: '', kind: '', building: '', floor: '', spot: '', atstart: false }

  it('says each step with what is known of the incident, by kind and place', () => {
    const node = placed(linliIncident, { ...config, kind: 'major', building: '3' })
    node.bridge.receive(step('raised', { kind: 'major', cause: 'button', place: { building: '3' } }))
    says(node, 'state', state, incident)
    node.bridge.receive(step('acknowledged', { actor: 'user:wang' }, 'notice'))
    expect(node.sent).toMatchObject([
      { type: 'raised', severity: 'alarm', incident: { id: '7', kind: 'major' }, device: incident },
      { type: 'acknowledged', incident: { cause: 'button' }, place: { building: '3' }, data: { actor: 'user:wang' } },
    ])
    const other = placed(linliIncident, { ...config, types: 'escalated', kind: 'private' })
    other.bridge.receive(step('escalated', { kind: 'major' }))
    expect(other.sent).toEqual([])
  })

  it('says those that are open at the start, once, when asked', () => {
    const node = placed(linliIncident, { ...config, atstart: true })
    const closed = { address: address('6', 'incident'), state: { ...state, status: 'answered' } }
    node.bridge.receive({ type: 'snapshot', devices: [{ address: incident, state }, closed] })
    expect(node.sent).toMatchObject([{ type: 'open', incident: { id: '7', status: 'raised' } }])
    const silent = placed(linliIncident, config)
    silent.bridge.receive({ type: 'snapshot', devices: [{ address: incident, state }] })
    expect(silent.sent).toEqual([])
  })
})

describe('linli incident step', () => {
  const config = { name: '备注', step: 'comment', text: '', kind: '' }

  it('does a step of the incident in the message, and sends the result', async () => {
    const node = placed(linliIncidentStep, config)
    const done = node.input({ device: incident, payload: '喇叭已播报' })
    expect(node.toHub).toMatchObject([
      { type: 'command', address: incident, name: 'comment', args: { text: '喇叭已播报' }, flow: '备注 node1' },
    ])
    node.answer('succeeded')
    await done
    expect(node.sent).toMatchObject([[{ payload: { status: 'succeeded' } }, null]])
    expect(node.statuses.at(-1)).toMatchObject({ fill: 'green', shape: 'dot' })
  })

  it('sends what was refused to the second output', async () => {
    const node = placed(linliIncidentStep, { ...config, step: 'acknowledge' })
    const done = node.input({ device: incident })
    expect(node.toHub).toMatchObject([{ name: 'acknowledge', args: {} }])
    node.answer('refused', 'INCIDENT_STEP')
    await done
    expect(node.sent).toMatchObject([[null, { error: { code: 'INCIDENT_STEP' } }]])
    expect(node.statuses.at(-1)).toMatchObject({ fill: 'red', shape: 'ring' })
  })

  const steps = Object.keys(incidentCommands).filter((step) => step !== 'submit') as FlowStep[]

  it.each(steps)('%s takes from node or message what the contract wants, or says what is missing', (step) => {
    const check = checker<object>(incidentCommands[step])
    const all = { text: '已派人', kind: 'shared', team: 'house', person: 'wang', satisfied: 'no' } as const
    const byMsg = { payload: '已派人', kind: 'shared', team: 'house', person: 'wang', satisfied: false }
    const [fromNode, fromMsg] = [stepArgs({ step, ...all }, {}), stepArgs({ step, text: '' }, byMsg)]
    expect(fromMsg).toEqual(fromNode)
    expect('args' in fromNode && check(fromNode.args)).toMatchObject({ ok: true })
    const bare = stepArgs({ step, text: '' }, { payload: { no: 'text' } })
    const isIncomplete = step === 'assign' || step === 'confirm' || step === 'correct-kind'
    expect('missing' in bare).toBe(isIncomplete)
    if ('args' in bare) expect(check(bare.args)).toMatchObject({ ok: true })
  })

  it('gives an incident to a team, and sends to the second output when nobody is named', async () => {
    const node = placed(linliIncidentStep, { ...config, step: 'assign', team: 'house' })
    void node.input({ device: incident, payload: '请去看', person: 'wang' })
    expect(node.toHub).toMatchObject([{ name: 'assign', args: { team: 'house', person: 'wang', comment: '请去看' } }])
    const nobody = placed(linliIncidentStep, { ...config, step: 'assign' })
    await nobody.input({ device: incident })
    expect(nobody.toHub).toEqual([])
    expect(nobody.sent).toMatchObject([[null, { error: { code: 'FLOW_STEP_INCOMPLETE' } }]])
    expect(nobody.statuses.at(-1)).toMatchObject({ fill: 'red', text: 'assign · FLOW_STEP_INCOMPLETE' })
  })

  it('raises a new one with kind and place, and refuses what is no incident', async () => {
    const node = placed(
      linliIncidentStep,
      { ...config, step: 'raise', kind: 'shared', text: '水压低' },
      { devices: [b1] },
    )
    void node.input({ place: { spot: 'pump' } })
    expect(node.toHub).toMatchObject([
      { address: { gateway: 'hub', device: 'new' }, args: { text: '水压低', kind: 'shared', place: { spot: 'pump' } } },
    ])
    const wrong = placed(linliIncidentStep, config)
    await wrong.input({ device: address('b1') })
    expect(wrong.sent).toMatchObject([[null, { error: { code: 'FLOW_NO_INCIDENT' } }]])
  })
})

const notice: Notice = {
  id: '7-3',
  why: 'overdue',
  clock: 'acknowledge',
  incident: { id: '7', kind: 'major', status: 'raised', cause: 'button', count: 2, place: { building: '3' } },
  to: [
    { person: 'wang', name: '王师傅', channel: 'webhook', address: 'http://127.0.0.1/w' },
    { person: 'li', name: '李', channel: 'speaker', address: 'gate' },
  ],
}

describe('linli notice', () => {
  it('says it for each person by channel, in one line of both languages', () => {
    const node = placed(linliNotice, { channels: 'webhook' })
    node.bridge.receive({ type: 'notice', notice })
    expect(node.sent).toMatchObject([
      { topic: 'webhook', to: { person: 'wang' }, notice: { id: '7-3', why: 'overdue' } },
    ])
    expect(node.sent[0]).toMatchObject({
      payload: '邻里 Linli #7 [大事 major] button ×2 3 超时 overdue: acknowledge (overdue)',
    })
  })

  it('waits for the end of a deploy', () => {
    const node = placed(linliNotice, { channels: '' })
    node.bridge.hold()
    node.bridge.receive({ type: 'notice', notice })
    expect(node.sent).toEqual([])
    node.bridge.release()
    expect(node.sent).toHaveLength(2)
  })
})

describe('linli notice told', () => {
  const msg = { notice: { id: '7-3' }, to: { person: 'wang' } }

  it.each<[string, object, object]>([
    ['a good status', { statusCode: 200 }, { delivery: 'delivered' }],
    ['a bad status', { statusCode: 503 }, { delivery: 'failed', error: 'HTTP 503' }],
    ['a fault of the network', { statusCode: 'ECONNREFUSED' }, { delivery: 'failed', error: 'ECONNREFUSED' }],
    ['an error', { error: { message: 'timed out' } }, { delivery: 'failed', error: 'timed out' }],
  ])('tells by the message: %s', async (_what, more, expected) => {
    const node = placed(linliNoticeTold, { delivery: 'auto' })
    await node.input({ ...msg, ...more })
    expect(node.toHub).toEqual([{ type: 'delivery', notice: '7-3', person: 'wang', ...expected }])
  })

  it('tells what it is set to, and refuses what is no notice', async () => {
    const node = placed(linliNoticeTold, { delivery: 'sent' })
    await node.input(msg)
    await node.input({ payload: 1 })
    expect(node.toHub).toMatchObject([{ delivery: 'sent' }])
    expect(node.sent).toMatchObject([[{ error: { code: 'FLOW_NO_NOTICE' } }]])
  })
})

describe('linli upstream send', () => {
  const config = { name: '高温', about: 'heat-advisory', severity: 'warning', text: '' }

  it('says text and data, and sends what came of it', async () => {
    const node = placed(linliUpstreamSend, config)
    const done = node.input({ text: '高温,减少户外活动 heat: stay in', payload: { index: 41 } })
    expect(node.toHub).toEqual([
      {
        ...{ type: 'report', id: 'flow-1', flow: '高温 node1', name: 'heat-advisory', severity: 'warning' },
        ...{ text: '高温,减少户外活动 heat: stay in', data: { index: 41 } },
      },
    ])
    node.answer('failed', 'FLOWS_HUB_FAILED')
    await done
    expect(node.sent).toMatchObject([[null, { error: { code: 'FLOWS_HUB_FAILED' } }]])
  })
})
