import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import { WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'
import { type Program, startProgram } from '../support/program.ts'

/** The second path of a park: a voltage, a contact that counts and a lamp on the pins of a Firmata board, up to the district. */

const LOW = -40
const HIGH = 60
/** 10 bits over the whole span, the gateway's step for noise (3 of 1023), and what the weather does in two seconds. */
const TOLERANCE = 0.8

const district = join(tmpdir(), `linli-park-pins-${process.pid}.ndjson`)
let broker: Program
let estate: GateEstate

beforeAll(async () => {
  broker = await startProgram('hub/broker/stand-in/main.ts', ['--port', '0', '--record', district])
  estate = new GateEstate((port) => ({
    deviceClass: 'park-sensor',
    hub: ['--upstream', `mqtt://127.0.0.1:${broker.ready.port}`],
    sim: {
      // A fine Sunday afternoon: people come.
      city: { start: '2026-06-14T15:00:00+08:00' },
      parks: [{ id: 'p1', visits_per_hour: 6000 }],
      buses: [],
      boards: [
        {
          id: 'board-1',
          kind: 'protocol',
          baud: 57600,
          port: port('board'),
          devices: [
            {
              kind: 'park-pins',
              id: 'pins',
              park: 'p1',
              analog: [{ channel: 0, quantity: 'temperature', low: LOW, high: HIGH }],
              pulses: [{ pin: 4, quantity: 'people' }],
              outputs: [{ pin: 5, output: 'lamp' }],
            },
          ],
        },
      ],
    },
    gateway: {
      readerBuses: [],
      credentials: undefined,
      boards: [{ id: 'board-1', port: port('board'), baud: 57600, watchdog_ms: 300 }],
      devices: [
        {
          kind: 'park-sensor',
          id: 'corner',
          board: 'board-1',
          place: { spot: 'pocket park' },
          sensors: [
            {
              name: 'temperature',
              channel: 0,
              low: LOW,
              high: HIGH,
              poll_ms: 300,
              report: { deadband: 0.1, heartbeat_ms: 1000 },
            },
            { name: 'people', pin: 4, step: 1, poll_ms: 300, report: { interval_ms: 1000, heartbeat_ms: 1000 } },
          ],
          outputs: [{ name: 'lamp', as: 'lamp', pin: 5, on_max_ms: 1000 }],
        },
      ],
    },
  }))
  await estate.start()
})
afterAll(async () => {
  await estate?.end()
  await broker?.kill()
  rmSync(district, { force: true })
})

interface AtDistrict {
  topic: string
  payload: Record<string, unknown>
}

/** What the district has acknowledged of the sensor. */
function received(ending: string): AtDistrict[] {
  if (!existsSync(district)) return []
  const lines = readFileSync(district, 'utf8').split('\n').slice(0, -1)
  return lines
    .map((line) => JSON.parse(line) as { topic: string; payload: string })
    .filter(({ topic, payload }) => topic.endsWith(`/park-sensor/corner/${ending}`) && payload.length > 0)
    .map(({ topic, payload }) => ({ topic, payload: JSON.parse(payload) as Record<string, unknown> }))
}
const readings = (quantity: string) =>
  received('tele')
    .flatMap(({ payload }) => payload.data as SenmlPack)
    .filter(({ n }) => n === quantity)
const avail = () => received('avail').at(-1)?.payload

describe('sensors on the pins of a board', () => {
  it('tell the district what the world is like there', async () => {
    await vi.waitFor(() => expect(readings('temperature').at(-1)?.v).toEqual(expect.any(Number)), WAIT)
    await vi.waitFor(() => expect(avail()).toMatchObject({ status: 'online' }), WAIT)
    const before = estate.physical('measured').length
    estate.sim.send({ do: 'measure', device: 'pins' })
    await vi.waitFor(() => expect(estate.physical('measured').length).toBeGreaterThan(before), WAIT)
    const truth = estate.physical('measured').find(({ quantity }) => quantity === 'temperature')?.told as number
    const told = readings('temperature').at(-1)
    expect(told).toMatchObject({ u: 'Cel' })
    expect(Math.abs((told?.v ?? Number.NaN) - truth)).toBeLessThanOrEqual(TOLERANCE)
  })

  it('count the closings of a contact', async () => {
    await vi.waitFor(() => {
      const counted = readings('people').reduce((sum, { v = 0 }) => sum + v, 0)
      expect(counted).toBeGreaterThanOrEqual(3)
    }, WAIT)
    for (const { v } of readings('people')) expect(v === undefined || Number.isInteger(v)).toBe(true)
  })

  it('switch a lamp, and switch it off at its limit', async () => {
    const id = await estate.command('corner', 'output', { output: 'lamp', on: true })
    await vi.waitFor(() => expect(received(`res/${id}`).at(-1)?.payload).toMatchObject({ status: 'succeeded' }), WAIT)
    await vi.waitFor(() => expect(estate.physical('park-output').map(({ on }) => on)).toEqual([true, false]), WAIT)
    await vi.waitFor(
      () => expect(received('evt/output-changed').at(-1)?.payload.data).toMatchObject({ on: false, by: 'limit' }),
      WAIT,
    )
  })

  it('are never shown with an old value while the board is away, and are good again when it is back', async () => {
    const quality = () =>
      (
        received('state').at(-1)?.payload as { quantities: Array<{ name: string; quality: string }> } | undefined
      )?.quantities.find(({ name }) => name === 'temperature')
    const before = readings('temperature').length
    estate.sim.send({ do: 'unplug', board: 'board-1' })
    await vi.waitFor(() => {
      expect(quality()).toMatchObject({ quality: 'bad', reason: 'bus-error' })
      expect(avail()).toMatchObject({ status: 'offline', reason: 'bus-error' })
      expect(readings('temperature').at(-1)).toMatchObject({ q: 'bad' })
    }, WAIT)
    expect(readings('temperature').at(-1)).not.toHaveProperty('v')
    estate.sim.send({ do: 'replug', board: 'board-1' })
    await vi.waitFor(() => {
      expect(quality()).toMatchObject({ quality: 'good' })
      expect(avail()).toMatchObject({ status: 'online' })
      expect(readings('temperature').at(-1)?.v).toEqual(expect.any(Number))
    }, WAIT)
    expect(readings('temperature').length).toBeGreaterThan(before)
  })
})
