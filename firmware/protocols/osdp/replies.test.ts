import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCommand, type LedColor } from './commands.ts'
import { decodeReply } from './replies.ts'

const bytes = (hex: string) => Uint8Array.from(hex === '' ? [] : hex.split(' '), (one) => Number.parseInt(one, 16))
const decode = (code: number, hex: string) => decodeReply(code, bytes(hex))

describe('commands', () => {
  // OSDP.Net src/OSDP.Net.Tests/Model/CommandData/ReaderLedControlsTest.cs.
  it('tell two lamps as OSDP.Net does', () => {
    const led = (reader: number, number: number) => ({
      reader,
      led: number,
      temporary: {
        on_100ms: 1,
        off_100ms: 2,
        onColor: 'cyan' as LedColor,
        offColor: 'off' as LedColor,
        timer_100ms: 4,
      },
      lasting: { on_100ms: 2, off_100ms: 6, onColor: 'blue' as LedColor, offColor: 'amber' as LedColor },
    })
    const { code, data } = encodeCommand({ type: 'led', leds: [led(2, 3), led(5, 6)] })
    expect(code).toBe(0x69)
    expect(data).toEqual(bytes('02 03 02 01 02 06 00 04 00 01 02 06 04 03 05 06 02 01 02 06 00 04 00 01 02 06 04 03'))
  })

  it('can end a temporary rhythm and leave the lasting one', () => {
    expect(encodeCommand({ type: 'led', leds: [{ reader: 0, led: 0, cancelTemporary: true }] }).data).toEqual(
      bytes('00 00 01 00 00 00 00 00 00 00 00 00 00 00'),
    )
  })

  it('hold numbers within their fields', () => {
    const { data } = encodeCommand({ type: 'output', outputs: [{ output: -1, action: 'pulse-on', timer_100ms: 1e6 }] })
    expect(data).toEqual(bytes('00 05 ff ff'))
  })

  it('show text, for a while or for good', () => {
    const text = { type: 'text', reader: 0, text: 'Hi 你', row: 1, column: 2 } as const
    expect(encodeCommand({ ...text, seconds: 5 }).data).toEqual(bytes('00 03 05 01 02 04 48 69 20 3f'))
    expect(encodeCommand({ ...text, seconds: 0 }).data).toEqual(bytes('00 01 00 01 02 04 48 69 20 3f'))
  })
})

describe('replies', () => {
  it('tell who the reader is', () => {
    // The data of the capture in OSDP.Net PacketDecodingTest.cs.
    expect(decode(0x45, '00 0e e3 10 10 00 00 74 97 23 06 06')).toEqual({
      type: 'identity',
      identity: { vendor: 0xe30e00, model: 16, version: 16, serial: 0x97740000, firmware: '35.6.6' },
    })
  })

  it('tell a card, first bit first', () => {
    // OSDP.Net RawCardDataTest.cs: reader 5, 16 bits 0001001010101011.
    expect(decode(0x50, '05 00 10 00 12 ab')).toEqual({
      type: 'card',
      card: { reader: 5, format: 0, bits: 16, data: bytes('12 ab') },
    })
  })

  it('tell keys, with * and # in their odd clothes', () => {
    expect(decode(0x53, '01 05 31 32 7f 0d 00')).toEqual({ type: 'keypad', reader: 1, keys: '12*#?' })
    expect(decode(0x53, '01 00')).toEqual({ type: 'keypad', reader: 1, keys: '' })
  })

  it('tell capabilities, status, line', () => {
    expect(decode(0x46, '01 01 02 09 01 00')).toEqual({
      type: 'capabilities',
      capabilities: [
        { function: 1, level: 1, count: 2 },
        { function: 9, level: 1, count: 0 },
      ],
    })
    expect(decode(0x48, '01 00')).toEqual({ type: 'local-status', tampered: true, powerFailed: false })
    expect(decode(0x49, '00 01 00')).toEqual({ type: 'inputs', active: [false, true, false] })
    expect(decode(0x4a, '01')).toEqual({ type: 'outputs', active: [true] })
    expect(decode(0x4b, '00 02')).toEqual({ type: 'reader-status', readers: [0, 2] })
    expect(decode(0x54, '01 80 25 00 00')).toEqual({ type: 'line', address: 1, baud: 9600 })
    expect(decode(0x41, '03')).toEqual({ type: 'nak', nak: 3 })
    expect(decode(0x40, '')).toEqual({ type: 'ack' })
    expect(decode(0x79, '')).toEqual({ type: 'busy' })
    expect(decode(0x90, '01')).toEqual({ type: 'other', code: 0x90, data: bytes('01') })
  })

  it.each([
    [0x40, '00'],
    [0x41, ''],
    [0x45, '00 0e e3 10 10 00 00 74 97 23 06'],
    [0x46, '01 01'],
    [0x48, '01'],
    [0x50, '05 00 11 00 12 ab'],
    [0x50, '05 00 10 00 12'],
    [0x50, '05 00 00 00'],
    [0x53, '01 02 31'],
    [0x54, '01 80 25 00'],
    [0x76, '00'],
    [0x78, '00'],
    [0x79, '00'],
  ])('refuse %i with %s', (code, hex) => {
    expect(decode(code, hex)).toBeUndefined()
  })

  it('are never thrown by', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 80 }), (code, data) => {
        const reply = decodeReply(code, data)
        if (reply?.type === 'card') expect(reply.card.data).toHaveLength(Math.ceil(reply.card.bits / 8))
      }),
    )
  })
})
