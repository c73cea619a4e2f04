import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CardBits,
  type CardFormat,
  checkCardFormats,
  H10301,
  H10302,
  H10304,
  H10306,
  readCard,
} from './card-format.ts'

const all = [H10301, H10306, H10304]

/** A card from a string of bits. */
function cardOf(text: string): CardBits {
  const data = new Uint8Array(Math.ceil(text.length / 8))
  ;[...text].forEach((bit, i) => {
    if (bit === '1') data[i >> 3] = (data[i >> 3] ?? 0) | (0x80 >> (i & 7))
  })
  return { bits: text.length, data }
}
const ones = (text: string) => [...text].filter((bit) => bit === '1').length
const binary = (value: number | bigint, width: number) => value.toString(2).padStart(width, '0')

describe('card formats', () => {
  it('are right themselves', () => {
    expect(() => checkCardFormats([...all, H10302])).not.toThrow()
  })

  // Worked out by hand: facility 1 has one bit in the even half (0000 0001 0000), so the even parity bit is 1; number 1
  // has one in the odd half, so the odd parity bit is 0.
  it('read H10301, facility 1, card 1', () => {
    expect(readCard(all, cardOf('10000000100000000000000010'))).toEqual({
      ok: true,
      value: { format: 'h10301', facility: 1n, number: 1n, reference: 'h10301:1:1' },
    })
  })

  it('read H10301, facility 255, card 65535', () => {
    // Twelve ones in each half: the even bit is 0, the odd bit is 1.
    expect(readCard(all, cardOf('01111111111111111111111111'))).toMatchObject({
      value: { reference: 'h10301:255:65535' },
    })
  })

  it('read every H10301 card, parity reckoned by halves', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(65_535), (facility, number) => {
        const body = binary(facility, 8) + binary(number, 16)
        const text = `${ones(body.slice(0, 12)) % 2}${body}${1 - (ones(body.slice(12)) % 2)}`
        expect(readCard(all, cardOf(text))).toMatchObject({ value: { reference: `h10301:${facility}:${number}` } })
      }),
    )
  })

  it('read every 34-bit card', () => {
    fc.assert(
      fc.property(fc.nat(65_535), fc.nat(65_535), (facility, number) => {
        const body = binary(facility, 16) + binary(number, 16)
        const text = `${ones(body.slice(0, 16)) % 2}${body}${1 - (ones(body.slice(16)) % 2)}`
        expect(readCard(all, cardOf(text))).toMatchObject({ value: { reference: `h10306:${facility}:${number}` } })
      }),
    )
  })

  it('read every 37-bit card, with and without facility', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 35n - 1n }), (value) => {
        const body = binary(value, 35)
        const text = `${ones(body.slice(0, 18)) % 2}${body}${1 - (ones(body.slice(17)) % 2)}`
        const facility = value >> 19n
        const number = value & (2n ** 19n - 1n)
        expect(readCard(all, cardOf(text))).toMatchObject({ value: { reference: `h10304:${facility}:${number}` } })
        expect(readCard([H10302], cardOf(text))).toMatchObject({ value: { reference: `h10302:-:${value}` } })
      }),
    )
  })

  it('refuse every card with one wrong bit', () => {
    const good = '10000000100000000000000010'
    for (let bit = 0; bit < good.length; bit++) {
      const bad = [...good].map((one, i) => (i === bit ? String(1 - Number(one)) : one)).join('')
      expect(readCard([H10301], cardOf(bad))).toMatchObject({
        ok: false,
        error: { code: 'CARD_PARITY', kind: 'fault' },
      })
    }
  })

  it('refuse lengths that no format has, and too few bytes', () => {
    expect(readCard(all, cardOf('1'.repeat(27)))).toMatchObject({ ok: false, error: { code: 'CARD_LENGTH' } })
    expect(readCard(all, { bits: 26, data: new Uint8Array(3) })).toMatchObject({ error: { code: 'CARD_LENGTH' } })
  })

  it('can be configured by masks, with fixed and ignored bits, and of one length the first that is right wins', () => {
    const marked: CardFormat = { name: 'marked', layout: '10FFCCC.', parity: [] }
    const odd: CardFormat = { name: 'odd', layout: 'CCCCCCCP', parity: [{ kind: 'odd', mask: 'XXXXXXXX' }] }
    expect(() => checkCardFormats([marked, odd])).not.toThrow()
    expect(readCard([marked, odd], cardOf('10111011'))).toMatchObject({ value: { reference: 'marked:3:5' } })
    expect(readCard([marked, odd], cardOf('00000110'))).toMatchObject({ ok: false, error: { code: 'CARD_PARITY' } })
    expect(readCard([marked, odd], cardOf('00001110'))).toMatchObject({ value: { reference: 'odd:-:7' } })
    const uid: CardFormat = { name: 'uid-56', layout: 'C'.repeat(56), parity: [] }
    expect(readCard([uid], cardOf('1'.repeat(56)))).toMatchObject({ value: { number: 2n ** 56n - 1n } })
  })

  it.each([
    ['/0/name', { name: 'Not good' }],
    ['/0/layout', { layout: 'PQ' }],
    ['/0/layout', { layout: 'FFFF', parity: [] }],
    ['/0/layout', { layout: 'CP', parity: [] }],
    ['/0/parity/0/mask', { layout: 'CP', parity: [{ kind: 'even', mask: 'XXX' }] }],
    ['/0/parity/0/mask', { layout: 'CP', parity: [{ kind: 'even', mask: 'XY' }] }],
  ] as const)('are refused with the place of the fault: %s %o', (path, change) => {
    const format = { name: 'ok', layout: 'C', parity: [], ...structuredClone(change) } as CardFormat
    expect(() => checkCardFormats([format])).toThrow(expect.objectContaining({ code: 'CARD_FORMAT', path }))
  })

  it('are refused when two share a name', () => {
    expect(() => checkCardFormats([H10301, H10301])).toThrow(expect.objectContaining({ path: '/1/name' }))
  })

  it('never throw on any bits', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.uint8Array({ maxLength: 80 }), (bits, data) => {
        const reading = readCard([...all, H10302], { bits, data })
        if (!reading.ok) expect(['CARD_LENGTH', 'CARD_PARITY']).toContain(reading.error.code)
      }),
    )
  })
})
