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

const PARK = 'pocket-park'
/** A June morning, whenever the demo runs. */
const START = '2026-06-02T09:00:00+08:00'
const RAIN_START = 100
/** One shower of the key: 0.5 mm. */
const SHOWER = { mm_h: 180, for_ms: 10_000 }

/** The park, its weather and what measures it, for the simulator. */
export function parkSimulation(dir: string) {
  const sensor = (id: 'air-1' | 'rain-1', model: string) => ({
    kind: 'park-sensor',
    id,
    unit: UNITS[id],
    park: PARK,
    model,
  })
  return {
    city: { start: START },
    parks: [{ id: PARK, outputs: { lamp: 'park-1/0', valve: 'park-1/1' } }],
    bus: {
      id: BUS,
      baud: BAUD,
      port: portOf(dir, BUS),
      devices: [
        sensor('air-1', 'xy-md02'),
        { ...sensor('rain-1', 'xunchip-xm9505'), first_count: RAIN_START },
        { kind: 'relay-module', id: 'park-1', unit: UNITS['park-1'] },
      ],
    },
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

/** A cloud comes over the park. */
export function shower(): object {
  return { do: 'shower', park: PARK, ...SHOWER }
}
