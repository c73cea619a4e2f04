import { describe, expect, it } from 'vitest'
import { loadStandardFirmata, parseHex } from './hex.ts'

describe('a firmware hex', () => {
  it('stands in the program memory word by word, low byte first', () => {
    const words = parseHex(':04001000DEADBEEFB4\n:00000001FF\n')
    expect([words[8], words[9]]).toEqual([0xadde, 0xefbe])
    expect(words.length).toBe(0x4000)
  })

  it('is refused when damaged or made for another chip', () => {
    expect(() => parseHex(':04001000DEADBEEFB5')).toThrow('line 1: damaged record')
    expect(() => parseHex(':00000001FF'.slice(1))).toThrow('line 1: damaged record')
    expect(() => parseHex(':020000021000EC')).toThrow('line 1: not for an ATmega328P')
  })

  it('of StandardFirmata begins with the jump to its start', () => {
    expect(loadStandardFirmata()[0]).toBe(0x940c)
  })
})
