import { describe, expect, it } from 'vitest'
import { checksum, crc16 } from './crc16.ts'

const bytes = (hex: string) => Uint8Array.from(hex.split(' '), (one) => Number.parseInt(one, 16))

describe('the checks of a frame', () => {
  it('give the published CRC of 123456789', () => {
    expect(crc16(new TextEncoder().encode('123456789'))).toBe(0xe5cc)
  })

  // SIA OSDP Annex E, as quoted by libosdp's tests/unit-tests/test-sc-sia-vectors.c.
  it('match the examples of Annex E', () => {
    expect(crc16(bytes('53 7f 0d 00 04 6e 00 80 25 00 00'))).toBe(0x386e)
    expect(crc16(bytes('53 00 09 00 04 61 00'))).toBe(0x66c0)
    expect(checksum(bytes('53 7f 0c 00 00 6e 00 80 25 00 00'))).toBe(0x0f)
    expect(checksum(bytes('53 00 08 00 00 61 00'))).toBe(0x44)
  })
})
