import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boardIn } from './firmata.ts'

const text = (name: string) => [...name].flatMap((one) => [one.charCodeAt(0) & 0x7f, one.charCodeAt(0) >> 7])
const report = (name: string) => [0xf0, 0x79, 2, 5, ...text(name), 0xf7]

describe('the firmware of a board', () => {
  it('is read from what was heard, with other bytes before and after it', () => {
    const heard = [0xf9, 2, 5, ...report('StandardFirmata.ino'), 0x90, 1, 0]
    expect(boardIn(heard)).toEqual({ firmware: 'StandardFirmata.ino', version: '2.5' })
  })

  it('is nothing before its report is whole', () => {
    const whole = report('StandardFirmata.ino')
    const early = whole.map((_, at) => boardIn(whole.slice(0, at)))
    expect(early.every((one) => one === undefined)).toBe(true)
  })

  it.each([
    ['a reply of Modbus', [0x01, 0x03, 0x02, 0xf0, 0x79, 0xf7, 0x12]],
    ['half a report', report('Standard').slice(0, -1)],
    ['half a character', [0xf0, 0x79, 2, 5, 0x41, 0xf7]],
    ['control characters', report('a\u001bb')],
  ])('is not %s', (_what, bytes) => {
    expect(boardIn(bytes)).toBeUndefined()
  })

  it('is nothing that throws, whatever comes', () => {
    fc.assert(fc.property(fc.array(fc.nat(255), { maxLength: 300 }), (bytes) => void boardIn(bytes)))
  })
})
