import { type Place, samePlace } from '../../hub/contract/meta.ts'
import { type Address, sourceOf } from '../../hub/contract/topic.ts'
import type { DeviceMessage, DeviceRecord } from './messages.ts'

/** What the hub knows of each device, kept up to date for the flows. */
export class Directory {
  readonly #devices = new Map<string, DeviceRecord>()

  /** Forgets all others. */
  keepOnly(devices: DeviceRecord[]): void {
    const kept = new Set(devices.map(({ address }) => sourceOf(address)))
    for (const key of this.#devices.keys()) if (!kept.has(key)) this.#devices.delete(key)
  }

  update({ address, field, value }: DeviceMessage): void {
    const key = sourceOf(address)
    const { [field]: _old, ...rest } = this.#devices.get(key) ?? { address }
    // The hub decoded the value against the schema of its channel.
    const device = (value === null ? rest : { ...rest, [field]: value }) as DeviceRecord
    this.#devices.set(key, device)
  }

  get(address: Address): DeviceRecord | undefined {
    return this.#devices.get(sourceOf(address))
  }

  /** Every device at this place, by building, floor and spot. */
  at(place: Place): DeviceRecord[] {
    return [...this.#devices.values()].filter((device) => device.meta && samePlace(device.meta.place, place))
  }

  all(): DeviceRecord[] {
    return [...this.#devices.values()]
  }
}
