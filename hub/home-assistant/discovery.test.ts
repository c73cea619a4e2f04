import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DISCOVERY_TOPIC,
  discoveryComplaint,
  hasJinja,
  renderTemplates,
  UNITS_OF_CLASS,
} from '../../test/support/home-assistant.ts'
import { messageKinds, type Sample } from '../../test/support/messages.ts'
import { needsThat } from '../../test/support/needs.ts'
import { wellKnownUnits } from '../../test/support/well-known-units.ts'
import type { Meta } from '../contract/meta.ts'
import type { Address, DeviceClass } from '../contract/topic.ts'
import type { DeviceView } from '../devices/devices.ts'
import { type Announcer, discoveryOf } from './discovery.ts'
import type { Component } from './entities.ts'
import { commandTopic, discoveryTopic, isDiscoveryOf, parseCommandTopic } from './topics.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
const zh: Announcer = { language: 'zh', mayOpen: false, version: '1.0.0' }
const en: Announcer = { ...zh, language: 'en' }

function viewOf(deviceClass: DeviceClass, device: string, more: { meta?: object; state?: object } = {}): DeviceView {
  const address: Address = { ...SITE, gateway: 'gw-1', class: deviceClass, device }
  const meta = {
    class: deviceClass,
    model: 'm',
    driver: { name: 'd', version: '1' },
    place: { building: '3', spot: 'lobby' },
    capabilities: [],
    ...more.meta,
  } as Meta
  return { address, meta, state: more.state, availability: undefined }
}

const views = {
  button: viewOf('alarm-button', 'b1'),
  door: viewOf('access-gate', 'd1', { state: { kind: 'door' } }),
  barrier: viewOf('access-gate', 'v1', { state: { kind: 'barrier' } }),
  air: viewOf('park-sensor', 'air-1', {
    meta: { units: { temperature: 'Cel', 'pm2.5': 'ug/m3' }, expireafter_s: 900 },
  }),
  gateway: viewOf('gateway', 'gw-1'),
}

function found(view: DeviceView, announcer: Announcer = zh) {
  const discovery = discoveryOf(view, announcer)
  if (!discovery) throw new Error('not announced')
  return discovery
}

describe('a discovery message', () => {
  it.each(Object.entries(views))('of a %s is one that Home Assistant takes', (_name, view) => {
    for (const announcer of [zh, en, { ...en, mayOpen: true }]) {
      expect(discoveryComplaint(JSON.parse(JSON.stringify(found(view, announcer))))).toBeUndefined()
    }
    expect(discoveryTopic(view.address)).toMatch(DISCOVERY_TOPIC)
    expect(isDiscoveryOf(SITE, discoveryTopic(view.address))).toBe(true)
    expect(isDiscoveryOf({ ...SITE, estate: 'e2' }, discoveryTopic(view.address))).toBe(false)
  })

  it.each([
    ['no device', (d: Record<string, unknown>) => delete d.device],
    ['no origin', (d: Record<string, unknown>) => delete d.origin],
    [
      'an option that the platform does not have',
      (d: { components: Record<string, object> }) => Object.assign(d.components.press ?? {}, { expire_after: 3 }),
    ],
    [
      'no event types',
      (d: { components: Record<string, Record<string, unknown>> }) => delete d.components.press?.event_types,
    ],
  ])('with %s is not', (_what, spoil) => {
    const discovery = JSON.parse(JSON.stringify(found(views.button)))
    spoil(discovery)
    expect(discoveryComplaint(discovery)).toBeDefined()
  })

  it('has the entities of each kind of device', () => {
    const kinds = (view: DeviceView) =>
      Object.entries(found(view).components).map(([name, { platform }]) => `${name}: ${platform}`)
    expect(kinds(views.button)).toEqual(['press: event', 'alarm: binary_sensor', 'tamper: binary_sensor'])
    expect(kinds(views.door)).toEqual(expect.arrayContaining(['lock: lock', 'contact: binary_sensor', 'events: event']))
    expect(kinds(views.barrier)).toEqual(expect.arrayContaining(['boom: cover', 'events: event', 'results: event']))
    expect(kinds(views.air)).toEqual(['temperature: sensor', 'pm2-5: sensor'])
    expect(kinds(views.gateway)).toEqual(['connection: binary_sensor', 'problem: binary_sensor'])
  })

  it('waits until it is known what a gate is, and leaves out what is no device of Home Assistant', () => {
    expect(discoveryOf(viewOf('access-gate', 'd1'), zh)).toBeUndefined()
    expect(discoveryOf({ ...views.button, meta: undefined }, zh)).toBeUndefined()
    expect(discoveryOf(viewOf('camera', 'c1'), zh)).toBeUndefined()
    expect(discoveryOf(viewOf('park-sensor', 'p1'), zh)).toBeUndefined()
  })

  it('speaks the language of the site, and calls a thing as people call it', () => {
    expect(found(views.button).components.press?.name).toBe('报警')
    expect(found(views.button, en).components.press?.name).toBe('Alarm button')
    expect(found(views.button).device.name).toBe('报警按钮 b1')
    expect(found(views.button, en).device.name).toBe('Alarm button b1')
    const labelled = viewOf('alarm-button', 'b1', { meta: { place: { label: '3 号楼大堂' } } })
    expect(found(labelled, en).device).toMatchObject({ name: '3 号楼大堂' })
    expect(found(labelled).device).not.toHaveProperty('suggested_area')
  })

  it('puts devices of one place into one area, behind their gateway', () => {
    expect(found(views.door).device).toMatchObject({
      suggested_area: '3 · lobby',
      via_device: 'linli_s_c_e_gw-1_gateway_gw-1',
    })
    expect(found(views.gateway).device).toMatchObject({ identifiers: ['linli_s_c_e_gw-1_gateway_gw-1'] })
    expect(found(views.gateway).device).not.toHaveProperty('via_device')
    const derived = viewOf('park-sensor', 'x-air', { meta: { units: { aqi: '/' } } })
    expect(found({ ...derived, address: { ...derived.address, gateway: 'hub' } }).device).not.toHaveProperty(
      'via_device',
    )
  })

  it('lets sensors expire when their device says how often something comes', () => {
    expect(found(views.air).components.temperature).toMatchObject({ expire_after: 900, unit_of_measurement: '°C' })
    const silent = viewOf('park-sensor', 'air-1', { meta: { units: { temperature: 'Cel' } } })
    expect(found(silent).components.temperature).not.toHaveProperty('expire_after')
  })

  it('gives every quantity that we know a unit that its class allows', () => {
    const units = { ...wellKnownUnits(), aqi: '/', 'heat-index': 'Cel', 'dew-point': 'Cel' }
    const { components } = found(viewOf('park-sensor', 'all', { meta: { units } }), en)
    expect(Object.keys(components)).toHaveLength(Object.keys(units).length)
    for (const { name, device_class, unit_of_measurement } of Object.values(components)) {
      if (device_class === undefined) continue
      expect(UNITS_OF_CLASS[String(device_class)], String(name)).toContain(unit_of_measurement)
    }
    // Foot-candles are no lux: no class rather than a wrong one.
    const odd = found(viewOf('park-sensor', 'odd', { meta: { units: { illuminance: 'fc', 'a.b': 'x' } } })).components
    expect(odd.illuminance).not.toHaveProperty('device_class')
    expect(odd['a-b']).toMatchObject({ name: 'a.b', unit_of_measurement: 'x' })
  })

  it('offers to open only where that is allowed', () => {
    expect(found(views.door).components.lock).not.toHaveProperty('payload_open')
    expect(found(views.barrier).components.boom).toMatchObject({ payload_open: null, payload_stop: null })
    const open = { ...zh, mayOpen: true }
    expect(found(views.door, open).components.lock).toMatchObject({ payload_open: 'OPEN', qos: 0, retain: false })
    expect(found(views.barrier, open).components.boom).toMatchObject({ payload_open: 'OPEN', qos: 0, retain: false })
  })

  it('has topics of commands that lead back to the device', () => {
    const { address } = views.door
    expect(parseCommandTopic(SITE, commandTopic(address, 'lock'))).toEqual({ address, entity: 'lock' })
    for (const bad of [
      'linli-ha/s/c/e2/gw-1/access-gate/d1/lock/set',
      'linli-ha/s/c/e/gw-1/access-gate/d1/lock/set/x',
      'linli-ha/s/c/e/gw-1/access-gate/d1/lock',
      'linli-ha/s/c/e/gw-1/nothing/d1/lock/set',
      'linli-ha/s/c/e/GW/access-gate/d1/lock/set',
      'linli/s/c/e/gw-1/access-gate/d1/lock/set',
    ])
      expect(parseCommandTopic(SITE, bad), bad).toBeUndefined()
  })
})

/** Messages of the contract that come on the topic of a component, of the sort that the view is. */
function samplesFor(view: DeviceView, { state_topic }: Component): Sample[] {
  const [channel = '', wildcard] = String(state_topic).split('/').slice(8)
  const kinds = messageKinds.filter(({ id }) => id.startsWith(`${view.address.class}.${channel}`))
  expect(kinds.length, `${state_topic} ${wildcard}`).toBeGreaterThan(0)
  return kinds.flatMap(({ samples }) => fc.sample(samples, { numRuns: 12, seed: 3 }))
}

needsThat(
  hasJinja,
  'Python with Jinja2',
  'apt-get install python3-jinja2',
)('the templates, rendered by Jinja2', () => {
  it.each(Object.entries(views))('of a %s say something that its entities know, of every message', (_name, view) => {
    const components = Object.values(found(view, en).components)
    const jobs = components.flatMap((component) =>
      samplesFor(view, component).map(({ body }) => ({
        component,
        template: String(component.value_template),
        payload: body,
      })),
    )
    const rendered = renderTemplates(jobs.map(({ template, payload }) => ({ template, payload })))
    for (const [at, { component, payload }] of jobs.entries()) expectKnown(component, rendered[at] ?? '', payload)
  })

  it('of availability say online or offline', () => {
    const { availability = [], components } = found(views.door)
    const ofTamper = (components.tamper?.availability ?? []) as typeof availability
    const templates = [availability[0], ofTamper[0]]
    const render = (status: string) =>
      renderTemplates(templates.map((one) => ({ template: one?.value_template ?? '', payload: { status } })))
    expect(render('online')).toEqual(['online', 'online'])
    expect(render('fault')).toEqual(['offline', 'online'])
    expect(render('stale')).toEqual(['offline', 'offline'])
    expect(render('offline')).toEqual(['offline', 'offline'])
  })

  const press = { type: 'linli.alarm-button.pressed.v1', time: 't', data: { press: 2, atstart: false } }
  const state = { kind: 'door', position: 'closed', alarm: 'none', faults: [], tamper: [], lock: 'locked' }
  const pack = (...data: object[]) => ({ data })
  const good = { n: 'temperature', v: 20 }
  const cases: Array<[what: string, view: DeviceView, entity: string, payload: object, says: string]> = [
    ['a press', views.button, 'press', press, '{"press": 2, "atstart": false, "event_type": "pressed", "time": "t"}'],
    ['a press of yesterday', views.button, 'press', { ...press, replayed: true }, ''],
    ['a locked door', views.door, 'lock', state, 'LOCKED'],
    ['a door without a lock', views.door, 'lock', { ...state, lock: undefined }, 'None'],
    ['a closed door', views.door, 'contact', state, 'OFF'],
    ['an open door', views.door, 'contact', { ...state, position: 'open' }, 'ON'],
    ['a door that nobody knows of', views.door, 'contact', { ...state, position: 'unknown' }, 'None'],
    ['a forced door', views.door, 'alarm', { ...state, alarm: 'forced' }, 'ON'],
    ['a fault', views.door, 'problem', { ...state, faults: ['sensor-stuck'] }, 'ON'],
    ['no fault', views.door, 'problem', state, 'OFF'],
    ['a rising boom', views.barrier, 'boom', { position: 'opening' }, 'opening'],
    ['a boom that nobody knows of', views.barrier, 'boom', { position: 'unknown' }, 'None'],
    ['a reading', views.air, 'temperature', pack({ n: 'humidity', v: 3 }, good), '20'],
    ['the newest reading', views.air, 'temperature', pack(good, { ...good, v: 21.5 }), '21.5'],
    ['a bad reading', views.air, 'temperature', pack({ n: 'temperature', vs: 'bus-error', q: 'bad' }), 'None'],
    ['a doubted reading', views.air, 'temperature', pack({ ...good, q: 'suspect' }), 'None'],
    ['another quantity', views.air, 'temperature', pack({ n: 'pm2.5', v: 1 }), ''],
    ['a reading of yesterday', views.air, 'temperature', { ...pack(good), replayed: true }, ''],
    [
      'a result of ours',
      views.door,
      'results',
      { id: 'ha-1', name: 'open', status: 'failed', code: 'GATE_FAULT' },
      '{"event_type": "failed", "command": "open", "code": "GATE_FAULT", "message": ""}',
    ],
    ['a result of somebody else', views.door, 'results', { id: 'c-1', name: 'open', status: 'failed' }, ''],
    ['a result that is not final', views.door, 'results', { id: 'ha-1', name: 'open', status: 'executing' }, ''],
  ]
  // A Python for each would cost more than all the rest.
  let all: string[] | undefined
  const rendered = () => {
    all ??= renderTemplates(
      cases.map(([, view, entity, payload]) => ({
        template: String(found(view).components[entity]?.value_template),
        payload: JSON.parse(JSON.stringify(payload)) as unknown,
      })),
    )
    return all
  }
  it.each(cases.map(([what, , , , says], at) => ({ what, says, at })))('say of $what what it is', ({ says, at }) => {
    expect(rendered()[at]).toBe(says)
  })
})

const STATES: Partial<Record<Component['platform'], string[]>> = {
  binary_sensor: ['ON', 'OFF', 'None'],
  lock: ['LOCKED', 'UNLOCKED', 'None'],
  cover: ['open', 'closed', 'opening', 'closing', 'stopped', 'None'],
}

function expectKnown({ platform, event_types }: Component, rendered: string, payload: unknown): void {
  const states = STATES[platform]
  if (states) expect(states, JSON.stringify(payload)).toContain(rendered)
  else if (rendered !== '' && platform === 'event') {
    const { event_type } = JSON.parse(rendered) as { event_type: string }
    expect(event_types).toContain(event_type)
  } else if (rendered !== '' && rendered !== 'None') expect(Number(rendered)).not.toBeNaN()
}
