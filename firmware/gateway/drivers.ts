import { decodeJson } from '../../hub/contract/decode.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import type { Driver, DriverEvent, DriverHost } from '../drivers/driver.ts'
import { createParks } from '../drivers/park-sensor/park.ts'
import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import { momentNow } from '../moment.ts'
import type { Logger } from '../ports/logger.ts'
import type { Hardware } from './hardware.ts'
import { type DeviceConfig, deviceKinds } from './kinds.ts'
import type { Outbox } from './outbox.ts'

/** Drivers of devices, each with what it last said before. */
export function createDrivers(
  deps: {
    outbox: Pick<Outbox, 'event' | 'state' | 'availability' | 'telemetry'>
    hardware: Hardware
    profiles: Profiles
    /** The last that was retained on a topic, before a restart too. */
    lastSaid(topic: string): Uint8Array | undefined
    log: Logger
    version: string
    /** Told what a driver says, before it goes out. */
    onEvent(device: Address, event: DriverEvent): void
    /** The driver cannot reach its hardware. */
    onOffline(device: Address): void
  },
  gateway: Address,
  devices: readonly DeviceConfig[],
): Driver[] {
  const parks = createParks()
  return devices.map((device) => {
    const kind = deviceKinds.get(device.kind)
    if (!kind) throw new LinliError('CONFIG_UNCHECKED', `device ${device.id} was not checked`, { kind: 'bug' })
    const address: Address = { ...gateway, class: kind.class, device: device.id }
    const payload = deps.lastSaid(formatTopic({ ...address, channel: 'state' }))
    const restored = payload === undefined ? undefined : decodeJson(payload)
    const host = createHost(deps, address)
    const driverDeps = {
      host,
      hardware: deps.hardware,
      profiles: deps.profiles,
      parks,
      address,
      version: deps.version,
      restored: restored?.ok ? restored.value : undefined,
    }
    return kind.create(driverDeps, device)
  })
}

function createHost(
  {
    outbox,
    log,
    onEvent,
    onOffline,
  }: Pick<Parameters<typeof createDrivers>[0], 'outbox' | 'log' | 'onEvent' | 'onOffline'>,
  address: Address,
): DriverHost {
  return {
    event(event) {
      outbox.event(address, event)
      onEvent(address, event)
    },
    state: (state) => outbox.state(address, state),
    telemetry: (pack, at) => outbox.telemetry(address, at, pack),
    availability(availability, at) {
      outbox.availability(address, availability, at)
      if (availability.status === 'offline') onOffline(address)
    },
    failed(error) {
      log.error({ device: address.device, error: reasonOf(error) }, 'a driver failed')
      outbox.availability(address, { status: 'fault', reason: 'driver-failed' }, momentNow())
    },
    log,
  }
}
