import { describe, expect, it } from 'vitest'
import { createKeypad, PIN_TIMEOUT_MS } from './keypad.ts'

const at = (monotonic_ms: number) => ({ wall_ms: monotonic_ms, monotonic_ms })

describe('the PIN after a card', () => {
  it('is what was typed until #', () => {
    const keypad = createKeypad()
    keypad.expectPin('h10301:1:2', at(0))
    expect(keypad.keys('12', at(100))).toBeUndefined()
    expect(keypad.keys('34#', at(200))).toEqual({ reference: 'h10301:1:2', pin: '1234' })
    expect(keypad.keys('5#', at(300))).toBeUndefined()
  })

  it('begins anew with *, and with another card', () => {
    const keypad = createKeypad()
    keypad.expectPin('a', at(0))
    keypad.keys('99*', at(1))
    keypad.expectPin('b', at(2))
    expect(keypad.keys('1*42#', at(3))).toEqual({ reference: 'b', pin: '42' })
  })

  it('is forgotten after a while, and keys without a card mean nothing', () => {
    const keypad = createKeypad()
    expect(keypad.keys('1234#', at(0))).toBeUndefined()
    keypad.expectPin('a', at(0))
    expect(keypad.keys('1#', at(PIN_TIMEOUT_MS + 1))).toBeUndefined()
  })
})
