import type { Availability } from '../contract/availability.ts'
import type { Message } from '../contract/decode.ts'
import type { IncidentState } from '../contract/incident.ts'
import type { Meta, Place } from '../contract/meta.ts'
import { type Address, addressPath, type DeviceClass } from '../contract/topic.ts'
import type { DeviceView } from '../devices/devices.ts'

/** Devices and events as pages see them: by path, without what would tell one person from another. */

export interface ShownDevice {
  /** `linli/v1/…/{class}/{device}`. */
  path: string
  gateway: string
  class: DeviceClass
  device: string
  meta: Meta | null
  state: unknown
  availability: Availability | null
  /** RFC 3339; null: not since the hub started. */
  heard: string | null
}

export type ShownIncident = IncidentState & { number: string }

export interface ShownEvent {
  id: string
  path: string
  gateway: string
  class: DeviceClass
  device: string
  type: string
  time: string
  severity: string
  replayed: boolean
  place: Place | null
  data: unknown
}

export function addressOf(address: Address): Address {
  const { street, community, estate, gateway, class: kind, device } = address
  return { street, community, estate, gateway, class: kind, device }
}

export function shownDevice(view: DeviceView, heard_ms: number | undefined): ShownDevice {
  const { gateway, class: kind, device } = view.address
  return {
    path: addressPath(view.address),
    gateway,
    class: kind,
    device,
    meta: view.meta ?? null,
    state: view.state ?? null,
    availability: view.availability ?? null,
    heard: heard_ms === undefined ? null : new Date(heard_ms).toISOString(),
  }
}

export function shownEvent({ topic, event }: Message & { kind: 'event' }, place: Place | undefined): ShownEvent {
  return {
    id: event.id,
    path: addressPath(topic),
    gateway: topic.gateway,
    class: topic.class,
    device: topic.device,
    type: topic.type,
    time: event.time,
    severity: event.severity,
    replayed: event.replayed === true,
    place: place ?? null,
    data: withoutCredential(event.data),
  }
}

/** A passage is seen, and who it was is not: the reference would tell that it was the same person again. */
function withoutCredential(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || !('credential' in data)) return data
  const { credential: _credential, ...rest } = data
  return rest
}
