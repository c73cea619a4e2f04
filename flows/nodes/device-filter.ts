import type { Place } from '../../hub/contract/meta.ts'
import type { Address } from '../../hub/contract/topic.ts'

/** Which devices a node means; an empty field means any. */
export interface DeviceFilter {
  class: string
  building: string
  floor: string
  spot: string
  /** The id of one device. */
  device: string
}

export function meansDevice(filter: DeviceFilter, address: Address, place: Place | null | undefined): boolean {
  return (
    (filter.class === '' || filter.class === address.class) &&
    (filter.device === '' || filter.device === address.device) &&
    (filter.building === '' || filter.building === place?.building) &&
    (filter.floor === '' || filter.floor === place?.floor) &&
    (filter.spot === '' || filter.spot === place?.spot)
  )
}
