import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bits26, cardReport, keyReport } from './credentials.ts'
import { type Command, CommandReader, checksum, crc16, encodeReply } from './frame.ts'
import * as secure from './secure.ts'

/** The examples of SIA OSDP, annex E, and others worked out by hand from the rules. */

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function read(bytes: Uint8Array, split = bytes.length): Command[] {
  const commands: Command[] = []
  const reader = new CommandReader((command) => commands.push(command))
  for (let start = 0; start < bytes.length; start += split) reader.push(bytes.slice(start, start + split), start, 1)
  return commands
}

describe('the check of a frame', () => {
  it.each([
    ['313233343536373839', 0xe5cc],
    ['53 7F 0D 00 04 6E 00 80 25 00 00', 0x386e],
    ['53 00 09 00 04 61 00', 0x66c0],
  ])('CRC of %s', (text, expected) => expect(crc16(hex(text))).toBe(expected))

  it.each([
    ['53 7F 0C 00 00 6E 00 80 25 00 00', 0x0f],
    ['53 00 08 00 00 61 00', 0x44],
  ])('sum of %s', (text, expected) => expect(checksum(hex(text))).toBe(expected))
})

describe('the secure channel', () => {
  const rndA = hex('B0B1B2B3B4B5B6B7')
  const rndB = hex('A0A1A2A3A4A5A6A7')
  const keys = secure.sessionKeys(secure.DEFAULT_KEY, rndA)

  it('derives the keys of the annex', () => {
    expect(toHex(keys.mac1)).toBe('5e86c676603bdee2d8beafe178637332')
    expect(toHex(keys.mac2)).toBe('6fda86e857777e81132035758239172e')
    expect(toHex(keys.enc)).toBe('bf8dc2a8329acb8c67c6d0cd9a451682')
  })

  it('makes the cryptograms and the first MAC of the annex', () => {
    const server = secure.cryptogram(keys, rndB, rndA)
    expect(toHex(server)).toBe('26d3356e07762d262801fc8e6665a891')
    expect(toHex(secure.cryptogram(keys, rndA, rndB))).toBe('fde5d2f428ec16312471ea3c02bd7796')
    expect(toHex(secure.firstReplyMac(keys, server))).toBe('b2a30057eb98ba2229ec1f875662b524')
  })

  it('gives back what it encrypts, and takes nothing that is not padded', () => {
    const mac = new Uint8Array(16)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
        const sealed = secure.encryptData(keys, mac, data)
        expect(sealed.length % 16).toBe(0)
        expect(secure.decryptData(keys, mac, sealed)).toEqual(data)
      }),
    )
    expect(secure.decryptData(keys, mac, new Uint8Array(15))).toBeUndefined()
    expect(secure.decryptData(keys, mac, new Uint8Array(16))).toBeUndefined()
  })
})

describe('a command', () => {
  const idReport = hex('FF 53 00 09 00 04 61 00 C0 66')

  it('is found whatever comes before it and however its bytes are cut', () => {
    for (let split = 1; split <= 20; split++) {
      const found = read(Uint8Array.of(0x12, 0x53, 0x01, 0x02, ...idReport, ...idReport), split)
      expect(found.map(({ code, data }) => [code, ...data])).toEqual([
        [0x61, 0],
        [0x61, 0],
      ])
    }
  })

  it('with a sum instead of a CRC is taken too', () => {
    expect(read(hex('53 00 08 00 00 61 00 44'))[0]).toMatchObject({ crc: false, code: 0x61 })
  })

  it.each([...idReport.keys()].slice(1))('that is damaged in byte %d is none', (index) => {
    const damaged = idReport.slice()
    damaged[index] = (damaged[index] ?? 0) ^ 0x10
    expect(read(damaged)).toEqual([])
  })

  it('that stops in the middle is forgotten after 20 ms', () => {
    const commands: Command[] = []
    const reader = new CommandReader((command) => commands.push(command))
    reader.push(hex('53 00 FF 00 04'), 0, 1)
    reader.push(idReport, 100, 1)
    expect(commands.length).toBe(1)
  })

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        read(Uint8Array.of(0x53, ...bytes))
      }),
    )
  })
})

describe('a reply', () => {
  it('sets the bit of a reply and its length', () => {
    const ack = encodeReply({ address: 0x25, sequence: 2, crc: true, code: 0x40, data: new Uint8Array(0) })
    expect(toHex(ack.slice(0, 7))).toBe('ff53a508000640')
    expect(crc16(ack.slice(1, -2))).toBe((ack.at(-2) ?? 0) | ((ack.at(-1) ?? 0) << 8))
  })

  it('carries a card of 26 bits with both parities', () => {
    // Facility 1, number 1: twelve bits 000000010000 have one one, twelve bits 000000000001 too.
    expect(bits26(1, 1)).toBe('1' + '00000001' + '0000000000000001' + '0')
    expect(bits26(0, 0)).toBe('0' + '00000000' + '0000000000000000' + '1')
    const report = cardReport(bits26(0xff, 0xffff))
    expect([report.code, ...report.data]).toEqual([0x50, 0, 0, 26, 0, 0x7f, 0xff, 0xff, 0xc0])
  })

  it('carries keys as characters, star and hash as their own', () => {
    expect([...keyReport('19*#').data]).toEqual([0, 4, 0x31, 0x39, 0x7f, 0x0d])
  })
})
