import { describe, expect, it } from 'vitest'
import { createKeypad, PIN_TIMEOUT_MS } from './keypad.ts'

const at = (monotonic_ms: number) => ({ wall_ms: monotonic_ms, monotonic_ms })

describe('the PIN after a card', () => {
  it('is what was typed until #', () => {
    const keypad = createKeypad()
    keypad.expectPin('h10301:1:2', at(0))
    expect(keypad.keys('12', at(100))).toEqual([])
    expect(keypad.keys('34#', at(200))).toEqual([{ reference: 'h10301:1:2', pin: '1234' }])
  })

  it('begins anew with *, and with another card', () => {
    const keypad = createKeypad()
    keypad.expectPin('a', at(0))
    keypad.keys('99*', at(1))
    keypad.expectPin('b', at(2))
    expect(keypad.keys('1*42#', at(3))).toEqual([{ reference: 'b', pin: '42' }])
  })

  it('is asked for once, and is forgotten after a while', () => {
    const keypad = createKeypad()
    keypad.expectPin('a', at(0))
    expect(keypad.keys('1#2#', at(1))).toEqual([
      { reference: 'a', pin: '1' },
      { reference: undefined, pin: '2' },
    ])
    keypad.expectPin('a', at(2))
    expect(keypad.keys('1#', at(PIN_TIMEOUT_MS + 3))).toEqual([{ reference: undefined, pin: '1' }])
  })
})

describe('a PIN alone', () => {
  it('is what was typed until #, from the first digit on for a while', () => {
    const keypad = createKeypad()
    expect(keypad.keys('2', at(0))).toEqual([])
    expect(keypad.keys('580', at(5_000))).toEqual([])
    expect(keypad.keys('#', at(PIN_TIMEOUT_MS))).toEqual([{ reference: undefined, pin: '2580' }])
    keypad.keys('25', at(20_000))
    expect(keypad.keys('80#', at(20_001 + PIN_TIMEOUT_MS))).toEqual([{ reference: undefined, pin: '80' }])
  })

  it('begins anew with *, and # alone asks for nothing', () => {
    expect(createKeypad().keys('#99*2580#*#', at(0))).toEqual([{ reference: undefined, pin: '2580' }])
  })
})
