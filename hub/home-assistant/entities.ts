import { type AccessGateState, accessGateEvents, type GateKind } from '../contract/access-gate.ts'
import { alarmButtonEvents } from '../contract/alarm-button.ts'
import { FINAL_STATUSES } from '../contract/command.ts'
import { type Address, addressPath, isSegment } from '../contract/topic.ts'
import type { Language, Words } from '../contract/words.ts'
import type { DeviceView } from '../devices/devices.ts'
import { sensorKind } from './quantities.ts'
import * as template from './templates.ts'
import { commandTopic, objectId } from './topics.ts'

/** The entities of a device in Home Assistant: the parts of its discovery message, as the MQTT integration documents them. */

export interface Settings {
  language: Language
  /** Whether Home Assistant may open what is locked. */
  mayOpen: boolean
}

/** One component; `platform` and `unique_id` are always there, the rest is the platform's own. */
export interface Component {
  platform: 'event' | 'lock' | 'cover' | 'binary_sensor' | 'sensor'
  unique_id: string
  [option: string]: unknown
}

export type Components = Record<string, Component>

const names = {
  press: { zh: '报警', en: 'Alarm button' },
  alarmOn: { zh: '报警中', en: 'Alarm' },
  tamper: { zh: '防拆', en: 'Tamper' },
  lock: { zh: '门锁', en: 'Lock' },
  contact: { zh: '门', en: 'Door' },
  boom: { zh: '道闸', en: 'Barrier' },
  gateAlarm: { zh: '门禁告警', en: 'Gate alarm' },
  problem: { zh: '故障', en: 'Problem' },
  events: { zh: '事件', en: 'Events' },
  results: { zh: '命令结果', en: 'Command results' },
  connection: { zh: '连接', en: 'Connection' },
} satisfies Record<string, Words>

/** @returns undefined while it is not known what the device is */
export function componentsOf(view: DeviceView, settings: Settings): Components | undefined {
  if (!view.meta) return undefined
  const make = maker(view.address, settings)
  switch (view.address.class) {
    case 'alarm-button':
      return alarmButton(make)
    case 'access-gate': {
      const { kind } = (view.state ?? {}) as Partial<AccessGateState>
      return kind === undefined ? undefined : accessGate(make, kind, settings)
    }
    case 'park-sensor':
      return parkSensor(make, view.meta.units ?? {}, view.meta.expireafter_s)
    case 'gateway':
      return gateway(make)
    default:
      return undefined
  }
}

interface Maker {
  (platform: Component['platform'], entity: string, name: Words, channel: string, options: object): Component
  address: Address
  /** Also shown while the device says that it has a fault. */
  whileFaulty: object
}

function maker(address: Address, { language }: Settings): Maker {
  const path = addressPath(address)
  const availability = (value_template: string) => ({ availability: [{ topic: `${path}/avail`, value_template }] })
  const make = (
    platform: Component['platform'],
    entity: string,
    name: Words,
    channel: string,
    options: object,
  ): Component => ({
    platform,
    unique_id: `${objectId(address)}_${entity}`,
    name: name[language],
    state_topic: `${path}/${channel}`,
    ...options,
  })
  return Object.assign(make, { address, whileFaulty: availability(template.REACHABLE) })
}

function events(make: Maker, entity: string, name: Words, types: readonly string[], options: object = {}): Component {
  return make('event', entity, name, 'evt/+', { event_types: types, value_template: template.EVENT, ...options })
}

function binary(make: Maker, entity: string, name: Words, device_class: string, value_template: string, options = {}) {
  return make('binary_sensor', entity, name, 'state', { device_class, value_template, ...options })
}

function alarmButton(make: Maker): Components {
  const diagnostic = { entity_category: 'diagnostic', ...make.whileFaulty }
  return {
    press: events(make, 'press', names.press, Object.keys(alarmButtonEvents), { device_class: 'button' }),
    alarm: binary(make, 'alarm', names.alarmOn, 'safety', template.onWhen('value_json.alarm')),
    tamper: binary(
      make,
      'tamper',
      names.tamper,
      'tamper',
      template.unlessUnknown('loop', `value_json.loop in ('open', 'short')`),
      diagnostic,
    ),
  }
}

function accessGate(make: Maker, kind: GateKind, { mayOpen }: Settings): Components {
  const diagnostic = { entity_category: 'diagnostic', ...make.whileFaulty }
  return {
    ...(kind === 'door' ? door(make, mayOpen) : barrier(make, mayOpen)),
    alarm: binary(make, 'alarm', names.gateAlarm, 'safety', template.onWhen(`value_json.alarm != 'none'`)),
    problem: binary(make, 'problem', names.problem, 'problem', template.onWhen('value_json.faults'), diagnostic),
    tamper: binary(make, 'tamper', names.tamper, 'tamper', template.onWhen('value_json.tamper'), diagnostic),
    events: events(make, 'events', names.events, Object.keys(accessGateEvents)),
    results: make('event', 'results', names.results, 'res/+', {
      event_types: FINAL_STATUSES,
      value_template: template.RESULT,
      ...diagnostic,
    }),
  }
}

/**
 * At most once (QoS 0): what is asked here has no id by which a repetition could be told, and a client that was away sends
 * what waited with QoS 1 when it is back, when nobody stands before the gate any more.
 */
const ASKED_ONCE = { qos: 0, retain: false }

function door(make: Maker, mayOpen: boolean): Components {
  return {
    lock: make('lock', 'lock', names.lock, 'state', {
      value_template: template.LOCK,
      command_topic: commandTopic(make.address, 'lock'),
      ...(mayOpen ? { payload_open: 'OPEN' } : {}),
      ...ASKED_ONCE,
    }),
    contact: binary(
      make,
      'contact',
      names.contact,
      'door',
      template.unlessUnknown('position', `value_json.position != 'closed'`),
    ),
  }
}

function barrier(make: Maker, mayOpen: boolean): Components {
  return {
    boom: make('cover', 'boom', names.boom, 'state', {
      device_class: 'gate',
      value_template: template.COVER,
      command_topic: commandTopic(make.address, 'boom'),
      // A payload of null takes the button away: there is no command to stop a boom, its own safety does.
      payload_open: mayOpen ? 'OPEN' : null,
      payload_close: 'CLOSE',
      payload_stop: null,
      ...ASKED_ONCE,
    }),
  }
}

function parkSensor(make: Maker, units: Record<string, string>, expireafter_s: number | undefined): Components {
  const sensors = Object.entries(units).map(([quantity, senmlUnit]) => {
    const entity = quantity.replaceAll('.', '-')
    const { words, deviceClass, unit, hasMean } = sensorKind(quantity, senmlUnit)
    const component = make('sensor', entity, words, 'tele', {
      value_template: template.reading(quantity),
      ...(deviceClass === undefined ? {} : { device_class: deviceClass }),
      ...(unit === '' ? {} : { unit_of_measurement: unit }),
      ...(hasMean ? { state_class: 'measurement' } : {}),
      ...(expireafter_s === undefined ? {} : { expire_after: expireafter_s }),
    })
    return [entity, component] as const
  })
  return Object.fromEntries(sensors.filter(([entity]) => isSegment(entity)))
}

/** Its own availability is what it shows, so it never goes unavailable with it. */
function gateway(make: Maker): Components {
  return {
    connection: make('binary_sensor', 'connection', names.connection, 'avail', {
      device_class: 'connectivity',
      value_template: template.onWhen(`value_json.status in ('online', 'fault')`),
      entity_category: 'diagnostic',
    }),
    problem: make('binary_sensor', 'problem', names.problem, 'avail', {
      device_class: 'problem',
      value_template: template.onWhen(`value_json.status == 'fault'`),
      entity_category: 'diagnostic',
    }),
  }
}
