import { GATEWAY_AWAY } from '../availability/machine.ts'
import type { Availability } from '../contract/availability.ts'
import type { Address } from '../contract/topic.ts'
import type { Devices } from '../devices/devices.ts'
import { createReturnWatch } from './return-watch.ts'

/** What the life and death of a gateway means for what is behind it: nothing dead may look alive. */
export interface GatewayLife {
  start(): void
  /** Something of this gateway was accepted. */
  heard(address: Address): void
  /** Its connection is gone. */
  died(gateway: Address): void
  /** Nobody may speak for it any more. */
  removed(gateway: Address): void
  close(): void
}

export function createGatewayLife(deps: {
  devices: Devices
  /** What the hub concludes of a device (hub/availability). */
  conclude: (address: Address, availability: Availability) => void
  now_ms: () => number
}): GatewayLife {
  const now = () => new Date(deps.now_ms()).toISOString()

  function died(gateway: Address): void {
    for (const { address, availability } of impliedByDeath(deps.devices, gateway, now(), GATEWAY_AWAY))
      deps.conclude(address, availability)
  }
  function offline(gateway: Address, reason: string): void {
    deps.conclude(gateway, { status: 'offline', reason, since: now() })
    died(gateway)
  }
  const watch = createReturnWatch(deps.devices, (gateway) => offline(gateway, 'not-returned'))

  return {
    start: watch.start,
    heard: watch.heard,
    died,
    removed: (gateway) => offline(gateway, 'account-removed'),
    close: watch.close,
  }
}

/** The availabilities that a gateway's own death implies. */
export function impliedByDeath(
  devices: Devices,
  gateway: Address,
  since: string,
  reason: string,
): Array<{ address: Address; availability: Availability }> {
  return devices
    .ofGateway(gateway)
    .filter((device) => device.address.class !== 'gateway' && device.availability?.status !== 'offline')
    .map((device) => ({
      address: device.address,
      availability: { status: 'offline', reason, since },
    }))
}
