import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import { WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'

/** A pocket park on a real serial line: five Modbus units, read by the profiles that come with Linli. */

const place = { spot: 'pocket park' }
const fast = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 300]))
const sensor = (id: string, unit: number, profile: string, intervals_ms: object) => ({
  kind: 'park-sensor',
  id,
  place,
  bus: 'bus-2',
  unit,
  profile,
  intervals_ms,
})
const both = fast('temperature', 'humidity')

describe('a pocket park', () => {
  const estate = new GateEstate((port) => ({
    deviceClass: 'park-sensor',
    sim: {
      boards: [],
      buses: [
        {
          id: 'bus-2',
          baud: 19_200,
          port: port('park'),
          devices: [
            { kind: 'modbus-slave', id: 's1', unit: 1, input: [{ address: 1, values: [0x0131, 0x0222] }] },
            { kind: 'modbus-slave', id: 's2', unit: 2, input: [{ address: 1, values: [0xff33, 900] }] },
            { kind: 'modbus-slave', id: 's3', unit: 10, input: [{ address: 0, values: [0x0002, 0x06f6] }] },
            { kind: 'modbus-slave', id: 's4', unit: 4, holding: [{ address: 2, values: [7, 1, 1234] }] },
            { kind: 'relay-module', id: 'relays', unit: 9 },
          ],
        },
      ],
    },
    gateway: {
      boards: [],
      readerBuses: [],
      credentials: undefined,
      buses: [{ id: 'bus-2', port: port('park'), baud: 19_200 }],
      devices: [
        sensor('air-1', 1, 'xy-md02', both),
        sensor('air-2', 2, 'xy-md02', both),
        sensor('light-1', 10, 'nhzd210', fast('illuminance')),
        sensor('pond-1', 4, 'pressure-probe-5m', fast('water-level')),
        {
          ...sensor('relay-1', 9, 'waveshare-relay-8', {}),
          outputs: [{ name: 'lamp', as: 'lamp', coil: 2, on_max_ms: 1000 }],
        },
      ],
    },
  }))
  beforeAll(() => estate.start())
  afterAll(() => estate.end())

  /** The newest reading of a quantity since the given number of messages. */
  function reading(device: string, quantity: string, since = 0) {
    return estate.told
      .slice(since)
      .filter(({ topic }) => topic.endsWith(`/park-sensor/${device}/tele`))
      .flatMap(({ payload }) => payload.data as SenmlPack)
      .findLast(({ n }) => n === quantity)
  }
  const quality = (device: string) => estate.state(device)?.quantities
  async function done(id: string) {
    await vi.waitFor(() => expect(estate.results(id).at(-1)?.status).toMatch(/succeeded|failed|refused/), WAIT)
    return estate.results(id).at(-1)
  }

  it('is told at the hub as its sensors mean it', async () => {
    await vi.waitFor(() => {
      expect(reading('air-1', 'temperature')).toMatchObject({ v: 30.5, u: 'Cel' })
      expect(reading('air-1', 'humidity')).toMatchObject({ v: 54.6 })
      expect(reading('air-2', 'temperature')).toMatchObject({ v: -20.5 })
      expect(quality('light-1')).toMatchObject([{ name: 'illuminance', quality: 'good' }])
      // Set to one decimal: a fault, and no level that is wrong by a hundred.
      expect(reading('pond-1', 'water-level')).toMatchObject({ qr: 'sensor-fault' })
      expect(estate.availability('relay-1')).toMatchObject({ status: 'online' })
    }, WAIT)
    expect(reading('pond-1', 'water-level')).not.toHaveProperty('v')
  })

  it('shows a dead sensor as dead, the others as before, and the new value when it is back', async () => {
    const since = estate.told.length
    estate.sim.send({ do: 'disconnect', slave: 's1' })
    await vi.waitFor(() => {
      expect(reading('air-1', 'temperature', since)).toMatchObject({ q: 'bad' })
      expect(quality('air-1')).toMatchObject([{ quality: 'bad' }, { quality: 'bad' }])
      expect(estate.availability('air-1')).toMatchObject({ status: 'offline' })
    }, WAIT)
    expect(reading('air-1', 'temperature', since)).not.toHaveProperty('v')
    expect(estate.availability('air-2')).toMatchObject({ status: 'online' })
    estate.sim.send({ do: 'set-registers', slave: 's1', table: 'input', address: 1, values: [0x0135] })
    estate.sim.send({ do: 'reconnect', slave: 's1' })
    await vi.waitFor(() => {
      expect(reading('air-1', 'temperature', since)).toMatchObject({ v: 30.9 })
      expect(quality('air-1')).toMatchObject([{ quality: 'good' }, { quality: 'good' }])
    }, WAIT)
  })

  it('switches a lamp by command, and off at its limit whatever was asked', async () => {
    const first = await done(await estate.command('relay-1', 'output', { output: 'lamp', on: true, for_ms: 60_000 }))
    expect(first).toMatchObject({ status: 'refused', code: 'PARK_OUTPUT_LIMIT' })
    const second = await done(await estate.command('relay-1', 'output', { output: 'lamp', on: true }))
    expect(second).toMatchObject({ status: 'succeeded' })
    await vi.waitFor(
      () =>
        expect(estate.physical('relay').map(({ channel, on }) => [channel, on])).toEqual([
          [2, true],
          [2, false],
        ]),
      WAIT,
    )
    await vi.waitFor(
      () => expect(estate.events('relay-1', 'output-changed').at(-1)).toMatchObject({ on: false, by: 'limit' }),
      WAIT,
    )
  })

  it('keeps a calibration over a gateway that is killed', async () => {
    const points = [{ shown: -20.5, reference: -20 }]
    const result = await done(await estate.command('air-2', 'calibrate', { quantity: 'temperature', points }))
    expect(result).toMatchObject({ status: 'succeeded', data: { offset: 0.5, gain: 1 } })
    await vi.waitFor(() => expect(estate.state('air-2')?.calibrations).toHaveLength(1), WAIT)
    await estate.gateway.kill()
    const since = estate.told.length
    await estate.startGateway()
    await vi.waitFor(() => expect(reading('air-2', 'temperature', since)).toMatchObject({ v: -20 }), WAIT)
    expect(estate.state('air-2')?.calibrations).toMatchObject([{ quantity: 'temperature', author: 'platform:test' }])
  })
})
