import type { Address } from '../../contract/topic.ts'
import { DEMO_SITE, portOf } from './estate.ts'

/** The pocket park of the demo estate at gw-2: Modbus sensors and a relay module on one RS-485 line. */

export const PARK_GATEWAY = 'gw-2'
const BUS = 'bus-park'
const BAUD = 9600

const LABELS: Readonly<Record<string, string>> = {
  'air-1': '口袋公园空气 Pocket park air',
  'rain-1': '口袋公园雨量 Pocket park rain',
  'park-1': '口袋公园灯与灌溉 Pocket park lamp and lawn',
}
const UNITS = { 'air-1': 1, 'rain-1': 2, 'park-1': 9 }
/** Quick enough to watch; a park is read once a minute otherwise. */
const POLL_MS = 2000
const LAMP_MAX_MS = 10_000

/** Registers as the makers of `xy-md02` and `xunchip-xm9505` have them: 24.6 °C, 58.3 %, 100 counts of 0.1 mm. */
const RAIN_COUNT = { table: 'holding', address: 0 }
const RAIN_START = 100
/** One shower of the key: 0.5 mm. */
const SHOWER_COUNTS = 5

export function parkSimulation(dir: string) {
  return {
    id: BUS,
    baud: BAUD,
    port: portOf(dir, BUS),
    devices: [
      { kind: 'modbus-slave', id: 'air-1', unit: UNITS['air-1'], input: [{ address: 1, values: [246, 583] }] },
      {
        kind: 'modbus-slave',
        id: 'rain-1',
        unit: UNITS['rain-1'],
        holding: [{ address: RAIN_COUNT.address, values: [RAIN_START] }],
      },
      { kind: 'relay-module', id: 'park-1', unit: UNITS['park-1'] },
    ],
  }
}

export function parkWiring(dir: string) {
  const on = (id: keyof typeof UNITS, profile: string) => ({
    kind: 'park-sensor',
    id,
    bus: BUS,
    unit: UNITS[id],
    profile,
    place: { spot: 'pocket park', label: LABELS[id] },
  })
  return {
    buses: [{ id: BUS, port: portOf(dir, BUS), baud: BAUD }],
    devices: [
      { ...on('air-1', 'xy-md02'), intervals_ms: { temperature: POLL_MS, humidity: POLL_MS } },
      { ...on('rain-1', 'xunchip-xm9505'), intervals_ms: { rain: POLL_MS }, summaries_ms: { rain: 5 * POLL_MS } },
      {
        ...on('park-1', 'waveshare-relay-8'),
        outputs: [
          { name: 'path-lamp', as: 'lamp', coil: 0, on_max_ms: LAMP_MAX_MS },
          { name: 'lawn', as: 'valve', coil: 1 },
        ],
      },
    ],
  }
}

export function labelOfPark(id: string): string | undefined {
  return LABELS[id]
}

export const DEMO_RELAY: Address = { ...DEMO_SITE, gateway: PARK_GATEWAY, class: 'park-sensor', device: 'park-1' }

/** The sensor's wire comes off, or is back. */
export function airCable(connected: boolean): object {
  return { do: connected ? 'reconnect' : 'disconnect', slave: 'air-1' }
}

/** The bucket has tipped as often as in so many showers since the start. */
export function rainAfter(showers: number): object {
  return { do: 'set-registers', slave: 'rain-1', ...RAIN_COUNT, values: [RAIN_START + showers * SHOWER_COUNTS] }
}
