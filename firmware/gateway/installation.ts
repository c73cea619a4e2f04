import { type Address, addressPath } from '../../hub/contract/topic.ts'
import type { Entry } from '../../hub/journal/types.ts'
import type { Driver, DriverEvent } from '../drivers/driver.ts'
import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import type { PinBoard } from '../ports/pin-board.ts'
import { type Access, type AccessDeps, openAccess } from './access.ts'
import { cameraAddress } from './cameras/cameras.ts'
import type { GatewayConfig } from './config.ts'
import { createDrivers } from './drivers.ts'
import { type Group, groupsOf } from './groups.ts'
import { createHardware, type GatewayHardware, type HardwareDeps } from './hardware.ts'
import { type DeviceConfig, type DeviceKind, deviceKinds } from './kinds.ts'
import type { Outbox } from './outbox.ts'
import { openProfiles, type ReadProfiles } from './parks.ts'

/**
 * Everything that is wired to a gateway, on the configuration that it was last given. A new one is applied by difference:
 * what it does not touch goes on as if nothing had happened, with its lines open.
 */
export interface Installation {
  readonly boards: readonly PinBoard[]
  readonly access: Access | undefined
  /** By address path. */
  readonly drivers: ReadonlyMap<string, Driver>
  /**
   * May be called again, also after it has thrown.
   * @throws {LinliError} what the configuration asks for cannot be had
   */
  apply(config: GatewayConfig): Promise<void>
  close(): Promise<void>
}

export interface InstallationDeps extends HardwareDeps, Omit<AccessDeps, 'drivers' | 'outbox'> {
  outbox: AccessDeps['outbox'] & Pick<Outbox, 'said' | 'forget' | 'telemetry'>
  readProfiles: ReadProfiles
  /** What the spool's `state` lane held at the start. */
  held: readonly Entry[]
  /** A driver is closed: whoever waits for it waits no longer. */
  onClosed(path: string): void
}

/** What runs of one group. */
interface Running {
  text: string
  hardware: GatewayHardware
  drivers: Driver[]
}

/** @param gateway the gateway's own address */
export function createInstallation(deps: InstallationDeps, gateway: Address): Installation {
  const { outbox } = deps
  let running: Running[] = []
  const drivers = new Map<string, Driver>()
  let access: Access | undefined
  let accessText: string | undefined
  /** Whose retained topics are ours. */
  let present = new Map<string, Address>()
  const held = new Map(deps.held.map(({ topic, payload }) => [topic, payload]))

  const onEvent = (device: Address, event: DriverEvent) => access?.heard(device, event)
  const onOffline = (device: Address) => access?.wentOffline(device)
  const lastSaid = (topic: string) => outbox.said(topic) ?? held.get(topic)

  async function closeGroup({ hardware, drivers: closing }: Running): Promise<void> {
    await hardware.closeBoards()
    for (const driver of closing) {
      const path = addressPath(driver.address)
      driver.close()
      drivers.delete(path)
      deps.onClosed(path)
    }
    await hardware.closeBuses()
  }

  async function closeAccess(): Promise<void> {
    await access?.close()
    access = undefined
    accessText = undefined
  }

  function startGroup({ text, config }: Group, profiles: Profiles): void {
    const hardware = createHardware(deps, config)
    const made = createDrivers({ ...deps, hardware, profiles, lastSaid, onEvent, onOffline }, gateway, config.devices)
    running.push({ text, hardware, drivers: made })
    for (const driver of made) {
      drivers.set(addressPath(driver.address), driver)
      outbox.meta(driver.address, driver.meta)
      driver.start()
    }
    hardware.start()
  }

  /** Devices that only have another place now. */
  function sayPlaces({ devices }: GatewayConfig): void {
    const places = new Map(devices.map(({ id, place }) => [id, place]))
    for (const { address, meta } of drivers.values()) {
      const place = places.get(address.device)
      if (place !== undefined) outbox.meta(address, { ...meta, place })
    }
  }

  function forgetOthers(config: GatewayConfig): void {
    const now = new Map(addressesOf(gateway, config).map((address) => [addressPath(address), address]))
    for (const [path, address] of present) if (!now.has(path)) outbox.forget(address)
    present = now
  }

  return {
    get boards() {
      return running.flatMap(({ hardware }) => hardware.boards)
    },
    get access() {
      return access
    },
    drivers,
    async apply(config) {
      const profiles = openProfiles(config, deps.readProfiles)
      const groups = groupsOf(config, profiles)
      const wanted = new Set(groups.map(({ text }) => text))
      const text = textOfAccess(config, groups)
      if (text !== accessText) await closeAccess()
      const going = running.filter((one) => !wanted.has(one.text))
      running = running.filter((one) => wanted.has(one.text))
      await Promise.all(going.map(closeGroup))
      const kept = new Set(running.map((one) => one.text))
      for (const group of groups) if (!kept.has(group.text)) startGroup(group, profiles)
      sayPlaces(config)
      forgetOthers(config)
      if (access) return
      deps.onReaders(undefined)
      access = await openAccess({ ...deps, drivers: [...drivers.values()] }, gateway, config)
      accessText = text
      if (!access) deps.onCredentials(undefined)
      access?.start()
    },
    async close() {
      await closeAccess()
      await Promise.all(running.splice(0).map(closeGroup))
    },
  }
}

/** Of the devices and cameras of a configuration. */
export function addressesOf(gateway: Address, { devices, cameras }: GatewayConfig): Address[] {
  const classOf = ({ kind }: DeviceConfig) => (deviceKinds.get(kind) as DeviceKind).class
  return [
    ...devices.map((device) => ({ ...gateway, class: classOf(device), device: device.id })),
    ...(cameras?.list ?? []).map((camera) => cameraAddress(gateway, camera)),
  ]
}

/** Readers and cameras bring what they read to gates: another gate is other access. */
function textOfAccess({ credentials, readerBuses, cameras }: GatewayConfig, groups: readonly Group[]): string {
  const isGate = ({ kind }: { kind: string }) => deviceKinds.get(kind)?.class === 'access-gate'
  const gates = groups.filter(({ config }) => config.devices.some(isGate)).map(({ text }) => text)
  return JSON.stringify({ credentials, readerBuses, cameras, gates })
}
