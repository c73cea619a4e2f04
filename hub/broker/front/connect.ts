import type { FrontLimits } from './limits.ts'
import { REFUSALS, type Refusal } from './refusal.ts'
import { checkText, checkTopicName } from './text.ts'

/** CONNECT, §3.1: the only packet that a stranger can send. */

const MQTT = Buffer.from('MQTT')
const MQTT_LEVEL = 4
/** MQTT 3.1 (2010), still spoken by small devices. */
const MQISDP = Buffer.from('MQIsdp')
const MQISDP_LEVEL = 3

/** §3.1.2.3, the bits of the connect flags. */
const RESERVED = 0x01
const CLEAN = 0x02
const WILL = 0x04
const WILL_QOS = 0x18
const WILL_RETAIN = 0x20
const PASSWORD = 0x40
const USER_NAME = 0x80

const uint16 = (bytes: Uint8Array, at: number) => ((bytes[at] as number) << 8) | (bytes[at + 1] as number)

/** The end of the field with a length in two bytes that starts at `at`; -1 when it lies behind `to`. */
function fieldEnd(bytes: Uint8Array, at: number, to: number): number {
  if (at + 2 > to) return -1
  const end = at + 2 + uint16(bytes, at)
  return end > to ? -1 : end
}

function isText(bytes: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from !== wanted.length) return false
  for (let at = 0; at < wanted.length; at++) if (bytes[from + at] !== wanted[at]) return false
  return true
}

/** The body of a CONNECT in `bytes[from..to)`. */
export function checkConnect(limits: FrontLimits, bytes: Uint8Array, from: number, to: number): Refusal | undefined {
  const nameEnd = fieldEnd(bytes, from, to)
  if (nameEnd < 0) return REFUSALS.protocolName
  const old = isText(bytes, from + 2, nameEnd, MQISDP)
  if (!old && !isText(bytes, from + 2, nameEnd, MQTT)) return REFUSALS.protocolName
  if (nameEnd + 1 > to) return REFUSALS.connectShort
  if (bytes[nameEnd] !== (old ? MQISDP_LEVEL : MQTT_LEVEL)) return REFUSALS.protocolLevel
  // Flags and keep alive.
  if (nameEnd + 4 > to) return REFUSALS.connectShort
  const flags = bytes[nameEnd + 1] as number
  return checkFlags(flags) ?? checkPayload(limits, { old, flags }, bytes, nameEnd + 4, to)
}

function checkFlags(flags: number): Refusal | undefined {
  if (flags & RESERVED) return REFUSALS.connectReserved
  if (flags & WILL) {
    if ((flags & WILL_QOS) === WILL_QOS) return REFUSALS.willQos
  } else {
    if (flags & WILL_QOS) return REFUSALS.willAbsentQos
    if (flags & WILL_RETAIN) return REFUSALS.willAbsentRetain
  }
  return flags & PASSWORD && !(flags & USER_NAME) ? REFUSALS.passwordAlone : undefined
}

function checkPayload(
  limits: FrontLimits,
  { old, flags }: { old: boolean; flags: number },
  bytes: Uint8Array,
  from: number,
  to: number,
): Refusal | undefined {
  let end = fieldEnd(bytes, from, to)
  if (end < 0) return REFUSALS.connectShort
  const clientId =
    checkText(bytes, from + 2, end, REFUSALS.clientIdNotText) ??
    checkClientIdLength(limits, old, (flags & CLEAN) !== 0, end - from - 2)
  if (clientId) return clientId
  if (flags & WILL) {
    const topic = end
    end = fieldEnd(bytes, topic, to)
    if (end < 0) return REFUSALS.connectShort
    const name = checkTopicName(limits, bytes, topic + 2, end, REFUSALS.willTopicNotText)
    if (name) return name
    end = fieldEnd(bytes, end, to)
    if (end < 0) return REFUSALS.connectShort
  }
  if (flags & USER_NAME) {
    const user = end
    end = fieldEnd(bytes, user, to)
    if (end < 0) return REFUSALS.connectShort
    const name = checkText(bytes, user + 2, end, REFUSALS.userNameNotText)
    if (name) return name
  }
  if (flags & PASSWORD) {
    end = fieldEnd(bytes, end, to)
    if (end < 0) return REFUSALS.connectShort
  }
  return end === to ? undefined : REFUSALS.connectTrailing
}

/** In bytes: a server must allow ids of 1 to 23 (MQTT-3.1.3-5), and may allow more; MQTT 3.1 has no empty one. */
function checkClientIdLength(limits: FrontLimits, old: boolean, clean: boolean, length: number): Refusal | undefined {
  if (length === 0 && old) return REFUSALS.clientIdLength
  if (length === 0 && !clean) return REFUSALS.clientIdEmpty
  return length > limits.client_id_length_max ? REFUSALS.clientIdLength : undefined
}
