import { checkConnect } from './connect.ts'
import type { FrontLimits } from './limits.ts'
import { REFUSALS, type Refusal } from './refusal.ts'
import { checkFilter, checkTopicName } from './text.ts'

/** What MQTT 3.1.1 says of each packet that a client may send: its first byte, its length, its body. */

/** §2.2.1 */
export const TYPE = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
} as const

const DUP = 0x08
const QOS = 0x06
const QOS_MAX = 2
const uint16 = (bytes: Uint8Array, at: number) => ((bytes[at] as number) << 8) | (bytes[at + 1] as number)

export function checkFirstByte(byte: number, first: boolean): Refusal | undefined {
  const type = byte >> 4
  const flags = byte & 0x0f
  if (first && type !== TYPE.connect) return REFUSALS.notConnect
  switch (type) {
    case TYPE.publish:
      if ((flags & QOS) === QOS) return REFUSALS.qos3
      return flags & DUP && !(flags & QOS) ? REFUSALS.dupQos0 : undefined
    case TYPE.connect:
      if (!first) return REFUSALS.secondConnect
      return flags === 0 ? undefined : REFUSALS.flags
    case TYPE.puback:
    case TYPE.pubrec:
    case TYPE.pubcomp:
    case TYPE.pingreq:
      return flags === 0 ? undefined : REFUSALS.flags
    case TYPE.disconnect:
      return flags === 0 ? undefined : REFUSALS.flagsDisconnect
    case TYPE.pubrel:
      return flags === 2 ? undefined : REFUSALS.flagsPubrel
    case TYPE.subscribe:
      return flags === 2 ? undefined : REFUSALS.flagsSubscribe
    case TYPE.unsubscribe:
      return flags === 2 ? undefined : REFUSALS.flagsUnsubscribe
    case TYPE.connack:
    case TYPE.suback:
    case TYPE.unsuback:
    case TYPE.pingresp:
      return REFUSALS.fromServerOnly
    default:
      return REFUSALS.typeReserved
  }
}

/** Before one byte of the body is kept. */
export function checkLength(limits: FrontLimits, header: number, length: number): Refusal | undefined {
  switch (header >> 4) {
    case TYPE.connect:
      return length > limits.connect_bytes_max ? REFUSALS.connectTooLarge : undefined
    case TYPE.publish:
      if (length < (header & QOS ? 4 : 2)) return REFUSALS.publishShort
      return length > limits.packet_bytes_max ? REFUSALS.tooLarge : undefined
    case TYPE.subscribe:
      if (length < 2) return REFUSALS.subscribeShort
      return length > limits.packet_bytes_max ? REFUSALS.tooLarge : undefined
    case TYPE.unsubscribe:
      if (length < 2) return REFUSALS.unsubscribeShort
      return length > limits.packet_bytes_max ? REFUSALS.tooLarge : undefined
    case TYPE.pingreq:
      return length === 0 ? undefined : REFUSALS.pingLength
    case TYPE.disconnect:
      return length === 0 ? undefined : REFUSALS.disconnectLength
    default:
      return length === 2 ? undefined : REFUSALS.ackLength
  }
}

/**
 * How many bytes of the body must be there before `checkBody` can judge it, as far as `have` of them tell; a message's
 * payload is never needed.
 */
export function bytesNeeded(header: number, length: number, bytes: Uint8Array, from: number, have: number): number {
  if (header >> 4 !== TYPE.publish) return length
  if (have < 2) return 2
  return Math.min(length, 2 + uint16(bytes, from) + (header & QOS ? 2 : 0))
}

/** The topic of a PUBLISH, as soon as its length is there. */
export function checkTopicLength(
  limits: FrontLimits,
  header: number,
  length: number,
  bytes: Uint8Array,
  from: number,
): Refusal | undefined {
  const topic = uint16(bytes, from)
  if (2 + topic + (header & QOS ? 2 : 0) > length) return REFUSALS.publishShort
  return topic > limits.topic_bytes_max ? REFUSALS.topicTooLong : undefined
}

/** A body of `length` bytes, of which at least `bytesNeeded` lie in `bytes` at `from`. */
export function checkBody(
  limits: FrontLimits,
  header: number,
  length: number,
  bytes: Uint8Array,
  from: number,
): Refusal | undefined {
  switch (header >> 4) {
    case TYPE.publish:
      return checkPublish(limits, header, length, bytes, from)
    case TYPE.connect:
      return checkConnect(limits, bytes, from, from + length)
    case TYPE.subscribe:
      return checkFilters(limits, true, bytes, from, from + length)
    case TYPE.unsubscribe:
      return checkFilters(limits, false, bytes, from, from + length)
    case TYPE.pingreq:
    case TYPE.disconnect:
      return undefined
    default:
      return uint16(bytes, from) === 0 ? REFUSALS.packetIdZero : undefined
  }
}

function checkPublish(
  limits: FrontLimits,
  header: number,
  length: number,
  bytes: Uint8Array,
  from: number,
): Refusal | undefined {
  const size = checkTopicLength(limits, header, length, bytes, from)
  if (size) return size
  const end = from + 2 + uint16(bytes, from)
  const name = checkTopicName(limits, bytes, from + 2, end)
  if (name) return name
  return header & QOS && uint16(bytes, end) === 0 ? REFUSALS.packetIdZero : undefined
}

/** SUBSCRIBE has a QoS behind each filter, UNSUBSCRIBE has none. */
function checkFilters(
  limits: FrontLimits,
  subscribe: boolean,
  bytes: Uint8Array,
  from: number,
  to: number,
): Refusal | undefined {
  const short = subscribe ? REFUSALS.subscribeShort : REFUSALS.unsubscribeShort
  if (uint16(bytes, from) === 0) return REFUSALS.packetIdZero
  let at = from + 2
  if (at === to) return subscribe ? REFUSALS.subscribeEmpty : REFUSALS.unsubscribeEmpty
  for (let count = 1; at < to; count++) {
    if (count > limits.subscriptions_max) return REFUSALS.tooManyFilters
    if (at + 2 > to) return short
    const end = at + 2 + uint16(bytes, at)
    if (end > to) return short
    const filter = checkFilter(limits, bytes, at + 2, end)
    if (filter) return filter
    at = end
    if (subscribe) {
      if (at === to) return short
      if ((bytes[at] as number) > QOS_MAX) return REFUSALS.subscribeQos
      at++
    }
  }
  return undefined
}
