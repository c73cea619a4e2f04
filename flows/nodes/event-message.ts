import { sourceOf } from '../../hub/contract/topic.ts'
import type { Directory } from '../parent/directory.ts'
import type { EventMessage } from '../parent/messages.ts'
import type { Msg } from './red.ts'

/** What a `linli event` node sends on; its help lists the properties. */
export function eventMsg(message: EventMessage, devices: Directory): Msg {
  const { address, event, name, place, replayed } = message
  return {
    topic: `${sourceOf(address).slice(1)}/evt/${name}`,
    payload: event.data,
    type: name,
    severity: event.severity,
    replayed,
    device: address,
    place,
    otherAlarms: otherAlarms(message, devices),
    event,
  }
}

/**
 * How many other devices at the place are in alarm: resetting one button must not silence the siren of another. The
 * device itself does not count, its own state may come after its event.
 */
function otherAlarms({ address, place }: EventMessage, devices: Directory): number {
  if (!place) return 0
  const own = sourceOf(address)
  return devices.at(place).filter((device) => sourceOf(device.address) !== own && inAlarm(device.state)).length
}

function inAlarm(state: unknown): boolean {
  return typeof state === 'object' && state !== null && 'alarm' in state && state.alarm === true
}
