import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import type { GatewayConfig } from './config.ts'
import { CARRIERS, type DeviceConfig } from './kinds.ts'

/**
 * What of a configuration stands and falls together: carriers (boards, buses, chips) and the devices wired to them. Devices
 * of one park share what they believe, hence the carriers of one park are one group too.
 */
export interface Group {
  /** Two groups of the same text can do with the same hardware and drivers: only where devices are may differ. */
  text: string
  config: Pick<GatewayConfig, 'boards' | 'devices'> & { buses: NonNullable<GatewayConfig['buses']> }
}

/** @param profiles what park sensors are read by: another content is another sensor */
export function groupsOf({ boards, buses = [], devices }: GatewayConfig, profiles: Profiles): Group[] {
  const parent = new Map<string, string>()
  const root = (name: string): string => {
    const up = parent.get(name)
    return up === undefined ? name : root(up)
  }
  const join = (a: string, b: string) => {
    if (root(a) !== root(b)) parent.set(root(a), root(b))
  }
  for (const device of devices) for (const name of namesOf(device)) join(carrierOf(device), name)
  const groups = new Map<string, Group['config']>()
  const groupAt = (name: string) => {
    const known = groups.get(root(name))
    if (known) return known
    const made: Group['config'] = { boards: [], buses: [], devices: [] }
    groups.set(root(name), made)
    return made
  }
  for (const board of boards) groupAt(`board ${board.id}`).boards.push(board)
  for (const bus of buses) groupAt(`bus ${bus.id}`).buses.push(bus)
  for (const device of devices) groupAt(carrierOf(device)).devices.push(device)
  return [...groups.values()].map((config) => ({ config, text: textOf(config, profiles) }))
}

function carrierOf(device: DeviceConfig): string {
  const carrier = CARRIERS.find((one) => device[one] !== undefined)
  return `${carrier} ${carrier && device[carrier]}`
}

function namesOf(device: DeviceConfig & { park?: string }): string[] {
  return device.kind === 'park-sensor' ? [`park ${device.park ?? ''}`] : []
}

function textOf({ boards, buses, devices }: Group['config'], profiles: Profiles): string {
  const wired = devices.map(({ place: _, ...device }: DeviceConfig & { profile?: string }) => {
    const profile = device.profile === undefined ? undefined : profiles.get(device.profile)
    return { device, profile }
  })
  return JSON.stringify({ boards, buses, wired })
}
