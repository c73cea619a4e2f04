import { type Address, DEVICE_CLASSES, isSegment, type Site } from '../contract/topic.ts'

/**
 * The topics that the hub and Home Assistant share beside the contract. `homeassistant` is Home Assistant's discovery prefix
 * (its default); `linli-ha` is ours, for what its users ask: Home Assistant cannot write a command with an id and an expiry.
 */

/** Home Assistant says `online` there when it has started, and by its MQTT will `offline`. */
export const STATUS_TOPIC = 'homeassistant/status'
const COMMAND_ROOT = 'linli-ha'

/** Unambiguous, and of the characters that a discovery topic may have: segments have no underscore. */
export function objectId(address: Address): string {
  const { street, community, estate, gateway, class: deviceClass, device } = address
  return ['linli', street, community, estate, gateway, deviceClass, device].join('_')
}

export function discoveryTopic(address: Address): string {
  return `homeassistant/device/${objectId(address)}/config`
}

/** Whether a topic is where this estate's devices are announced. */
export function isDiscoveryOf(site: Site, topic: string): boolean {
  const { street, community, estate } = site
  return topic.startsWith(`homeassistant/device/linli_${street}_${community}_${estate}_`) && topic.endsWith('/config')
}

export function commandTopic(address: Address, entity: string): string {
  const { street, community, estate, gateway, class: deviceClass, device } = address
  return [COMMAND_ROOT, street, community, estate, gateway, deviceClass, device, entity, 'set'].join('/')
}

export interface Asked {
  address: Address
  entity: string
}

/** @returns undefined for a topic that no entity of this estate has */
export function parseCommandTopic(site: Site, topic: string): Asked | undefined {
  const [root, street, community, estate, gateway = '', deviceClass, device = '', entity = '', last, ...more] =
    topic.split('/')
  const isOurs = street === site.street && community === site.community && estate === site.estate
  const known = DEVICE_CLASSES.find((one) => one === deviceClass)
  if (root !== COMMAND_ROOT || !isOurs || last !== 'set' || more.length > 0 || !known) return undefined
  if (![gateway, device, entity].every(isSegment)) return undefined
  return { address: { ...site, gateway, class: known, device }, entity }
}
