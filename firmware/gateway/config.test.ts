import { describe, expect, it } from 'vitest'
import { DEVICE_KINDS } from '../../hub/contract/kinds.ts'
import { decodeConfig } from './config.ts'
import { deviceKinds } from './kinds.ts'

type Json = Record<string, unknown>

const button = {
  kind: 'alarm-button',
  id: 'b1',
  board: 'board-a',
  place: { building: '3', spot: 'lobby' },
  contactPin: 2,
}
const good = {
  gateway: 'gw-1',
  site: { street: 'demo-street', community: 'demo-community', estate: 'demo-estate' },
  data: '/var/lib/linli/gw-1',
  uplink: { url: 'mqtt://127.0.0.1:1883' },
  boards: [{ id: 'board-a', port: '/dev/serial/by-id/usb-1', baud: 57_600 }],
  devices: [{ ...button, loopPin: 0, lampPin: 5, sirenPin: 6 }],
}

const door = {
  kind: 'door',
  id: 'd1',
  board: 'board-a',
  place: {},
  strike: 'fail-safe',
  inputs: { contact: { pin: 2 }, rex: { pin: 3, onWhen: 'high' } },
  outputs: { strike: 8 },
  schedule: {
    timeZone: 'Asia/Shanghai',
    holidays: ['2026-10-01'],
    rules: [{ days: ['mon', 'holiday'], from: '08:00', to: '24:00', mode: 'free' }],
    otherwise: { mode: 'card' },
  },
}
const barrier = {
  kind: 'barrier',
  id: 'g1',
  board: 'board-a',
  place: {},
  inputs: { up: { pin: 2 }, down: { pin: 3 }, safety: { pin: 4, pairPin: 5 }, beam: { pin: 6 } },
  outputs: { raise: 8, lower: 9, 'beam-test': 10 },
  direction: 'both',
  policy: 'flow',
}

function refusal(value: Json): { code: string; path: string | undefined; message: string } | undefined {
  const decoded = decodeConfig(JSON.stringify(value))
  return decoded.ok ? undefined : decoded.error
}

const onBus = {
  kind: 'door',
  id: 'd1',
  bus: 'bus-a',
  place: {},
  strike: 'fail-secure',
  inputs: { contact: { unit: 1, input: 0, pairInput: 1 }, rex: { unit: 1, input: 2, onWhen: 'off' } },
  outputs: { strike: { unit: 2, coil: 0 } },
}
const withBus = { ...good, buses: [{ id: 'bus-a', port: '/dev/ttyUSB1', baud: 9600, parity: 'none' }] }

describe('the configuration', () => {
  it('is taken as written', () => {
    expect(decodeConfig(JSON.stringify(good))).toEqual({ ok: true, value: good })
    expect(refusal({ ...good, boards: [], devices: [] })).toBeUndefined()
  })

  it('takes doors and barriers', () => {
    expect(refusal({ ...good, devices: [door] })).toBeUndefined()
    expect(refusal({ ...good, devices: [barrier] })).toBeUndefined()
  })

  it.each<[string, Json, string, RegExp]>([
    [
      'a time zone that is none',
      { devices: [{ ...door, schedule: { ...door.schedule, timeZone: 'Asia/Springfield' } }] },
      '/devices/0/schedule/timeZone',
      /not a time zone/,
    ],
    [
      'a mode of another kind of gate',
      { devices: [{ ...door, schedule: { ...door.schedule, otherwise: { mode: 'tidal' } } }] },
      '/devices/0/schedule/otherwise/mode',
      /"tidal"; allowed: "locked", "card", "card-and-pin", "free", "lockdown"$/,
    ],
    [
      'a time of day that is none',
      { devices: [{ ...door, schedule: { ...door.schedule, rules: [{ ...door.schedule.rules[0], from: '7:30' }] } }] },
      '/devices/0/schedule/rules/0/from',
      /7:30/,
    ],
    [
      'a barrier without its safety input',
      { devices: [{ ...barrier, inputs: { ...barrier.inputs, safety: undefined } }] },
      '/devices/0/inputs/safety',
      /missing field/,
    ],
    [
      'two inputs of a barrier on one pin',
      { devices: [{ ...barrier, inputs: { ...barrier.inputs, beam: { pin: 5 } } }] },
      '/devices/0/inputs/beam/pin',
      /already used by g1/,
    ],
    ['a missing field', { data: undefined }, '/data', /missing field \/data/],
    ['an unknown field', { colour: 'red' }, '/colour', /unknown field \/colour/],
    ['a bad segment', { gateway: 'Gate Way' }, '/gateway', /\/gateway .*"Gate Way"/],
    ['a bad site', { site: { ...good.site, estate: '小区' } }, '/site/estate', /\/site\/estate/],
    ['a url of another protocol', { uplink: { url: 'http://hub' } }, '/uplink/url', /\/uplink\/url/],
    ['a baud rate', { boards: [{ ...good.boards[0], baud: 1234 }] }, '/boards/0/baud', /1234; allowed: 9600, 19200/],
    [
      'a board twice',
      { boards: [good.boards[0], { ...good.boards[0], port: '/dev/x' }] },
      '/boards/1/id',
      /board-a is there twice/,
    ],
    [
      'a port twice',
      { boards: [good.boards[0], { ...good.boards[0], id: 'board-b' }] },
      '/boards/1/port',
      /already the port of board board-a/,
    ],
    [
      'an unknown kind',
      { devices: [{ ...button, kind: 'toaster' }] },
      '/devices/0/kind',
      /"toaster"; allowed: "alarm-button", "door", "barrier"/,
    ],
    ['no kind', { devices: [{ id: 'b1' }] }, '/devices/0/kind', /missing field \/devices\/0\/kind/],
    ['a device that is none', { devices: [7] }, '/devices/0', /\/devices\/0/],
    [
      'a missing board',
      { devices: [{ ...button, board: 'board-z' }] },
      '/devices/0/board',
      /no board board-z; boards: board-a/,
    ],
    [
      'a missing pin',
      { devices: [{ ...button, contactPin: undefined }] },
      '/devices/0/contactPin',
      /missing field \/devices\/0\/contactPin/,
    ],
    [
      'a pin of the serial line',
      { devices: [{ ...button, contactPin: 1 }] },
      '/devices/0/contactPin',
      /\/devices\/0\/contactPin .*1/,
    ],
    ['a pin in words', { devices: [{ ...button, contactPin: 'D2' }] }, '/devices/0/contactPin', /"D2"/],
    [
      'a time out of range',
      { devices: [{ ...button, cancelAfter_ms: 1 }] },
      '/devices/0/cancelAfter_ms',
      /cancelAfter_ms/,
    ],
    [
      'an unknown field of a device',
      { devices: [{ ...button, lamp: 5 }] },
      '/devices/0/lamp',
      /unknown field \/devices\/0\/lamp/,
    ],
    [
      'an unknown field of a place',
      { devices: [{ ...button, place: { flat: 1 } }] },
      '/devices/0/place/flat',
      /unknown field/,
    ],
    [
      'a device twice',
      { devices: [button, { ...button, contactPin: 3 }] },
      '/devices/1/id',
      /alarm-button b1 is there twice/,
    ],
    [
      'a pin of two devices',
      { devices: [button, { ...button, id: 'b2', lampPin: 2, contactPin: 3 }] },
      '/devices/1/lampPin',
      /pin 2 of board board-a is already used by b1 \(contactPin\)/,
    ],
    ['a pin twice in one device', { devices: [{ ...button, lampPin: 2 }] }, '/devices/0/lampPin', /already used by b1/],
    [
      'an analog channel of two devices',
      {
        devices: [
          { ...button, loopPin: 0 },
          { ...button, id: 'b2', contactPin: 3, loopPin: 0 },
        ],
      },
      '/devices/1/loopPin',
      /analog channel 0 of board board-a/,
    ],
  ])('is refused for %s', (_name, change, path, message) => {
    const error = refusal({ ...good, ...change })
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', path })
    expect(error?.message).toMatch(message)
  })

  it('takes a gate on the modules of a bus', () => {
    expect(refusal({ ...withBus, devices: [onBus] })).toBeUndefined()
  })

  it.each<[string, Json, string, RegExp]>([
    [
      'no carrier',
      { devices: [{ ...onBus, bus: undefined }] },
      '/devices/0',
      /a door names exactly one of board, bus.*; found none/,
    ],
    [
      'two carriers',
      { devices: [{ ...onBus, board: 'board-a' }] },
      '/devices/0',
      /exactly one of board, bus.*; found board and bus/,
    ],
    [
      'a carrier it cannot have',
      { devices: [{ ...button, board: undefined, bus: 'bus-a' }] },
      '/devices/0',
      /of board, chip; found bus/,
    ],
    ['pins on a bus', { devices: [{ ...onBus, outputs: { strike: 5 } }] }, '/devices/0/outputs/strike', /strike/],
    ['a missing bus', { devices: [{ ...onBus, bus: 'bus-z' }] }, '/devices/0/bus', /no bus bus-z; buses: bus-a/],
    [
      'an input with two masters',
      { devices: [{ ...onBus, inputs: { ...onBus.inputs, rex: { unit: 1, input: 1 } } }] },
      '/devices/0/inputs/rex/input',
      /input 1 of unit 1 of bus bus-a is already used by d1 \(inputs\/contact\/pairInput\)/,
    ],
    [
      'a coil with two masters',
      { devices: [onBus, { ...onBus, id: 'd2', inputs: { contact: { unit: 3, input: 0 } } }] },
      '/devices/1/outputs/strike/coil',
      /coil 0 of unit 2 of bus bus-a is already used by d1/,
    ],
    [
      'a unit that cannot be',
      { devices: [{ ...onBus, outputs: { strike: { unit: 0, coil: 0 } } }] },
      '/devices/0/outputs/strike/unit',
      /unit/,
    ],
    [
      'a port with two masters',
      { buses: [{ id: 'bus-a', port: good.boards[0]?.port }] },
      '/buses/0/port',
      /already the port of board board-a/,
    ],
  ])('on a bus is refused for %s', (_name, change, path, message) => {
    const error = refusal({ ...withBus, ...change })
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', path })
    expect(error?.message).toMatch(message)
  })

  it('may use the same pin number on two boards', () => {
    const boards = [good.boards[0], { id: 'board-b', port: '/dev/y' }]
    expect(refusal({ ...good, boards, devices: [button, { ...button, id: 'b2', board: 'board-b' }] })).toBeUndefined()
  })

  it.each([
    ['{\n  "gateway": "gw-1",\n  oops\n}', /line 3, column 3/],
    ['{\n  "gateway": "gw-1",\n  "site": {', /line 3, column 12/],
    ['', /line 1, column 1/],
    ['{"a":1} x', /line 1, column 9/],
  ])('that is not JSON is told by line and column: %j', (text, message) => {
    const decoded = decodeConfig(text)
    expect(decoded).toMatchObject({ ok: false, error: { code: 'CONFIG_SYNTAX' } })
    expect(decoded.ok ? '' : decoded.error.message).toMatch(message)
  })
})

describe('devices on GPIO lines', () => {
  const onChip = {
    kind: 'barrier',
    id: 'g1',
    chip: 'header',
    place: {},
    inputs: { up: { line: 17 }, down: { line: 27, bias: 'pull-down' }, safety: { line: 22, pairLine: 23 } },
    outputs: { raise: { line: 24 }, lower: { line: 25 } },
    direction: 'in',
  }
  const buttonOnChip = { kind: 'alarm-button', id: 'b1', chip: 'header', place: {}, contactLine: 5, lampLine: 12 }

  it('need no entry for their chip', () => {
    expect(refusal({ ...good, boards: [], devices: [onChip, buttonOnChip] })).toBeUndefined()
  })

  it.each<[string, Json[], string, RegExp]>([
    [
      'two carriers',
      [{ ...onChip, board: 'board-a' }],
      '/devices/0',
      /exactly one of board, bus, chip; found board and chip/,
    ],
    ['pins', [{ ...onChip, outputs: { raise: 8, lower: 9 } }], '/devices/0/outputs/raise', /raise/],
    [
      'a bias that there is not',
      [{ ...onChip, inputs: { ...onChip.inputs, up: { line: 17, bias: 'up' } } }],
      '/devices/0/inputs/up/bias',
      /"up"; allowed: "pull-up", "pull-down", "disabled"/,
    ],
    [
      'a line with two masters',
      [onChip, { ...buttonOnChip, lampLine: 23 }],
      '/devices/1/lampLine',
      /line 23 of chip header is already used by g1 \(inputs\/safety\/pairLine\)/,
    ],
    ['a supervised loop', [{ ...buttonOnChip, loopPin: 0 }], '/devices/0/loopPin', /unknown field/],
  ])('refuse %s', (_name, devices, path, message) => {
    const refused = refusal({ ...good, devices })
    expect(refused).toMatchObject({ path })
    expect(refused?.message).toMatch(message)
  })
})

it('knows every kind that a hub lets an installer name, and no other', () => {
  expect([...deviceKinds.keys()].sort()).toEqual(Object.keys(DEVICE_KINDS).sort())
})
