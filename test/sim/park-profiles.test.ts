import { install } from '@sinonjs/fake-timers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placesOf } from '../../firmware/drivers/park-sensor/profile/field.ts'
import { readProfiles } from '../../firmware/drivers/park-sensor/profile/folder.ts'
import type { ProfileQuantity } from '../../firmware/drivers/park-sensor/profile/load.ts'
import { readingOf } from '../../firmware/drivers/park-sensor/profile/reading.ts'
import type { ParkEvent } from '../../hardware-sim/events.ts'
import { SENSOR_MODELS } from '../../hardware-sim/sensors/models.ts'
import { createModbusMaster, type ModbusMaster } from '../../hardware-sim/testing/modbus-master.ts'
import { startVirtualWorld, VIRTUAL_TIME, type VirtualWorld } from '../../hardware-sim/testing/virtual-world.ts'

/** The profiles that ship and the sensors of the simulator were written apart, from the makers' documents: they must agree. */

const models = Object.keys(SENSOR_MODELS)
const profiles = readProfiles()
const FUNCTIONS = { coil: '01', discrete: '02', holding: '03', input: '04' } as const
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
/** Where the simulator tells another unit, or another place of the same quantity. */
const PER: Record<string, number> = { 'soil-ec': 1e-4 }
const SAME: Record<string, string> = { 'people-in': 'people', 'people-out': 'people' }
/** An eight-point vane, and people that are still inside. */
const COARSE: Record<string, number> = { 'renke-rs-fx wind-direction': 22.5, 'ebyte-e831-people people-out': 3 }

describe('a shipped profile', () => {
  let virtual: VirtualWorld
  let master: ModbusMaster

  beforeAll(() => {
    const devices = models.map((model, index) => ({
      kind: 'park-sensor',
      id: model,
      unit: index + 1,
      park: 'p1',
      model,
      first_count: 700,
    }))
    virtual = startVirtualWorld(install(VIRTUAL_TIME), {
      boards: [],
      buses: [{ id: 'line', baud: 9600, port: '/sim/line', devices }],
      parks: [{ id: 'p1' }],
      city: { start: '2026-01-20T16:00:00+08:00' },
    })
    master = createModbusMaster(virtual.world.endpoint('line'), virtual.clock)
    // A winter's afternoon: below zero.
    virtual.clock.tick(3_600_000)
  })
  afterAll(() => virtual.end())

  function told(slave: string): Map<string, number> {
    const before = virtual.events.length
    virtual.world.apply({ do: 'measure', slave })
    const measured = virtual.events
      .slice(before)
      .filter((event): event is ParkEvent & { type: 'measured' } => event.type === 'measured')
    return new Map(measured.map((event) => [event.quantity, event.told ?? Number.NaN]))
  }

  function ask(unit: number, { field }: ProfileQuantity): number[] {
    const count = placesOf(field)
    const reply = Buffer.from(
      master.ask(`${hex(unit, 2)} ${FUNCTIONS[field.table]} ${hex(field.address, 4)} ${hex(count, 4)}`, 100),
      'hex',
    )
    expect([...reply.subarray(0, 3)]).toEqual([unit, Number(FUNCTIONS[field.table]), 2 * count])
    return Array.from({ length: count }, (_, index) => reply.readUInt16BE(3 + 2 * index))
  }

  it.each(models)('%s reads what the simulated one says', (model) => {
    const profile = profiles.get(model)
    expect(profile?.quantities.length).toBeGreaterThan(0)
    for (const one of profile?.quantities ?? []) {
      const { name, resolution } = one.quantity
      const sensed = told(model).get(SAME[name] ?? name) ?? Number.NaN
      const reading = readingOf(one, ask(models.indexOf(model) + 1, one))
      expect(reading).toHaveProperty('raw')
      const raw = 'raw' in reading ? reading.raw : Number.NaN
      const value = sensed * (PER[name] ?? 1)
      const steps = COARSE[`${model} ${name}`] ?? 0.51 * resolution
      // The second after the question may already have another sample.
      const noise = 8 * (one.quantity.noise + Math.abs(value) * (one.quantity.noiseShare ?? 0))
      const apart = name === 'wind-direction' ? Math.abs(((raw - value + 540) % 360) - 180) : Math.abs(raw - value)
      expect(apart, `${name}: ${raw}, sensed ${value}`).toBeLessThanOrEqual(steps + noise)
    }
  })
})
