import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ParkEvent } from '../events.ts'
import { createModbusMaster, framed, type ModbusMaster } from '../testing/modbus-master.ts'
import { startVirtualWorld, VIRTUAL_TIME, type VirtualWorld } from '../testing/virtual-world.ts'
import { SENSOR_MODELS } from './models.ts'

/** Every model at its own address, in the order of the table. */
const models = Object.keys(SENSOR_MODELS) as (keyof typeof SENSOR_MODELS)[]
const sensors = models.map((model, index) => ({ kind: 'park-sensor', id: model, unit: index + 1, park: 'p1', model }))
const gauge = { kind: 'park-sensor', id: 'gauge', unit: 100, park: 'p1', model: 'xunchip-xm9505', first_count: 65_500 }
const relays = { kind: 'relay-module', id: 'relays', unit: 101 }
const pins = {
  kind: 'park-pins',
  id: 'pins',
  park: 'p1',
  analog: [{ channel: 0, quantity: 'soil-moisture', low: 0, high: 50 }],
  pulses: [{ pin: 3, quantity: 'rain' }],
  outputs: [{ pin: 8, output: 'lamp' }],
}

let virtual: VirtualWorld
let master: ModbusMaster

beforeEach(() => {
  virtual = startVirtualWorld(install(VIRTUAL_TIME), {
    boards: [{ id: 'board', kind: 'protocol', baud: 57_600, port: '/sim/board', devices: [pins] }],
    buses: [{ id: 'bus', baud: 9600, port: '/sim/bus', devices: [...sensors, gauge, relays] }],
    city: { start: '2026-06-12T14:00:00+08:00' },
    parks: [{ id: 'p1', outputs: { valve: 'relays/3' } }],
  })
  master = createModbusMaster(virtual.world.endpoint('bus'), virtual.clock)
})
afterEach(() => virtual.end())

const apply = (step: object) => virtual.world.apply(step as Parameters<VirtualWorld['world']['apply']>[0])

/** Registers of a model. */
function registers(model: keyof typeof SENSOR_MODELS | 'gauge', table: 3 | 4, address: number, count = 1): number[] {
  const unit = model === 'gauge' ? 100 : models.indexOf(model) + 1
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  const reply = Buffer.from(master.ask(`${hex(unit, 2)} 0${table} ${hex(address, 4)} ${hex(count, 4)}`), 'hex')
  expect([...reply.subarray(0, 3)]).toEqual([unit, table, 2 * count])
  return Array.from({ length: count }, (_, index) => reply.readUInt16BE(3 + 2 * index))
}

function truths(target: object): Map<string, ParkEvent & { type: 'measured' }> {
  const before = virtual.events.length
  apply({ do: 'measure', ...target })
  const told = virtual.events.slice(before).filter((event) => event.type === 'measured')
  return new Map(told.map((event) => [event.quantity, event]))
}

const faults = () =>
  virtual.events.flatMap((event) =>
    event.type === 'fault' ? [`${event.device} ${event.quantity} ${event.how} ${event.state}`] : [],
  )

describe('sensors of a park', () => {
  it('tell near the truth where their makers say', () => {
    const station = truths({ slave: 'dfrobot-sen0658' })
    const truth = (quantity: string) => station.get(quantity)?.truth ?? Number.NaN
    const told = registers('dfrobot-sen0658', 3, 500, 14)
    expect((told[5] ?? 0) / 10).toBeCloseTo(truth('temperature'), -0.5)
    expect(Math.abs((told[4] ?? 0) / 10 - truth('humidity'))).toBeLessThan(8)
    expect(Math.abs((told[9] ?? 0) - truth('pressure'))).toBeLessThan(5)
    const lux = (told[10] ?? 0) * 65_536 + (told[11] ?? 0)
    expect(lux / truth('illuminance')).toBeCloseTo(1, 0)
    expect(Math.abs((told[12] ?? 0) * 100 - lux)).toBeLessThanOrEqual(50)
    const [celsius = 0, humidity = 0] = registers('xy-md02', 4, 1, 2)
    expect(Math.abs(celsius / 10 - truth('temperature'))).toBeLessThan(2)
    expect(Math.abs(humidity / 10 - truth('humidity'))).toBeLessThan(8)
    const [soil_c = 0, water = 0, salt = 0] = registers('seeed-soil-ec', 4, 0, 3)
    expect(registers('seeed-soil-ec', 3, 0, 3)).toHaveLength(3)
    const ground = truths({ slave: 'seeed-soil-ec' })
    expect(Math.abs(soil_c / 100 - (ground.get('soil-temperature')?.truth ?? 0))).toBeLessThan(1)
    expect(Math.abs(water / 100 - (ground.get('soil-moisture')?.truth ?? 0))).toBeLessThan(5)
    expect(Math.abs(salt - (ground.get('soil-ec')?.truth ?? 0))).toBeLessThan(60)
  })

  it.each(models)('%s answers for each of its registers, and refuses the others', (model) => {
    const { table } = SENSOR_MODELS[model]
    const code = table === 'input' ? 4 : 3
    for (const { address, words } of SENSOR_MODELS[model].registers) {
      const [first = -1] = registers(model, code, address, words(0).length)
      expect(first).toBeGreaterThanOrEqual(0)
    }
    const unit = (models.indexOf(model) + 1).toString(16).padStart(2, '0')
    expect(master.ask(`${unit} 03 7000 0001`)).toBe(framed(`${unit} 83 02`))
  })

  it('take corrections and another address', () => {
    const [before = 0] = registers('xy-md02', 4, 1)
    expect(master.ask('01 06 0103 ffec')).not.toBe('')
    const [corrected = 0] = registers('xy-md02', 4, 1)
    expect(Math.abs(before - 20 - corrected)).toBeLessThan(5)
    expect(master.ask('01 06 0101 0042')).not.toBe('')
    expect(master.ask('01 04 0001 0001')).toBe('')
    expect(master.ask('42 04 0001 0001')).not.toBe('')
  })

  it('stick, drift, jump and speak nonsense, each with its label, and are mended', () => {
    apply({ do: 'fault', slave: 'xy-md02', quantity: 'temperature', how: 'stuck', size: 12.3 })
    expect(registers('xy-md02', 4, 1)).toEqual([123])
    virtual.clock.tick(7_200_000)
    expect(registers('xy-md02', 4, 1)).toEqual([123])
    apply({ do: 'fault', slave: 'xy-md02', quantity: 'temperature', how: 'drift', size: 5, for_ms: 7_200_000 })
    virtual.clock.tick(7_190_000)
    const drifted = truths({ slave: 'xy-md02' }).get('temperature')
    expect((drifted?.told ?? 0) - (drifted?.truth ?? 0)).toBeGreaterThan(7)
    virtual.clock.tick(20_000)
    apply({ do: 'fault', slave: 'xy-md02', quantity: 'humidity', how: 'code', size: 0x7fff })
    expect(registers('xy-md02', 4, 2)).toEqual([0x7fff])
    apply({ do: 'mend', slave: 'xy-md02' })
    apply({ do: 'fault', slave: 'xy-md02', quantity: 'temperature', how: 'spike', size: 30 })
    const [spiked = 0] = registers('xy-md02', 4, 1)
    virtual.clock.tick(2000)
    const [healed = 0] = registers('xy-md02', 4, 1)
    expect(spiked - healed).toBeGreaterThan(290)
    expect(faults()).toEqual([
      'xy-md02 temperature stuck started',
      'xy-md02 temperature stuck ended',
      'xy-md02 temperature drift started',
      'xy-md02 temperature drift ended',
      'xy-md02 humidity code started',
      'xy-md02 humidity code ended',
      'xy-md02 temperature spike started',
    ])
  })

  it('that are dead or starved of power say so in their labels', () => {
    apply({ do: 'disconnect', slave: 'dfrobot-sen0659' })
    expect(master.ask('04 03 0000 0001')).toBe('')
    apply({ do: 'reconnect', slave: 'dfrobot-sen0659' })
    apply({ do: 'brown-out', slave: 'dfrobot-sen0659', garbage_ms: 5000 })
    virtual.clock.tick(1500)
    const nonsense = registers('dfrobot-sen0659', 3, 0)
    virtual.clock.tick(1000)
    expect(registers('dfrobot-sen0659', 3, 0)).not.toEqual(nonsense)
    virtual.clock.tick(5000)
    expect(Math.abs((registers('dfrobot-sen0659', 3, 0)[0] ?? 0) - 450)).toBeLessThan(150)
    expect(faults()).toEqual([
      'dfrobot-sen0659 undefined dead started',
      'dfrobot-sen0659 undefined dead ended',
      'dfrobot-sen0659 co2 garbage started',
      'dfrobot-sen0659 co2 garbage ended',
    ])
  })

  it('count rain on, through the end of their range and from nothing after a power cut', () => {
    expect(registers('gauge', 3, 0)).toEqual([65_500])
    apply({ do: 'shower', park: 'p1', mm_h: 30, for_ms: 600_000 })
    virtual.clock.tick(900_000)
    const [wrapped = 0] = registers('gauge', 3, 0)
    expect(wrapped).toBeGreaterThanOrEqual(13)
    expect(wrapped).toBeLessThan(40)
    apply({ do: 'power-cycle', slave: 'gauge' })
    virtual.clock.tick(2000)
    expect(registers('gauge', 3, 0)).toEqual([0])
  })

  it('on relays: the valve waters the park', () => {
    const before = truths({ slave: 'seeed-soil-ec' }).get('soil-moisture')?.truth ?? 0
    expect(master.ask('65 05 0003 ff00')).not.toBe('')
    virtual.clock.tick(1_800_000)
    expect(master.ask('65 05 0003 0000')).not.toBe('')
    virtual.clock.tick(300_000)
    expect((truths({ slave: 'seeed-soil-ec' }).get('soil-moisture')?.truth ?? 0) - before).toBeGreaterThan(2)
    expect(
      virtual.events.flatMap((event) => (event.type === 'park-output' ? [`${event.output} ${event.on}`] : [])),
    ).toEqual(['valve true', 'valve false'])
  })

  it('refuse steps that mean nothing to them', () => {
    expect(() => apply({ do: 'fault', slave: 'xy-md02', quantity: 'rain', how: 'stuck' })).toThrow(
      'sensor "xy-md02" does not measure rain, only temperature, humidity',
    )
    expect(() => apply({ do: 'measure', slave: 'relays' })).toThrow('slave "relays" is no sensor of a park')
    expect(() => apply({ do: 'shower', park: 'p9' })).toThrow('park "p9" is not configured; there are p1')
  })
})

describe('sensors on the pins of a board', () => {
  it('give voltages and pulses, and the board switches the lamp', () => {
    const board = virtual.world.board('board')
    const driven: [pin: number, volts: number][] = []
    const drive = board.drive.bind(board)
    board.drive = (pin, volts, at_ms) => {
      driven.push([pin, volts])
      drive(pin, volts, at_ms)
    }
    apply({ do: 'shower', park: 'p1', mm_h: 36, for_ms: 600_000 })
    virtual.clock.tick(610_000)
    // 36 mm/h for 10 min are 6 mm: 30 tips.
    expect(driven.filter(([pin, volts]) => pin === 3 && volts === 0)).toHaveLength(30)
    const { told = 0 } = truths({ device: 'pins' }).get('soil-moisture') ?? {}
    const volts = driven.findLast(([pin]) => pin === 14)?.[1] ?? 0
    expect(volts).toBeCloseTo((told / 50) * 5, 1)
    apply({ do: 'fault', device: 'pins', quantity: 'soil-moisture', how: 'stuck', size: 25 })
    virtual.clock.tick(1000)
    expect(driven.findLast(([pin]) => pin === 14)).toEqual([14, 2.5])
    virtual.world.device('pins').pinChanged(8, 1, performance.now())
    expect(virtual.events.at(-1)).toMatchObject({ type: 'park-output', park: 'p1', output: 'lamp', on: true })
  })
})
