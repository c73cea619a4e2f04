import { isUtf8 } from 'node:buffer'
import type { FrontLimits } from './limits.ts'
import { REFUSALS, type Refusal } from './refusal.ts'

/** Strings of MQTT 3.1.1 (§1.5.3, §4.7), checked where they lie: nothing is copied or decoded. */

const NUL = 0x00
const HASH = 0x23
const PLUS = 0x2b
const SLASH = 0x2f
const ASCII_END = 0x80
/** 1 for every byte that means something in a topic: one look for each of the others, which are nearly all. */
const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === NUL || byte === HASH || byte === PLUS || byte === SLASH || byte >= ASCII_END ? 1 : 0,
)

/** A string that is no topic: client id, user name. `notText` names the clause of its field. */
export function checkText(bytes: Uint8Array, from: number, to: number, notText: Refusal): Refusal | undefined {
  let ascii = true
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number
    if (byte === NUL) return REFUSALS.nul
    if (byte >= ASCII_END) ascii = false
  }
  return ascii || isUtf8(bytes.subarray(from, to)) ? undefined : notText
}

/** A topic name, as in PUBLISH and in a will. */
export function checkTopicName(
  limits: FrontLimits,
  bytes: Uint8Array,
  from: number,
  to: number,
  notText: Refusal = REFUSALS.illFormed,
): Refusal | undefined {
  if (from === to) return REFUSALS.topicEmpty
  if (to - from > limits.topic_bytes_max) return REFUSALS.topicTooLong
  let ascii = true
  let levels = 1
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number
    if (SPECIAL[byte] === 0) continue
    if (byte === SLASH) levels++
    else if (byte === PLUS || byte === HASH) return REFUSALS.topicWildcard
    else if (byte === NUL) return REFUSALS.topicNul
    else ascii = false
  }
  if (levels > limits.topic_levels_max) return REFUSALS.topicTooDeep
  return ascii || isUtf8(bytes.subarray(from, to)) ? undefined : notText
}

export function checkFilter(limits: FrontLimits, bytes: Uint8Array, from: number, to: number): Refusal | undefined {
  if (from === to) return REFUSALS.topicEmpty
  if (to - from > limits.topic_bytes_max) return REFUSALS.topicTooLong
  let ascii = true
  let levels = 1
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number
    const startsLevel = at === from || bytes[at - 1] === SLASH
    if (byte === SLASH) levels++
    else if (byte === HASH) {
      if (!startsLevel || at !== to - 1) return REFUSALS.filterHash
    } else if (byte === PLUS) {
      if (!startsLevel || (at !== to - 1 && bytes[at + 1] !== SLASH)) return REFUSALS.filterPlus
    } else if (byte === NUL) return REFUSALS.topicNul
    else if (byte >= ASCII_END) ascii = false
  }
  if (levels > limits.topic_levels_max) return REFUSALS.topicTooDeep
  return ascii || isUtf8(bytes.subarray(from, to)) ? undefined : REFUSALS.illFormed
}
