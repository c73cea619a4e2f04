import type { Device } from './shapes.ts'
import { keyOf } from './store.ts'

/** Where devices are on the map. */

export interface Spot {
  x: number
  y: number
}
export type Spots = Record<string, Spot>

/** Of the demo estate, on its own plan. */
export const DEMO_SPOTS: Spots = {
  'gw-1/alarm-button/b1': { x: 0.19, y: 0.34 },
  'gw-1/alarm-button/b2': { x: 0.43, y: 0.33 },
  'gw-2/alarm-button/b3': { x: 0.64, y: 0.36 },
  'gw-2/alarm-button/b4': { x: 0.88, y: 0.78 },
  'gw-1/access-gate/d1': { x: 0.945, y: 0.52 },
  'gw-1/access-gate/v1': { x: 0.06, y: 0.52 },
  'gw-2/park-sensor/air-1': { x: 0.61, y: 0.66 },
  'gw-2/park-sensor/rain-1': { x: 0.68, y: 0.88 },
  'gw-2/park-sensor/park-1': { x: 0.75, y: 0.68 },
}
export const DEMO_SITE = '/demo-street/demo-community/demo-estate/'

const SHOWN = ['alarm-button', 'access-gate', 'park-sensor', 'camera']
export function onMap(devices: Iterable<Device>): Device[] {
  return [...devices].filter((device) => SHOWN.includes(device.class) && device.gateway !== 'hub')
}

/** Devices without a plan, by where they hang: one block for each building, or whatever else the place says. */
export function blocks(devices: readonly Device[]): Array<{ name: string; devices: Device[] }> {
  const found = new Map<string, Device[]>()
  for (const device of devices) {
    const { building, spot } = device.meta?.place ?? {}
    const name = building ?? spot ?? ''
    found.set(name, [...(found.get(name) ?? []), device])
  }
  return [...found].map(([name, mine]) => ({ name, devices: mine })).sort((a, b) => a.name.localeCompare(b.name))
}

export type Look = 'alarm' | 'broken' | 'notable' | 'fine'

/** How a device is to be seen at a glance. */
export function lookOf(device: Device, alarmed: ReadonlySet<string>): Look {
  const state = (device.state ?? {}) as { alarm?: unknown; held?: boolean; faults?: string[]; alarms?: unknown[] }
  const isAlarm = state.alarm === true || state.alarm === 'forced' || state.alarm === 'held-open'
  if (isAlarm || alarmed.has(keyOf(device))) return 'alarm'
  if (device.availability?.status !== 'online' || (state.faults?.length ?? 0) > 0) return 'broken'
  const isNotable = state.held === true || state.alarm === 'held-open-warning' || (state.alarms?.length ?? 0) > 0
  return isNotable ? 'notable' : 'fine'
}
