import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ParkSensorState, parkSensorEvents } from '../../../hub/contract/park-sensor.ts'
import { checker } from '../../../hub/contract/schema.ts'
import { SenmlPack } from '../../../hub/contract/senml.ts'
import type { DeviceConfig } from '../../gateway/kinds.ts'
import { deviceKinds } from '../../gateway/kinds.ts'
import { openProfiles } from '../../gateway/parks.ts'
import { silentLogger } from '../../ports/logger.ts'
import { TestBus } from '../../testing/test-bus.ts'
import { startVirtualTime, type VirtualTime } from '../../testing/virtual-time.ts'
import type { Driver, DriverEvent, DriverHost, Outcome } from '../driver.ts'
import { createParks, type Parks } from './park.ts'
import { readProfiles } from './profile/folder.ts'

const minute_ms = 60_000
const place = { spot: 'pocket park' }
const air = { kind: 'park-sensor', id: 'air-1', place, bus: 'bus-a', unit: 1, profile: 'xy-md02' }
const gauge = { kind: 'park-sensor', id: 'rain-1', place, bus: 'bus-a', unit: 2, profile: 'xunchip-xm9505' }
const relay = {
  kind: 'park-sensor',
  id: 'relay-1',
  place,
  bus: 'bus-a',
  unit: 3,
  profile: 'waveshare-relay-8',
  outputs: [
    { name: 'lamp', as: 'lamp', coil: 0, on_max_ms: 10 * minute_ms },
    { name: 'valve', as: 'valve', coil: 1 },
  ],
}

interface Said {
  events: DriverEvent[]
  states: ParkSensorState[]
  packs: SenmlPack[]
  availability: string[]
}

let time: VirtualTime
let bus: TestBus
let parks: Parks
let failSafes: Array<{ unit: number; register: number; value: number }>
let drivers: Driver[]

const checkState = checker(ParkSensorState)
const checkPack = checker(SenmlPack)

function start(device: object, restored?: unknown): { driver: Driver; said: Said; do: typeof command } {
  const said: Said = { events: [], states: [], packs: [], availability: [] }
  const host: DriverHost = {
    event(event) {
      expect(checker(parkSensorEvents[event.type as keyof typeof parkSensorEvents])(event.data)).toMatchObject({
        ok: true,
      })
      said.events.push(event)
    },
    state(state) {
      expect(checkState(state)).toMatchObject({ ok: true })
      said.states.push(state as ParkSensorState)
    },
    telemetry(pack) {
      expect(checkPack(pack)).toMatchObject({ ok: true })
      said.packs.push(pack)
    },
    availability: ({ status, reason }) => said.availability.push(reason === undefined ? status : `${status} ${reason}`),
    failed(error) {
      throw error
    },
    log: silentLogger,
  }
  const config = device as DeviceConfig
  const profiles = openProfiles({ devices: [config] }, readProfiles)
  const none = () => {
    throw new Error('not here')
  }
  const hardware = { board: none, chip: none, bus: () => ({ bus, failSafes }) }
  const site = { street: 's', community: 'c', estate: 'e', gateway: 'gw', class: 'park-sensor' } as const
  const driver = deviceKinds
    .get('park-sensor')
    ?.create(
      { host, hardware, profiles, parks, address: { ...site, device: config.id }, version: '1', restored },
      config,
    )
  if (driver === undefined) throw new Error('no such kind')
  drivers.push(driver)
  driver.start()
  return { driver, said, do: (name, args) => command(name, args, driver) }
}

async function command(name: string, args: unknown, driver?: Driver): Promise<Outcome> {
  const outcome = Promise.withResolvers<Outcome>()
  const actor = { kind: 'installer', id: 'li' } as const
  driver?.execute({ id: `c${Math.random()}`, name, args, actor }, outcome.resolve)
  await time.pass(10)
  return outcome.promise
}

const told = ({ packs }: Said) => packs.flat().map(({ n, v, qr }) => (qr === undefined ? [n, v] : [n, qr]))
const pass = (ms: number) => time.pass(ms, 1000)

beforeEach(() => {
  time = startVirtualTime(install)
  bus = new TestBus()
  parks = createParks()
  failSafes = []
  drivers = []
  bus.set(1, 'input', 1, 0x0131, 0x0222)
  bus.set(2, 'holding', 0, 100)
  bus.set(3, 'coil', 0, 0, 0)
})
afterEach(() => {
  for (const driver of drivers) driver.close()
  time.end()
})

describe('a sensor on a bus', () => {
  it('tells what its profile says that the registers mean, in one pack per visit', async () => {
    const { said, driver } = start(air)
    await pass(minute_ms)
    expect(said.packs).toHaveLength(1)
    expect(told(said)).toEqual([
      ['temperature', 30.5],
      ['humidity', 54.6],
    ])
    expect(said.packs[0]?.[0]).toMatchObject({ bn: 'air-1/', u: 'Cel' })
    expect(said.availability).toEqual(['stale starting', 'online'])
    expect(driver.meta).toMatchObject({ model: 'XY XY-MD02', units: { temperature: 'Cel', humidity: '%RH' } })
  })

  it('that does not answer is bad at once, and never shows its old value; the others go on', async () => {
    const { said } = start(air)
    const other = start(gauge)
    await pass(2 * minute_ms)
    const before = told(said).length
    bus.kill(1)
    await pass(5 * minute_ms)
    expect(told(said).slice(before)[0]).toEqual(['temperature', 'bus-error'])
    expect(
      told(said)
        .slice(before)
        .every(([, value]) => typeof value === 'string'),
    ).toBe(true)
    expect(said.states.at(-1)?.quantities[0]).toMatchObject({ quality: 'bad', reason: 'bus-error' })
    expect(said.availability.at(-1)).toBe('offline bus-error')
    expect(other.said.availability.at(-1)).toBe('online')
    bus.dead.clear()
    await pass(2 * minute_ms)
    expect(said.states.at(-1)?.quantities[0]).toMatchObject({ quality: 'good' })
    expect(told(said).at(-1)?.[1]).toBeTypeOf('number')
    expect(said.availability.at(-1)).toBe('online')
  })

  it('that asks for a register which is not there says so, with the code of the exception', async () => {
    bus.registers.delete('1/input/2')
    const { said } = start(air)
    await pass(3 * minute_ms)
    expect(said.events.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ quantity: 'humidity', reason: 'bus-error', code: 2 }),
    )
  })

  it('is believed only after it was asked whether it is well', async () => {
    bus.set(4, 'holding', 2, 7, 1, 1234)
    const { said } = start({ ...air, id: 'pond-1', unit: 4, profile: 'pressure-probe-5m' })
    await pass(minute_ms)
    expect(told(said)).toEqual([['water-level', 'sensor-fault']])
    expect(said.events.at(-1)?.data).toMatchObject({ reason: 'sensor-fault', code: 1 })
    bus.set(4, 'holding', 3, 3)
    await pass(2 * minute_ms)
    expect(told(said).at(-1)).toEqual(['water-level', 1.234])
  })

  it('is read as often and told as exactly as its device wants', async () => {
    const { said } = start({
      ...air,
      intervals_ms: { temperature: 5000 },
      deadbands: { temperature: 1 },
      without: ['humidity'],
    })
    await pass(10_000)
    bus.set(1, 'input', 1, 0x0131 + 5)
    await pass(minute_ms)
    expect(told(said)).toEqual([['temperature', 30.5]])
    bus.set(1, 'input', 1, 0x0131 + 10)
    await pass(15_000)
    expect(told(said)).toEqual([
      ['temperature', 30.5],
      ['temperature', 31.5],
    ])
  })

  it('raises its thresholds', async () => {
    const thresholds = [{ name: 'hot', quantity: 'temperature', limit: 30, side: 'above', severity: 'alarm' }]
    const { said } = start({ ...air, thresholds })
    await pass(2 * minute_ms)
    const raised = said.events.find(({ type }) => type === 'threshold-raised')
    expect(raised).toMatchObject({ severity: 'alarm', data: { threshold: 'hot', value: 30.5 } })
  })
})

describe('commands to a sensor', () => {
  it('read: the readings, with what they are worth', async () => {
    const { do: tell } = start(air)
    expect(await tell('read', {})).toMatchObject({
      status: 'succeeded',
      data: { readings: [{ quantity: 'temperature', unit: 'Cel', value: 30.5, raw: 30.5, quality: 'good' }, {}] },
    })
    bus.kill(1)
    expect(await tell('read', {})).toMatchObject({ status: 'failed', code: 'PARK_OFFLINE' })
  })

  it('calibrate holds over a restart', async () => {
    const { do: tell, said, driver } = start(air)
    await tell('calibrate', { quantity: 'temperature', points: [{ shown: 30.5, reference: 30 }] })
    driver.close()
    const again = start(air, said.states.at(-1))
    await pass(2 * minute_ms)
    expect(told(again.said)[0]).toEqual(['temperature', 30])
    expect(again.said.states[0]?.calibrations).toMatchObject([{ offset: -0.5, gain: 1, author: 'installer:li' }])
  })

  it('set writes a setting within its limits', async () => {
    const { do: tell, said } = start(air)
    expect(await tell('set', { setting: 'temperature-correction', value: -1.5 })).toEqual({ status: 'succeeded' })
    expect(bus.written).toMatchObject([{ unit: 1, table: 'holding', address: 259, values: [0x10000 - 15] }])
    expect(said.events.at(-1)).toMatchObject({ type: 'setting-changed', data: { actor: 'installer:li', value: -1.5 } })
    expect(await tell('set', { setting: 'temperature-correction', value: 11 })).toMatchObject({
      code: 'PARK_SETTING_RANGE',
    })
    expect(await tell('set', { setting: 'colour', value: 1 })).toMatchObject({ code: 'PARK_SETTING_UNKNOWN' })
    bus.refuses = true
    expect(await tell('set', { setting: 'humidity-correction', value: 1 })).toMatchObject({
      code: 'PARK_DEVICE_REFUSED',
    })
  })
})

describe('outputs', () => {
  it('are switched off first, on by command, and off again at their limit', async () => {
    bus.set(3, 'coil', 0, 1)
    const { do: tell, said } = start(relay)
    expect(await tell('output', { output: 'lamp', on: true })).toMatchObject({ code: 'PARK_OFFLINE' })
    await pass(6000)
    expect(bus.registers.get('3/coil/0')).toBe(0)
    expect(said.availability.at(-1)).toBe('online')
    expect(await tell('output', { output: 'lamp', on: true })).toEqual({ status: 'succeeded' })
    expect(bus.registers.get('3/coil/0')).toBe(1)
    expect(said.states.at(-1)?.outputs[0]).toMatchObject({ name: 'lamp', on: true, until: expect.any(String) })
    await pass(10 * minute_ms)
    expect(bus.registers.get('3/coil/0')).toBe(0)
    expect(said.events.at(-1)?.data).toMatchObject({ output: 'lamp', on: false, by: 'limit' })
  })

  it('that somebody else switched are switched off', async () => {
    const { do: tell } = start(relay)
    await pass(6000)
    await tell('output', { output: 'lamp', on: true })
    bus.set(3, 'coil', 0, 0)
    bus.set(3, 'coil', 1, 1)
    await pass(12_000)
    expect([bus.registers.get('3/coil/0'), bus.registers.get('3/coil/1')]).toEqual([0, 0])
  })

  it('without contact make the device unreachable', async () => {
    const { said } = start(relay)
    await pass(6000)
    bus.kill(3)
    expect(said.availability.at(-1)).toBe('offline no-contact')
  })

  it('of irrigation wait for a gauge that has seen no rain for half an hour', async () => {
    const { do: tell, said } = start(relay)
    start(gauge)
    await pass(6000)
    expect(await tell('output', { output: 'valve', on: true })).toMatchObject({ code: 'PARK_RAIN_LOCK' })
    await pass(35 * minute_ms)
    expect(await tell('output', { output: 'valve', on: true })).toEqual({ status: 'succeeded' })
    bus.set(2, 'holding', 0, 105)
    await pass(3 * minute_ms)
    expect(said.events.at(-1)?.data).toMatchObject({ output: 'valve', on: false, by: 'rain' })
    expect(bus.registers.get('3/coil/1')).toBe(0)
  })

  it('of a module that lets go without us are kept alive, and shown off once it is lost', async () => {
    failSafes = [{ unit: 3, register: 5, value: 10 }]
    const { do: tell, said } = start(relay)
    await pass(2000)
    expect(bus.registers.get('3/holding/5')).toBe(10)
    await tell('output', { output: 'lamp', on: true })
    bus.kill(3)
    expect(said.states.at(-1)?.outputs[0]).toMatchObject({ name: 'lamp', on: false })
    expect(said.events.at(-1)?.data).toMatchObject({ output: 'lamp', on: false, by: 'contact-lost' })
  })

  it('are off when the gateway stops', async () => {
    const { do: tell, driver } = start(relay)
    await pass(6000)
    await tell('output', { output: 'lamp', on: true })
    driver.close()
    await pass(1000)
    expect(bus.registers.get('3/coil/0')).toBe(0)
  })
})

describe('neighbours', () => {
  it('of one park find the one that has drifted away', async () => {
    const all = [1, 2, 3, 4].map((unit) => {
      const device = start({ ...air, id: `air-${unit}`, unit, without: ['humidity'] })
      return { unit, ...device }
    })
    for (let half = 0; half < 60; half++) {
      for (const { unit } of all)
        bus.set(unit, 'input', 1, 200 + (half % 7) + (unit === 4 ? Math.min(half * 2, 60) : 0))
      await time.pass(30 * minute_ms, minute_ms)
    }
    const quality = all.map(({ said }) => said.states.at(-1)?.quantities[0]?.reason)
    expect(quality).toEqual([undefined, undefined, undefined, 'drift'])
  })
})

describe('a configuration that does not fit its profile is refused with its field', () => {
  it.each([
    [{ ...air, profile: 'nose' }, '/devices/0/profile is nose; profiles: '],
    [{ ...air, without: ['co2'] }, '/devices/0/without names co2; quantities: temperature, humidity'],
    [{ ...air, deadbands: { co2: 1 } }, '/devices/0/deadbands names co2'],
    [
      { ...air, thresholds: [{ name: 'x', quantity: 'co2', limit: 1, side: 'above' }] },
      '/devices/0/thresholds/0/quantity names co2',
    ],
    [{ ...air, outputs: relay.outputs }, '/devices/0/outputs/0/coil is 0; xy-md02 has no coils'],
    [{ ...relay, outputs: [{ name: 'lamp', as: 'lamp', coil: 8 }] }, 'waveshare-relay-8 has coils 0 to 7'],
    [
      { ...relay, outputs: [...relay.outputs, ...relay.outputs] },
      '/devices/0/outputs/2/name is lamp, which is there twice',
    ],
    [{ ...relay, outputs: [] }, 'it measures nothing'],
    [
      { kind: 'park-sensor', id: 'x', place, board: 'b', sensors: [{ name: 'temperature' }] },
      'either an analog channel',
    ],
    [
      { kind: 'park-sensor', id: 'x', place, board: 'b', sensors: [{ name: 'temperature', channel: 1 }] },
      'low and high',
    ],
    [
      { kind: 'park-sensor', id: 'x', place, board: 'b', sensors: [{ name: 'rain', channel: 1, low: 0, high: 1 }] },
      'is a counter',
    ],
  ])('%#', (device, says) => {
    expect(() => openProfiles({ devices: [device as DeviceConfig] }, readProfiles)).toThrow(says)
  })
})
