/** What a reader answers: every reply, its code and its bytes (SIA OSDP v2, Annexes A and B). */

export interface Identity {
  /** IEEE OUI, 24 bits. */
  vendor: number
  model: number
  version: number
  serial: number
  /** `major.minor.build`. */
  firmware: string
}

export interface Capability {
  /** Annex B: 1 inputs, 2 outputs, 3 card data, 4 lamps, 5 buzzer, 8 CRC, 9 secure channel, 10 buffer, … */
  function: number
  level: number
  count: number
}
/** Function code of Annex B: contact status monitoring; its count is the number of inputs. */
export const CAPABILITY_INPUTS = 1

export interface CardRead {
  reader: number
  /** 0 unspecified, 1 Wiegand with parity bits. */
  format: number
  bits: number
  /** First bit of the card in the highest bit of the first byte. */
  data: Uint8Array
}

export type Reply =
  | { type: 'ack' }
  | { type: 'nak'; nak: number }
  | { type: 'identity'; identity: Identity }
  | { type: 'capabilities'; capabilities: Capability[] }
  | { type: 'local-status'; tampered: boolean; powerFailed: boolean }
  | { type: 'inputs'; active: boolean[] }
  | { type: 'outputs'; active: boolean[] }
  /** Per reader head: 0 normal, 1 not connected, 2 tampered. */
  | { type: 'reader-status'; readers: number[] }
  | { type: 'card'; card: CardRead }
  | { type: 'keypad'; reader: number; keys: string }
  | { type: 'line'; address: number; baud: number }
  | { type: 'client-cryptogram'; cuid: Uint8Array; random: Uint8Array; cryptogram: Uint8Array }
  | { type: 'initial-mac'; mac: Uint8Array }
  | { type: 'busy' }
  /** A code that is not ours to understand: manufacturer, biometrics, … */
  | { type: 'other'; code: number; data: Uint8Array }

export const REPLY_ACK = 0x40
export const REPLY_NAK = 0x41
export const REPLY_BUSY = 0x79

/** NAK codes. */
export const Nak = {
  check: 1,
  length: 2,
  unknownCommand: 3,
  sequence: 4,
  securityUnsupported: 5,
  securityCondition: 6,
  record: 9,
} as const

const uint = (data: Uint8Array, at: number, bytes: number) => {
  let value = 0
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + (data[at + i] ?? 0)
  return value
}
const flags = (data: Uint8Array) => Array.from(data, (one) => one !== 0)

/** `*` and `#` travel as delete and return. */
const keyOf = (code: number) => {
  if (code === 0x7f) return '*'
  if (code === 0x0d) return '#'
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '?'
}

function identity(data: Uint8Array): Reply {
  return {
    type: 'identity',
    identity: {
      vendor: uint(data, 0, 3),
      model: uint(data, 3, 1),
      version: uint(data, 4, 1),
      serial: uint(data, 5, 4),
      firmware: `${data[9]}.${data[10]}.${data[11]}`,
    },
  }
}

function capabilities(data: Uint8Array): Reply {
  const found: Capability[] = []
  for (let at = 0; at < data.length; at += 3)
    found.push({ function: data[at] ?? 0, level: data[at + 1] ?? 0, count: data[at + 2] ?? 0 })
  return { type: 'capabilities', capabilities: found }
}

function card(data: Uint8Array): Reply | undefined {
  const bits = uint(data, 2, 2)
  if (bits === 0 || data.length !== 4 + Math.ceil(bits / 8)) return undefined
  return { type: 'card', card: { reader: uint(data, 0, 1), format: uint(data, 1, 1), bits, data: data.slice(4) } }
}

function keypad(data: Uint8Array): Reply | undefined {
  if (data.length !== 2 + uint(data, 1, 1)) return undefined
  return { type: 'keypad', reader: uint(data, 0, 1), keys: Array.from(data.subarray(2), keyOf).join('') }
}

/** Codes with the least and most data they may carry; what a row gives as undefined contradicts its own length. */
const rows: Record<number, [leastBytes: number, mostBytes: number, decode: (data: Uint8Array) => Reply | undefined]> = {
  64: [0, 0, () => ({ type: 'ack' })],
  [REPLY_NAK]: [1, Number.POSITIVE_INFINITY, (d) => ({ type: 'nak', nak: uint(d, 0, 1) })],
  69: [12, 12, identity],
  70: [0, Number.POSITIVE_INFINITY, (d) => (d.length % 3 === 0 ? capabilities(d) : undefined)],
  72: [2, 2, (d) => ({ type: 'local-status', tampered: d[0] !== 0, powerFailed: d[1] !== 0 })],
  73: [0, Number.POSITIVE_INFINITY, (d) => ({ type: 'inputs', active: flags(d) })],
  74: [0, Number.POSITIVE_INFINITY, (d) => ({ type: 'outputs', active: flags(d) })],
  75: [1, Number.POSITIVE_INFINITY, (d) => ({ type: 'reader-status', readers: [...d] })],
  80: [5, Number.POSITIVE_INFINITY, card],
  83: [2, Number.POSITIVE_INFINITY, keypad],
  84: [5, 5, (d) => ({ type: 'line', address: uint(d, 0, 1), baud: uint(d, 1, 4) })],
  118: [
    32,
    32,
    (d) => ({ type: 'client-cryptogram', cuid: d.slice(0, 8), random: d.slice(8, 16), cryptogram: d.slice(16) }),
  ],
  120: [16, 16, (d) => ({ type: 'initial-mac', mac: d.slice() })],
  [REPLY_BUSY]: [0, 0, () => ({ type: 'busy' })],
}

/** @returns undefined when the data contradict the code; never throws */
export function decodeReply(code: number, data: Uint8Array): Reply | undefined {
  const row = rows[code]
  if (!row) return { type: 'other', code, data }
  const [least, most, decode] = row
  return data.length < least || data.length > most ? undefined : decode(data)
}
