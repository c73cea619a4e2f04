import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Block, storedBlock } from './blocks.ts'
import { check, isIntact, withCheck } from './crc.ts'
import { FUNCTIONS, respond } from './functions.ts'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const ask = (blocks: Block[], hex: string, functions = FUNCTIONS) =>
  Buffer.from(respond({ blocks, functions }, bytes(hex), 0) ?? []).toString('hex')
const spaced = (hex: string) => hex.replaceAll(' ', '')

function bits(hex: string, count: number): number[] {
  const all = [...bytes(hex)].flatMap((byte) => Array.from({ length: 8 }, (_, place) => (byte >> place) & 1))
  return all.slice(0, count)
}

describe('the check', () => {
  it('is that of the serial line specification, §6.2.2, and of a request known everywhere', () => {
    expect([...withCheck([0x02, 0x07])]).toEqual([0x02, 0x07, 0x41, 0x12])
    expect([...withCheck([1, 3, 0, 0, 0, 0x0a])].slice(-2)).toEqual([0xc5, 0xcd])
    expect(check(Buffer.from('123456789'))).toBe(0x4b37)
  })

  it('sees any single bit that is turned', () => {
    const whole = withCheck([17, 3, 0, 107, 0, 3])
    expect(isIntact(whole)).toBe(true)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(7), (place, bit) => {
        expect(isIntact(whole.map((byte, index) => (index === place ? byte ^ (1 << bit) : byte)))).toBe(false)
      }),
    )
  })
})

describe('functions', () => {
  // Examples of the Modbus application protocol specification v1.1b3, by section.
  it.each([
    ['6.1', { table: 'coil', address: 0x13, values: bits('cd 6b 05', 19) }, '01 0013 0013', '01 03 cd6b05'],
    ['6.2', { table: 'discrete', address: 0xc4, values: bits('ac db 35', 22) }, '02 00c4 0016', '02 03 acdb35'],
    ['6.3', { table: 'holding', address: 0x6b, values: [0x022b, 0, 0x64] }, '03 006b 0003', '03 06 022b 0000 0064'],
    ['6.4', { table: 'input', address: 8, values: [10] }, '04 0008 0001', '04 02 000a'],
    ['6.5', { table: 'coil', address: 0xac, values: [0] }, '05 00ac ff00', '05 00ac ff00'],
    ['6.6', { table: 'holding', address: 1, values: [0] }, '06 0001 0003', '06 0001 0003'],
    ['6.11', { table: 'coil', address: 0x13, values: bits('00 00', 10) }, '0f 0013 000a 02 cd01', '0f 0013 000a'],
    ['6.12', { table: 'holding', address: 1, values: [0, 0] }, '10 0001 0002 04 000a 0102', '10 0001 0002'],
  ] as const)('answers as in §%s', (_section, block, request, answer) => {
    const blocks = [storedBlock({ ...block, values: [...block.values], writable: true })]
    expect(ask(blocks, request)).toBe(spaced(answer))
  })

  it('writes, then reads (§6.17)', () => {
    const values = [0x00fe, 0x0acd, 0x0001, 0x0003, 0x000d, 0x00ff]
    const blocks = [
      storedBlock({ table: 'holding', address: 3, values, writable: true }),
      storedBlock({ table: 'holding', address: 14, values: [0, 0, 0], writable: true }),
    ]
    expect(ask(blocks, '17 0003 0006 000e 0003 06 00ff 00ff 00ff')).toBe(spaced('17 0c 00fe 0acd 0001 0003 000d 00ff'))
    expect(ask(blocks, '03 000e 0003')).toBe(spaced('03 06 00ff 00ff 00ff'))
  })

  it('keeps what was written', () => {
    const coils = [storedBlock({ table: 'coil', address: 0, values: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], writable: true })]
    ask(coils, '0f 0000 000a 02 cd01')
    ask(coils, '05 0001 ff00')
    expect(ask(coils, '01 0000 000a')).toBe(spaced('01 02 cf01'))
  })

  it.each([
    ['a function that it does not know', '07', '87 01'],
    ['a place that does not exist', '03 0002 0001', '83 02'],
    ['a range that ends beyond', '03 0000 0003', '83 02'],
    ['no place at all', '03 0000 0000', '83 03'],
    ['more than fits', '03 0000 007e', '83 03'],
    ['a coil that is neither on nor off', '05 0000 0001', '85 03'],
    ['a byte count that does not fit', '10 0000 0001 04 0001 0002', '90 03'],
    ['a read-only place', '06 0100 0001', '86 02'],
  ])('refuses %s', (_what, request, answer) => {
    const blocks = [
      storedBlock({ table: 'holding', address: 0, values: [1, 2], writable: true }),
      storedBlock({ table: 'holding', address: 0x100, values: [1], writable: false }),
    ]
    expect(ask(blocks, request)).toBe(spaced(answer))
  })

  it.each(['03 0000 00', '03 02 0007', '10 0000 0001 02 00'])('takes %s for no request', (request) => {
    expect(ask([storedBlock({ table: 'holding', address: 0, values: [1], writable: true })], request)).toBe('')
  })

  it('refuses a function that this unit does not have', () => {
    expect(ask([storedBlock({ table: 'input', address: 0, values: [1], writable: false })], '04 0000 0001', [3])).toBe(
      '8401',
    )
  })

  it('reads what fills several registers once, at the moment of the request', () => {
    const asked: number[] = []
    const clock: Block = {
      table: 'input',
      address: 0,
      count: 2,
      read(at_ms) {
        asked.push(at_ms)
        return [asked.length, asked.length]
      },
    }
    expect(respond({ blocks: [clock], functions: FUNCTIONS }, bytes('04 0000 0002'), 1234)).toEqual([4, 4, 0, 1, 0, 1])
    expect(asked).toEqual([1234])
  })

  it('answers anything at all in kind, or not at all', () => {
    const blocks = [storedBlock({ table: 'holding', address: 0, values: [1, 2, 3], writable: true })]
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 253 }), (request) => {
        const answer = respond({ blocks, functions: FUNCTIONS }, request, 0)
        if (answer) expect((answer[0] ?? 0) & 0x7f).toBe((request[0] ?? 0) & 0x7f)
        expect((answer ?? []).every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 0xff)).toBe(true)
      }),
    )
  })
})
