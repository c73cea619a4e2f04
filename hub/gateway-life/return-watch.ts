import { type Address, gatewayPath } from '../contract/topic.ts'
import type { Devices } from '../devices/devices.ts'

/**
 * After a restart the hub remembers gateways as online that may have died meanwhile, and no will tells it so. Those
 * that have not been heard within the grace are declared offline: nothing dead may look alive.
 */

/** Longest time a healthy gateway needs to come back: its reconnect back-off goes up to 30 s. */
export const RETURN_GRACE_MS = 45_000

export interface ReturnWatch {
  start(): void
  heard(address: Pick<Address, 'street' | 'community' | 'estate' | 'gateway'>): void
  close(): void
}

export function createReturnWatch(devices: Devices, onMissing: (gateway: Address) => void): ReturnWatch {
  const heard = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  return {
    start() {
      timer = setTimeout(() => {
        isOver = true
        for (const { address, availability } of devices.all()) {
          if (address.class !== 'gateway' || availability?.status === 'offline') continue
          if (!heard.has(gatewayPath(address, address.gateway))) onMissing(address)
        }
      }, RETURN_GRACE_MS)
    },
    heard: (address) => {
      if (!isOver) heard.add(gatewayPath(address, address.gateway))
    },
    close: () => clearTimeout(timer),
  }
}
