import type { Message } from '../contract/decode.ts'
import { type Address, sourceOf, type Topic } from '../contract/topic.ts'
import type { DeviceMessage } from './ipc.ts'

/** What a message of the contract changes in the picture that flows have of a device; undefined: nothing. */
export function deviceMessage(message: Message): DeviceMessage | undefined {
  switch (message.kind) {
    case 'state':
      return { type: 'device', address: addressOf(message.topic), field: 'state', value: message.state }
    case 'availability':
      return { type: 'device', address: addressOf(message.topic), field: 'availability', value: message.availability }
    case 'meta':
      return { type: 'device', address: addressOf(message.topic), field: 'meta', value: message.meta }
    case 'telemetry': {
      // What an outage delayed says nothing about now.
      if (message.event.replayed === true) return undefined
      const { time, data } = message.event
      return { type: 'device', address: addressOf(message.topic), field: 'readings', value: { time, pack: data } }
    }
    case 'cleared': {
      const field = FIELDS[message.topic.channel]
      return field && { type: 'device', address: addressOf(message.topic), field, value: null }
    }
    default:
      return undefined
  }
}

const FIELDS: Partial<Record<Topic['channel'], DeviceMessage['field']>> = {
  state: 'state',
  avail: 'availability',
  meta: 'meta',
}

/** A waiting message with the same key is replaced by a newer one. */
export function deviceKey(message: DeviceMessage): string {
  return `${message.field} ${sourceOf(message.address)}`
}

export function addressOf(topic: Topic): Address {
  const { street, community, estate, gateway, class: klass, device } = topic
  return { street, community, estate, gateway, class: klass, device }
}
