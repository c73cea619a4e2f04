import type { Meta, Place } from '../contract/meta.ts'
import { type Address, addressPath } from '../contract/topic.ts'
import { CLASS_WORDS, type Language } from '../contract/words.ts'
import type { DeviceView } from '../devices/devices.ts'
import { type Components, componentsOf, type Settings } from './entities.ts'
import { ONLINE } from './templates.ts'
import { objectId } from './topics.ts'

/** The discovery message of one device ("device discovery payload" of Home Assistant's MQTT integration), retained. */
export interface Discovery {
  device: Record<string, unknown>
  origin: { name: string; sw_version: string }
  components: Components
  availability?: Array<{ topic: string; value_template: string }>
  qos: 0 | 1
}

export interface Announcer extends Settings {
  /** Of the hub's software. */
  version: string
}

/** @returns undefined for what is not shown in Home Assistant */
export function discoveryOf(view: DeviceView, announcer: Announcer): Discovery | undefined {
  const components = componentsOf(view, announcer)
  const { meta, address } = view
  if (!components || !meta || Object.keys(components).length === 0) return undefined
  const isGateway = address.class === 'gateway'
  return {
    device: deviceOf(address, meta, announcer.language),
    origin: { name: 'Linli', sw_version: announcer.version },
    components,
    ...(isGateway ? {} : { availability: [{ topic: `${addressPath(address)}/avail`, value_template: ONLINE }] }),
    qos: 1,
  }
}

function deviceOf(address: Address, { model, driver, place }: Meta, language: Language): Record<string, unknown> {
  const area = areaOf(place)
  const gateway: Address = { ...address, class: 'gateway', device: address.gateway }
  const isBehindGateway = address.class !== 'gateway' && address.gateway !== 'hub'
  return {
    identifiers: [objectId(address)],
    name: place.label ?? `${CLASS_WORDS[address.class][language]} ${address.device}`,
    manufacturer: 'Linli',
    model,
    sw_version: `${driver.name} ${driver.version}`,
    ...(isBehindGateway ? { via_device: objectId(gateway) } : {}),
    ...(area === undefined ? {} : { suggested_area: area }),
  }
}

/** Devices at the same place are in the same area, whatever each is called. */
function areaOf({ building, floor, spot }: Place): string | undefined {
  const parts = [building, floor, spot].filter((part) => part !== undefined)
  return parts.length > 0 ? parts.join(' · ') : undefined
}
