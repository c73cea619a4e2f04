import type { Availability } from '../contract/availability.ts'
import type { Message } from '../contract/decode.ts'
import type { Meta } from '../contract/meta.ts'
import { type Address, addressPath, gatewayPath } from '../contract/topic.ts'

/** What the hub knows of a device right now: the last of each retained message. */
export interface DeviceView {
  address: Address
  meta: Meta | undefined
  state: unknown
  availability: Availability | undefined
}

/**
 * The live view of all devices, fed with accepted messages. Pure bookkeeping in memory; what it holds is on disk in the
 * journal's `state` lane and is fed again at start.
 */
export interface Devices {
  apply(message: Message): void
  /** What was said of a device, also while something else is shown of it (hub/availability). */
  said(address: Address, availability: Availability): void
  get(address: Address): DeviceView | undefined
  all(): DeviceView[]
  ofGateway(address: Address): DeviceView[]
  /** Commands reach it: it is connected, be it with a fault of its own such as a full disk. */
  gatewayOnline(address: Address): boolean
}

export function createDevices(): Devices {
  const views = new Map<string, DeviceView>()
  const byGateway = new Map<string, Set<DeviceView>>()
  /** By gateway path, of gateways alone. */
  const gatewaySaid = new Map<string, Availability>()

  function view(address: Address): DeviceView {
    const path = addressPath(address)
    const known = views.get(path)
    if (known) return known
    const made: DeviceView = {
      address: {
        street: address.street,
        community: address.community,
        estate: address.estate,
        gateway: address.gateway,
        class: address.class,
        device: address.device,
      },
      meta: undefined,
      state: undefined,
      availability: undefined,
    }
    views.set(path, made)
    const gateway = gatewayPath(address, address.gateway)
    const siblings = byGateway.get(gateway) ?? new Set()
    siblings.add(made)
    byGateway.set(gateway, siblings)
    return made
  }

  function clear(message: Message & { kind: 'cleared' }): void {
    const known = views.get(addressPath(message.topic))
    if (!known) return
    if (message.topic.channel === 'meta') known.meta = undefined
    if (message.topic.channel === 'state') known.state = undefined
    if (message.topic.channel === 'avail') known.availability = undefined
    if (message.topic.channel === 'avail' && message.topic.class === 'gateway')
      gatewaySaid.delete(gatewayPath(message.topic, message.topic.gateway))
    if (known.meta === undefined && known.state === undefined && known.availability === undefined) {
      views.delete(addressPath(message.topic))
      byGateway.get(gatewayPath(message.topic, message.topic.gateway))?.delete(known)
    }
  }

  return {
    apply(message) {
      // An incident stands on the wire like a device, and is none.
      if (message.topic.class === 'incident') return
      if (message.kind === 'cleared') return clear(message)
      if (message.kind === 'meta') view(message.topic).meta = message.meta
      if (message.kind === 'state') view(message.topic).state = message.state
      if (message.kind === 'availability') view(message.topic).availability = message.availability
    },
    said(address, availability) {
      if (address.class === 'gateway') gatewaySaid.set(gatewayPath(address, address.gateway), availability)
    },
    get: (address) => views.get(addressPath(address)),
    all: () => [...views.values()],
    ofGateway: (address) => [...(byGateway.get(gatewayPath(address, address.gateway)) ?? [])],
    gatewayOnline(address) {
      const gateway: Address = { ...address, class: 'gateway', device: address.gateway }
      const said = gatewaySaid.get(gatewayPath(address, address.gateway))
      const status = (said ?? views.get(addressPath(gateway))?.availability)?.status
      return status === 'online' || status === 'fault'
    },
  }
}
