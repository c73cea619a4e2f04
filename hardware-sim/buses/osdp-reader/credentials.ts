import { type Answer, answer, REPLY } from './codes.ts'

/** What a reader reports of cards and keys. */

const READER = 0
const FORMAT_RAW = 0
/** OSDP 2.2, 7.12: the keys that are no digits. */
const KEYS: Readonly<Record<string, number>> = { '*': 0x7f, '#': 0x0d }

/** H10301: even parity over the first twelve bits, 8 bits of facility, 16 of number, odd parity over the last twelve. */
export function bits26(facility: number, number: number): string {
  const data = facility.toString(2).padStart(8, '0') + number.toString(2).padStart(16, '0')
  const ones = (bits: string) => [...bits].filter((bit) => bit === '1').length
  const even = ones(data.slice(0, 12)) % 2
  const odd = 1 - (ones(data.slice(12)) % 2)
  return `${even}${data}${odd}`
}

/** Bits fill bytes from the left. */
export function cardReport(bits: string): Answer {
  const bytes = (bits.match(/.{1,8}/g) ?? []).map((part) => Number.parseInt(part.padEnd(8, '0'), 2))
  return answer(REPLY.raw, READER, FORMAT_RAW, bits.length & 0xff, bits.length >> 8, ...bytes)
}

export function keyReport(digits: string): Answer {
  const keys = [...digits].map((key) => KEYS[key] ?? key.charCodeAt(0))
  return answer(REPLY.keypad, READER, keys.length, ...keys)
}
