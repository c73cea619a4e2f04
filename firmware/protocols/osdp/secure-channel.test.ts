import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeAes } from './aes.ts'
import { type Command, encodeCommand } from './commands.ts'
import { createFrameParser, encodeFrame, type Frame } from './frame.ts'
import {
  clientCryptogram,
  DEFAULT_KEY,
  initialMac,
  messageMac,
  openReply,
  openSession,
  sealCommand,
  serverCryptogram,
  sessionKeys,
} from './secure-channel.ts'

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (one) => Number.parseInt(one, 16))
const hexOf = (found: Uint8Array) => [...found].map((one) => one.toString(16).padStart(2, '0')).join('')
const parse = (line: Uint8Array): Frame => {
  const [found] = createFrameParser().push(line)
  if (!found?.ok) throw new Error('no frame')
  return found.frame
}

/** SIA OSDP Annex E, as quoted by libosdp's tests/unit-tests/test-sc-sia-vectors.c. */
const controller = bytes('b0b1b2b3b4b5b6b7')
const reader = bytes('a0a1a2a3a4a5a6a7')

describe('the example of Annex E', () => {
  const keys = sessionKeys(nodeAes, DEFAULT_KEY, controller)
  it('has these session keys', () => {
    expect(hexOf(DEFAULT_KEY)).toBe('303132333435363738393a3b3c3d3e3f')
    expect(hexOf(keys.mac1)).toBe('5e86c676603bdee2d8beafe178637332')
    expect(hexOf(keys.mac2)).toBe('6fda86e857777e81132035758239172e')
    expect(hexOf(keys.enc)).toBe('bf8dc2a8329acb8c67c6d0cd9a451682')
  })
  it('has these cryptograms and this first MAC', () => {
    const server = serverCryptogram(nodeAes, keys, controller, reader)
    expect(hexOf(server)).toBe('26d3356e07762d262801fc8e6665a891')
    expect(hexOf(clientCryptogram(nodeAes, keys, controller, reader))).toBe('fde5d2f428ec16312471ea3c02bd7796')
    expect(hexOf(initialMac(nodeAes, keys, server))).toBe('b2a30057eb98ba2229ec1f875662b524')
  })
})

const zero = new Uint8Array(16)
const zeroSession = openSession({ enc: zero, mac1: zero, mac2: zero }, zero)

describe('secured commands', () => {
  // OSDP.Net CommandOutgoingMessageTest.cs: address 0, sequence 2, all keys and the last MAC zero.
  it.each([
    [{ type: 'poll' }, 'ff53000e000e0215604b32767773b6'],
    [{ type: 'local-status' }, 'ff53000e000e0215646f63246fd050'],
    [{ type: 'input-status' }, 'ff53000e000e02156546 0e3d4e2a6a'],
    [{ type: 'id' }, 'ff53001e000e021761d14eb7ad982cc5f9aa25318a7eaed6269ae995731983'],
    [{ type: 'capabilities' }, 'ff53001e000e021762d14eb7ad982cc5f9aa25318a7eaed6260f6a2aa73870'],
    [{ type: 'set-line', address: 1, baud: 9600 }, 'ff53001e000e02176eaca3c2ffe4d9e599cd771b8ef3d13f23faab634e0895'],
    [
      { type: 'set-key', key: bytes('00010203040506070001020304050607') },
      'ff53002e000e021775f0ddec9a0ed8ce4c80baf5d55c18436f9189fd66c9f223dc041486d83357df986c1d4bc2b2f2',
    ],
  ] as const)('are byte for byte those of OSDP.Net: %o', (command, expected) => {
    const { code, data } = encodeCommand(structuredClone(command) as Command)
    const sealed = sealCommand(nodeAes, zeroSession, { address: 0, sequence: 2, check: 'crc', code, data })
    expect(hexOf(sealed.bytes)).toBe(expected.replaceAll(' ', ''))
  })

  it('pad data that fill their blocks, as OSDP.Net does with a file fragment of 16 bytes', () => {
    const data = bytes('03e80300000a00000005000102030405')
    const sealed = sealCommand(nodeAes, zeroSession, { address: 0, sequence: 2, check: 'crc', code: 0x7c, data })
    expect(hexOf(sealed.bytes)).toBe(
      'ff53002e000e02177c92' + '7138dde009a3475367f82a2c9429700d2348a877b955096d8a24dd7188ac3c9a98d6c54aee',
    )
  })
})

describe('secured replies', () => {
  const keys = sessionKeys(nodeAes, DEFAULT_KEY, controller)
  const session = {
    ...openSession(keys, bytes('00112233445566778899aabbccddeeff')),
    commandMac: bytes('ffeeddccbbaa99887766554433221100'),
  }
  /** The reader's side, written out: pad, encrypt with the inverted last command MAC, authenticate. */
  const replyWith = (data: Uint8Array, type: number) => {
    const size = Math.ceil((data.length + 1) / 16) * 16
    const padded = Uint8Array.from({ length: size }, (_, i) => data[i] ?? (i === data.length ? 0x80 : 0))
    const body =
      type === 0x18
        ? nodeAes.encrypt(
            keys.enc,
            session.commandMac.map((one) => one ^ 0xff),
            padded,
          )
        : data
    return encodeFrame(
      {
        address: 1,
        reply: true,
        sequence: 1,
        check: 'crc',
        security: { type, data: zero.subarray(0, 0) },
        code: 0x50,
        data: body,
      },
      (covered) => messageMac(nodeAes, keys, session.commandMac, covered),
    )
  }
  const open = (line: Uint8Array, from = session) => openReply(nodeAes, from, parse(line))

  it('open to what the reader said, of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (data) => {
        const opened = open(replyWith(data, 0x18))
        expect(opened).toMatchObject({ ok: true, data })
      }),
    )
  })

  it('open without data', () => {
    expect(open(replyWith(zero.subarray(0, 0), 0x16))).toMatchObject({ ok: true, data: zero.subarray(0, 0) })
  })

  it('are refused when they are plain, of the wrong type, altered, replayed or wrongly padded', () => {
    const good = replyWith(Uint8Array.of(1, 2, 3), 0x18)
    const frame = parse(good)
    const judge = (change: Partial<Frame>) => openReply(nodeAes, session, { ...frame, ...change })
    expect(judge({ security: { type: 0x17, data: zero } })).toEqual({ ok: false, reason: 'plain' })
    expect(judge({ reply: false })).toEqual({ ok: false, reason: 'plain' })
    const { security: _s, mac: _m, ...plain } = frame
    expect(openReply(nodeAes, session, plain)).toEqual({ ok: false, reason: 'plain' })
    expect(judge({ covered: frame.covered.map((one, i) => (i === 8 ? one ^ 1 : one)) })).toEqual({
      ok: false,
      reason: 'bad-mac',
    })
    expect(judge({ mac: Uint8Array.of(0, 0, 0, 0) })).toEqual({ ok: false, reason: 'bad-mac' })
    const opened = open(good)
    if (!opened.ok) throw new Error('not opened')
    const later = { ...opened.session, commandMac: bytes('0102030405060708090a0b0c0d0e0f10') }
    expect(open(good, later)).toEqual({ ok: false, reason: 'replayed' })
  })

  it('are refused when the padding is missing, though the MAC is right', () => {
    const data = nodeAes.encrypt(
      keys.enc,
      session.commandMac.map((one) => one ^ 0xff),
      zero,
    )
    for (const body of [data, data.subarray(0, 15)]) {
      const line = encodeFrame(
        {
          address: 1,
          reply: true,
          sequence: 1,
          check: 'crc',
          security: { type: 0x18, data: zero.subarray(0, 0) },
          code: 0x50,
          data: body,
        },
        (covered) => messageMac(nodeAes, keys, session.commandMac, covered),
      )
      expect(open(line)).toEqual({ ok: false, reason: 'bad-padding' })
    }
  })
})
