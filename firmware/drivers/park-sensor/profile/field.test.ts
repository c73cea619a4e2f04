import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeField, encodeField, FIELD_ORDERS, FIELD_TYPES, type Field, limitsOf, placesOf } from './field.ts'

const order = fc.constantFrom(...FIELD_ORDERS)
const numberOf = (type: Field['type']): fc.Arbitrary<number> => {
  if (type === 'f32') return fc.float({ noNaN: true })
  if (type === 'f64') return fc.double({ noNaN: true })
  const { min, max } = limitsOf(type)
  return fc.oneof(
    fc.maxSafeInteger().filter((one) => one >= min && one <= max),
    fc.constantFrom(min, max, 0),
  )
}

describe('a number in registers', () => {
  it.each(FIELD_TYPES)('of type %s comes back as it was written, in every order', (type) => {
    fc.assert(
      fc.property(order, numberOf(type), (one, number) => {
        const field = { type, order: one }
        const values = encodeField(field, number)
        expect(values).toHaveLength(placesOf(field))
        expect(values.every((value) => Number.isInteger(value) && value >= 0 && value <= 0xffff)).toBe(true)
        // No −0 in integers.
        expect(decodeField(field, values)).toBe(type.startsWith('f') ? number : number + 0)
      }),
    )
  })

  it.each([
    ['ABCD', [0x1234, 0x5678]],
    ['CDAB', [0x5678, 0x1234]],
    ['BADC', [0x3412, 0x7856]],
    ['DCBA', [0x7856, 0x3412]],
  ] as const)('of 32 bits in order %s', (one, values) => {
    expect(decodeField({ type: 'u32', order: one }, values)).toBe(0x12345678)
  })

  it.each([
    ['u16', [0xff33], 65_331],
    ['s16', [0xff33], -205],
    ['s32', [0xffff, 0xfffe], -2],
    ['f32', [0x41c8, 0x0000], 25],
    ['f32', [0x7fc0, 0x0000], Number.NaN],
    ['u64', [0, 1, 0, 0], 4_294_967_296],
    ['bit', [1], 1],
  ] as const)('%s %j is %d', (type, values, number) => {
    expect(decodeField({ type }, values)).toBe(number)
  })

  it('in a part of a register is what its bits say, whatever is beside them', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(31), fc.integer({ min: 1, max: 32 }), (number, from, wide) => {
        const width = Math.min(wide, 32 - from)
        const bits = [...number.toString(2).padStart(32, '0')].toReversed().slice(from, from + width)
        const expected = Number.parseInt(bits.toReversed().join(''), 2)
        const field = { type: 'u32', bits: { from, width } } as const
        expect(decodeField(field, [Math.floor(number / 65_536), number % 65_536])).toBe(expected)
      }),
    )
  })

  it('that does not fit is written as the nearest that does', () => {
    expect(encodeField({ type: 'u16' }, -3)).toEqual([0])
    expect(encodeField({ type: 's16' }, 40_000)).toEqual([32_767])
    expect(encodeField({ type: 'u16' }, 2.6)).toEqual([3])
  })
})
