import { LinliError } from '../../../hub/contract/errors.ts'

/** What the bits of a card mean: facility, number, and whether the parity bits are right. Pure. */

/** First bit of the card in the highest bit of the first byte. */
export interface CardBits {
  bits: number
  data: Uint8Array
}

export interface CardFormat {
  name: string
  /**
   * One letter per bit, first bit first: `F` facility, `C` card number, `P` parity (named by a rule below), `.` ignored,
   * `0` and `1` must be so.
   */
  layout: string
  /** Of the bits marked `X`, the parity bit among them, an even or odd number must be set. */
  parity: Array<{ kind: 'even' | 'odd'; mask: string }>
}

/** How a card is named everywhere else: format, facility, number. */
export interface CardNumber {
  format: string
  facility: bigint | undefined
  number: bigint
  /** `h10301:17:5123`; `-` for no facility. What a credential store hashes. */
  reference: string
}

const run = (letter: string, count: number) => letter.repeat(count)

/** The common 26-bit format (HID H10301): even parity over the first half, odd over the second. */
export const H10301: CardFormat = {
  name: 'h10301',
  layout: `P${run('F', 8)}${run('C', 16)}P`,
  parity: [
    { kind: 'even', mask: run('X', 13) + run('.', 13) },
    { kind: 'odd', mask: run('.', 13) + run('X', 13) },
  ],
}

/** 34 bits (HID H10306): 16 of facility and 16 of number, even parity before the first half, odd after the second. */
export const H10306: CardFormat = {
  name: 'h10306',
  layout: `P${run('F', 16)}${run('C', 16)}P`,
  parity: [
    { kind: 'even', mask: run('X', 17) + run('.', 17) },
    { kind: 'odd', mask: run('.', 17) + run('X', 17) },
  ],
}

/** 37 bits with facility (HID H10304): 16 and 19; the middle bit counts for both parities. */
export const H10304: CardFormat = {
  name: 'h10304',
  layout: `P${run('F', 16)}${run('C', 19)}P`,
  parity: [
    { kind: 'even', mask: run('X', 19) + run('.', 18) },
    { kind: 'odd', mask: run('.', 18) + run('X', 19) },
  ],
}

/** 37 bits without facility (HID H10302). It shares length and parity with H10304: a site uses one or the other. */
export const H10302: CardFormat = { ...H10304, name: 'h10302', layout: `P${run('C', 35)}P` }

export const BITS_MAX = 512

/** @throws {LinliError} CARD_FORMAT with the path of the bad field */
export function checkCardFormats(formats: CardFormat[]): void {
  const refuse = (path: string, message: string): never => {
    throw new LinliError('CARD_FORMAT', message, { kind: 'caller', path })
  }
  formats.forEach(({ name, layout, parity }, index) => {
    const at = `/${index}`
    if (!/^[a-z0-9-]{1,40}$/.test(name)) refuse(`${at}/name`, 'a name has 1 to 40 letters a–z, digits or hyphens')
    if (formats.findIndex((one) => one.name === name) !== index)
      refuse(`${at}/name`, `two formats cannot share the name ${name}`)
    if (!/^[FCP.01]+$/.test(layout) || layout.length > BITS_MAX)
      refuse(`${at}/layout`, `a layout has one of F C P . 0 1 for each bit, at most ${BITS_MAX}`)
    if (!layout.includes('C')) refuse(`${at}/layout`, 'a layout needs at least one bit C of the card number')
    parity.forEach(({ mask }, rule) => {
      if (!/^[X.]+$/.test(mask) || mask.length !== layout.length)
        refuse(`${at}/parity/${rule}/mask`, `a mask has one X or . for each of the ${layout.length} bits`)
    })
    for (let bit = 0; bit < layout.length; bit++)
      if (layout[bit] === 'P' && !parity.some(({ mask }) => mask[bit] === 'X'))
        refuse(`${at}/layout`, `no parity rule covers the parity bit ${bit}`)
  })
}

export type CardReading = { ok: true; value: CardNumber } | { ok: false; error: LinliError }

/**
 * Reads a card by the first format that fits.
 * @param formats checked by `checkCardFormats`, the likeliest first
 * @returns CARD_LENGTH when no format has so many bits or the bytes are too few, CARD_PARITY when one has but its
 * parity or fixed bits are wrong: a misread, or a card made by somebody else
 */
export function readCard(formats: readonly CardFormat[], card: CardBits): CardReading {
  const { bits, data } = card
  const refuse = (code: string, message: string): CardReading => ({
    ok: false,
    error: new LinliError(code, message, { kind: 'fault' }),
  })
  const fitting = formats.filter(({ layout }) => layout.length === bits)
  if (fitting.length === 0 || data.length * 8 < bits)
    return refuse('CARD_LENGTH', `no format for a card of ${bits} bits`)
  const values = Array.from({ length: bits }, (_, bit) => ((data[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1)
  const format = fitting.find((one) => isRight(one, values))
  if (!format) return refuse('CARD_PARITY', `the parity of a card of ${bits} bits is wrong`)
  return { ok: true, value: numberOf(format, values) }
}

function isRight({ layout, parity }: CardFormat, values: number[]): boolean {
  const fixed = values.every((value, bit) => !/[01]/.test(layout[bit] ?? '') || layout[bit] === String(value))
  return fixed && parity.every(({ kind, mask }) => onesIn(mask, values) % 2 === (kind === 'odd' ? 1 : 0))
}
const onesIn = (mask: string, values: number[]) =>
  values.filter((value, bit) => value === 1 && mask[bit] === 'X').length

function numberOf({ name, layout }: CardFormat, values: number[]): CardNumber {
  const field = (letter: string) => {
    const digits = values.filter((_, bit) => layout[bit] === letter).join('')
    return digits === '' ? undefined : BigInt(`0b${digits}`)
  }
  const facility = field('F')
  const number = field('C') ?? 0n
  return { format: name, facility, number, reference: `${name}:${facility ?? '-'}:${number}` }
}
