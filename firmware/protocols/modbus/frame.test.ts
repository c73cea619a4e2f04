import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc16 } from './crc16.ts'
import { encodeRequest, type Request, refusalOf, repliesIn, replyAt, replyBytes } from './frame.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
/** A frame as the specification prints its PDU, with unit and CRC around it. */
function frame(unit: number, pdu: string): Uint8Array {
  const body = Uint8Array.from([unit, ...Buffer.from(pdu.replaceAll(' ', ''), 'hex')])
  const crc = crc16(body)
  return Uint8Array.from([...body, crc & 0xff, crc >> 8])
}
const read = (table: 'coil' | 'discrete' | 'holding' | 'input', address: number, count: number): Request => ({
  type: 'read',
  unit: 17,
  table,
  address,
  count,
})

describe('the CRC', () => {
  it('is the one of the catalogue: "123456789" gives 4B37', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x4b37)
  })

  it('is that of the serial line specification v1.02, §6.2.2: 02 07 gives 41 12, low byte first', () => {
    expect(crc16(Uint8Array.of(2, 7))).toBe(0x1241)
  })
})

describe('requests', () => {
  // Examples of the Modbus application protocol specification v1.1b3, by section.
  it.each<[string, Request, string]>([
    ['§6.1 read coils 20–38', read('coil', 0x13, 0x13), '01 0013 0013'],
    ['§6.2 read discrete inputs 197–218', read('discrete', 0xc4, 0x16), '02 00C4 0016'],
    ['§6.3 read holding registers 108–110', read('holding', 0x6b, 3), '03 006B 0003'],
    ['§6.4 read input register 9', read('input', 8, 1), '04 0008 0001'],
    ['§6.5 write coil 173 on', { type: 'write', unit: 17, table: 'coil', address: 0xac, values: [1] }, '05 00AC FF00'],
    ['§6.6 write register 2', { type: 'write', unit: 17, table: 'holding', address: 1, values: [3] }, '06 0001 0003'],
    [
      '§6.11 write coils 20–29',
      { type: 'write', unit: 17, table: 'coil', address: 0x13, values: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0] },
      '0F 0013 000A 02 CD01',
    ],
    [
      '§6.12 write registers 2–3',
      { type: 'write', unit: 17, table: 'holding', address: 1, values: [0x0a, 0x0102] },
      '10 0001 0002 04 000A 0102',
    ],
    [
      '§6.17 read six registers from 4, write three from 15',
      { type: 'exchange', unit: 17, address: 3, count: 6, writeAddress: 14, values: [255, 255, 255] },
      '17 0003 0006 000E 0003 06 00FF 00FF 00FF',
    ],
  ])('%s', (_name, request, pdu) => {
    expect(refusalOf(request)).toBeUndefined()
    expect(hex(encodeRequest(request))).toBe(hex(frame(17, pdu)))
  })

  it('write one place with the function for several when asked to', () => {
    const coil: Request = { type: 'write', unit: 1, table: 'coil', address: 0, values: [1], multiple: true }
    expect(hex(encodeRequest(coil))).toBe(hex(frame(1, '0F 0000 0001 01 01')))
  })

  it.each<[string, Request]>([
    ['no unit', { ...read('coil', 0, 1), unit: 0 }],
    ['a reserved unit', { ...read('coil', 0, 1), unit: 248 }],
    ['nothing', read('holding', 0, 0)],
    ['more registers than fit', read('holding', 0, 126)],
    ['more bits than fit', read('coil', 0, 2001)],
    ['addresses beyond the last', read('input', 0xffff, 2)],
    ['a coil that is neither on nor off', { type: 'write', unit: 1, table: 'coil', address: 0, values: [2] }],
    ['a register of more than 16 bits', { type: 'write', unit: 1, table: 'holding', address: 0, values: [65_536] }],
  ])('for %s are refused', (_name, request) => {
    expect(refusalOf(request)).toMatch(/\d/)
  })
})

describe('replies', () => {
  it.each<[string, Request, string, number[]]>([
    [
      '§6.1 coils 20–38',
      read('coil', 0x13, 0x13),
      '01 03 CD6B05',
      [1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1],
    ],
    ['§6.3 holding registers', read('holding', 0x6b, 3), '03 06 022B 0000 0064', [555, 0, 100]],
    ['§6.4 input register', read('input', 8, 1), '04 02 000A', [10]],
  ])('%s', (_name, request, pdu, values) => {
    const bytes = frame(17, pdu)
    expect(bytes).toHaveLength(replyBytes(request))
    expect(replyAt(request, encodeRequest(request), bytes, 0)).toEqual({ ok: true, values })
  })

  it('may be exceptions', () => {
    const request = read('coil', 0x04a1, 1)
    expect(replyAt(request, encodeRequest(request), frame(17, '81 02'), 0)).toEqual({ ok: false, exception: 2 })
  })

  it.each([
    ['of another unit', frame(18, '03 06 022B 0000 0064')],
    ['of another function', frame(17, '04 06 022B 0000 0064')],
    ['of another length', frame(17, '03 04 022B 0000')],
    ['that is not whole', frame(17, '03 06 022B 0000 0064').subarray(0, 10)],
    ['that is an exception of another function', frame(17, '84 02')],
    ['with a flipped bit', frame(17, '03 06 022B 0000 0064').map((byte, index) => (index === 4 ? byte ^ 8 : byte))],
  ])('%s are none', (_name, bytes) => {
    const request = read('holding', 0x6b, 3)
    expect(replyAt(request, encodeRequest(request), bytes, 0)).toBeUndefined()
  })

  it('to a write must repeat it', () => {
    const request: Request = { type: 'write', unit: 17, table: 'coil', address: 0xac, values: [1] }
    const asked = encodeRequest(request)
    expect(replyAt(request, asked, frame(17, '05 00AC FF00'), 0)).toEqual({ ok: true, values: [] })
    expect(replyAt(request, asked, frame(17, '05 00AC 0000'), 0)).toBeUndefined()
    expect(replyAt(request, asked, frame(17, '05 00AD FF00'), 0)).toBeUndefined()
  })

  it('are found among noise, whoever was asked', () => {
    const noise = fc.uint8Array({ maxLength: 6 })
    fc.assert(
      fc.property(noise, fc.uint8Array({ minLength: 2, maxLength: 20 }), (before, data) => {
        const even = data.subarray(0, data.length & ~1)
        const reply = frame(9, `03 ${even.length.toString(16).padStart(2, '0')} ${hex(even)}`)
        const found = repliesIn(Uint8Array.from([...before, ...reply]))
        expect(found).toContainEqual({ unit: 9, code: 3 })
      }),
    )
  })
})
