import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeMessage } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { makeEvent } from '../contract/event.ts'
import type { SenmlPack } from '../contract/senml.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import { createDevices } from '../devices/devices.ts'
import { createStoreBackend } from '../history/backend.ts'
import { RETENTION } from '../history/types.ts'
import { createStation, type Station } from './station.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
const MINUTE_MS = 60_000
/** Begin of an hour and, in any zone of whole hours, of no day that matters. */
const BEGIN_MS = Date.parse('2026-11-22T03:00:00Z')

let clock: Clock
let station: Station
let backend: ReturnType<typeof createStoreBackend>
let said: { topic: string; value: { data?: SenmlPack; model?: string; time?: string } }[]
let devices: ReturnType<typeof createDevices>

beforeEach(async () => {
  said = []
  devices = createDevices()
  backend = createStoreBackend({ retention: RETENTION })
  clock = FakeTimers.install({ now: BEGIN_MS, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  for (const device of ['air-1', 'air-2', 'gas-1']) {
    const meta = {
      class: 'park-sensor',
      model: 'm',
      driver: { name: 'd', version: '1' },
      place: { spot: 'park-7' },
      capabilities: [],
    }
    tell({ ...SITE, gateway: 'gw-1', class: 'park-sensor', device }, 'meta', meta)
  }
  station = begun()
})
afterEach(async () => {
  await station.close()
  clock.uninstall()
  await backend.close()
})

function tell(address: Address, channel: 'meta', value: unknown): void {
  const decoded = decodeMessage(formatTopic({ ...address, channel }), encodeJson(value), true)
  if (decoded.ok) devices.apply(decoded.value)
}

/** Readings of one sensor every ten minutes over some hours, from BEGIN_MS on. */
async function measured(
  device: string,
  n: string,
  u: string,
  hours: number,
  valueAt: (hour: number) => number | undefined,
) {
  const address: Address = { ...SITE, gateway: 'gw-1', class: 'park-sensor', device }
  for (let minute = 0; minute < hours * 60; minute += 10) {
    const wall_ms = BEGIN_MS + minute * MINUTE_MS
    const v = valueAt(Math.floor(minute / 60))
    const record = v === undefined ? { vs: 'stuck', q: 'bad' as const, qr: 'stuck' as const } : { v }
    const data: SenmlPack = [{ n, u, t: wall_ms / 1000, ...record }]
    const stamp = { wall_ms, monotonic_ms: 1, quality: 'synced' } as const
    const event = makeEvent({ address, bootid: 'b', sequence: minute }, 'telemetry', 'notice', stamp, data)
    await backend.append([
      { topic: formatTopic({ ...address, channel: 'tele' }), text: JSON.stringify(event), arrived_ms: wall_ms },
    ])
  }
}

/** To the moment and through what it starts. */
async function until(ms: number): Promise<void> {
  await clock.tickAsync(ms - clock.now)
  await station.close()
}

const packsAt = (t_ms: number) =>
  said
    .filter(
      ({ topic, value }) =>
        topic.endsWith('/hub/park-sensor/park-7-air/tele') && value.time === new Date(t_ms).toISOString(),
    )
    .flatMap(({ value }) => value.data ?? [])
const record = (t_ms: number, name: string) => packsAt(t_ms).find(({ n }) => n === name)

describe('the station of a place', () => {
  it('tells the air quality of an hour at ten past, by the middle of the sensors, with what it comes from', async () => {
    await measured('air-1', 'pm2.5', 'ug/m3', 24, () => 110)
    await measured('air-2', 'pm2.5', 'ug/m3', 24, () => 130)
    await measured('air-1', 'pm10', 'ug/m3', 24, () => 89)
    await measured('gas-1', 'co', 'mg/m3', 24, () => 1.23)
    const hour_ms = BEGIN_MS + 24 * 60 * MINUTE_MS
    clock.setSystemTime(hour_ms + 9 * MINUTE_MS)
    await station.close()
    station = begun()
    await until(hour_ms + 10 * MINUTE_MS)
    expect(record(hour_ms, 'aqi')).toMatchObject({ v: 158, u: '/' })
    expect(record(hour_ms, 'aqi.category')).toMatchObject({ vs: '中度污染' })
    expect(record(hour_ms, 'aqi.primary')).toMatchObject({ vs: 'pm2.5' })
    expect(record(hour_ms, 'pm2.5.24h')).toMatchObject({ v: 120 })
    expect(record(hour_ms, 'iaqi.pm10')).toMatchObject({ v: 70 })
    expect(record(hour_ms, 'iaqi.co')).toMatchObject({ v: 13 })
    expect(said.find(({ topic }) => topic.endsWith('/park-7-air/meta'))?.value.model).toBe('derived')
  })

  it('gives no number when one pollutant has too few good readings, and says why', async () => {
    await measured('air-1', 'pm2.5', 'ug/m3', 24, (hour) => (hour < 5 ? undefined : 120))
    await measured('air-1', 'pm10', 'ug/m3', 24, () => 89)
    const hour_ms = BEGIN_MS + 24 * 60 * MINUTE_MS
    clock.setSystemTime(hour_ms + 9 * MINUTE_MS)
    await station.close()
    station = begun()
    await until(hour_ms + 10 * MINUTE_MS)
    for (const name of ['aqi', 'aqi.level', 'iaqi.pm2.5', 'pm2.5.24h'])
      expect(record(hour_ms, name)).toMatchObject({ q: 'bad', qr: 'missing-data', vs: 'missing-data' })
    expect(record(hour_ms, 'aqi')?.v).toBeUndefined()
    expect(record(hour_ms, 'iaqi.pm10')).toMatchObject({ v: 70 })
    expect(record(hour_ms, 'pm2.5.1h')).toMatchObject({ v: 120 })
  })

  it('tells heat index and dew point every ten minutes, and once when it does not know them any more', async () => {
    await measured('air-1', 'temperature', 'Cel', 1, () => 35)
    await measured('air-1', 'humidity', '%RH', 1, () => 60)
    await until(BEGIN_MS + 2 * 60 * MINUTE_MS)
    const times = said.filter(({ value }) => value.data?.some(({ n }) => n === 'dew-point'))
    const values = times.map(({ value }) => value.data?.find(({ n }) => n === 'dew-point')?.v)
    // γ = ln 0.6 + 17.62·35/278.12 = 1.70656; 243.12·1.70656/(17.62 − 1.70656) = 26.07. The last readings hold for twenty minutes.
    expect(values).toEqual([26.1, 26.1, 26.1, 26.1, 26.1, 26.1, undefined])
    expect(record(BEGIN_MS + 10 * MINUTE_MS, 'heat-index')?.v).toBeCloseTo(45.1, 0)
  })
})

function begun(): Station {
  said = []
  const made = createStation(
    {
      history: { backend, flush: async () => undefined },
      device: (address) => devices.get(address),
      say(topic, value, retain) {
        const decoded = decodeMessage(topic, encodeJson(value), retain)
        if (!decoded.ok) throw decoded.error
        devices.apply(decoded.value)
        said.push({ topic, value: value as (typeof said)[number]['value'] })
      },
      now_ms: Date.now,
      monotonic_ms: () => 1,
      newId: () => 'a-b-d',
      onError(message) {
        throw new Error(message)
      },
    },
    { site: SITE, version: '1' },
  )
  made.start()
  return made
}
