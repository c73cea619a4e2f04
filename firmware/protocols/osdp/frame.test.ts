import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCommand } from './commands.ts'
import { createFrameParser, encodeFrame, FRAME_BYTES_MAX, type FrameHead, type Parsed } from './frame.ts'

const bytes = (hex: string) => Uint8Array.from(hex.split('-'), (one) => Number.parseInt(one, 16))
const hexOf = (found: Uint8Array) => [...found].map((one) => one.toString(16).padStart(2, '0').toUpperCase()).join('-')
const parseAll = (...chunks: Uint8Array[]) => {
  const parser = createFrameParser()
  return [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.flush()]
}
const frames = (found: Parsed[]) => found.flatMap((one) => (one.ok ? [one.frame] : []))
const pollOf = (address: number): FrameHead => ({
  address,
  reply: false,
  sequence: 0,
  check: 'crc',
  code: 0x60,
  data: new Uint8Array(0),
})

describe('frames on the wire', () => {
  // Literal bytes of other people's implementations: libosdp tests/unit-tests/test-cp-phy.c (address 0x65, sequence 0) …
  it('match libosdp', () => {
    expect(hexOf(encodeFrame(pollOf(0x65)))).toBe('FF-53-65-08-00-04-60-60-90')
    const id = encodeFrame({ ...pollOf(0x65), ...encodeCommand({ type: 'id' }) })
    expect(hexOf(id)).toBe('FF-53-65-09-00-04-61-00-D9-7A')
    const challenge = encodeCommand({ type: 'challenge', random: bytes('01-02-03-04-05-06-07-08') })
    expect(hexOf(encodeFrame({ ...pollOf(0x65), ...challenge }))).toBe(
      'FF-53-65-10-00-04-76-01-02-03-04-05-06-07-08-0D-20',
    )
  })

  // … and OSDP.Net src/OSDP.Net.Tests/Messages/CommandOutgoingMessageTest.cs (address 0, sequence 2).
  it.each([
    ['crc', { type: 'poll' }, 'FF-53-00-08-00-06-60-89-CC'],
    ['checksum', { type: 'poll' }, 'FF-53-00-07-00-02-60-44'],
    ['crc', { type: 'capabilities' }, 'FF-53-00-09-00-06-62-00-F3-5D'],
    ['crc', { type: 'input-status' }, 'FF-53-00-08-00-06-65-2C-9C'],
    ['checksum', { type: 'local-status' }, 'FF-53-00-07-00-02-64-40'],
    ['crc', { type: 'output-status' }, 'FF-53-00-08-00-06-66-4F-AC'],
    ['crc', { type: 'set-line', address: 1, baud: 9600 }, 'FF-53-00-0D-00-06-6E-01-80-25-00-00-EC-7B'],
    [
      'crc',
      { type: 'set-key', key: bytes('00-01-02-03-04-05-06-07-00-01-02-03-04-05-06-07') },
      'FF-53-00-1A-00-06-75-01-10-00-01-02-03-04-05-06-07-00-01-02-03-04-05-06-07-CF-A3',
    ],
    [
      'crc',
      {
        type: 'output',
        outputs: [
          { output: 0, action: 'off-after-timer', timer_100ms: 100 },
          { output: 1, action: 'pulse-off', timer_100ms: 120 },
        ],
      },
      'FF-53-00-10-00-06-68-00-03-64-00-01-06-78-00-0B-5B',
    ],
    [
      'crc',
      { type: 'buzzer', reader: 0, tone: 'default', on_100ms: 2, off_100ms: 2, count: 1 },
      // A capture, without the mark: OSDP.Net Tracing/PacketDecodingTest.cs.
      'FF-53-00-0D-00-06-6A-00-02-02-02-01-59-92',
    ],
  ] as const)('match OSDP.Net with a %s: %o', (check, command, expected) => {
    const mutable = structuredClone(command) as Parameters<typeof encodeCommand>[0]
    const frame = encodeFrame({ address: 0, reply: false, sequence: 2, check, ...encodeCommand(mutable) })
    expect(hexOf(frame)).toBe(expected)
  })

  it('are read from captures of real readers', () => {
    // OSDP.Net PacketDecodingTest.cs and ReplyTest.cs.
    const [identity] = frames(parseAll(bytes('53-80-14-00-06-45-00-0E-E3-10-10-00-00-74-97-23-06-06-1B-88')))
    expect(identity).toMatchObject({ address: 0, reply: true, sequence: 2, check: 'crc', code: 0x45 })
    expect(hexOf(identity?.data ?? new Uint8Array())).toBe('00-0E-E3-10-10-00-00-74-97-23-06-06')
    const [ack] = frames(parseAll(Uint8Array.from([83, 128, 8, 0, 5, 64, 104, 159])))
    expect(ack).toMatchObject({ address: 0, reply: true, sequence: 1, code: 0x40 })
  })
})

const head: fc.Arbitrary<FrameHead> = fc
  .record({
    address: fc.integer({ min: 0, max: 127 }),
    reply: fc.boolean(),
    sequence: fc.integer({ min: 0, max: 3 }),
    check: fc.constantFrom('crc' as const, 'checksum' as const),
    code: fc.integer({ min: 0, max: 255 }),
    data: fc.uint8Array({ maxLength: 300 }),
  })
  .chain((plain) =>
    fc
      .option(fc.record({ type: fc.integer({ min: 0x11, max: 0x18 }), data: fc.uint8Array({ maxLength: 3 }) }))
      .map((security) => (security ? { ...plain, security } : plain)),
  )
const mac = Uint8Array.of(1, 2, 3, 4, 5)
const encode = (one: FrameHead) => encodeFrame(one, () => mac)

describe('the parser', () => {
  it('gives back what was encoded, in any split', () => {
    fc.assert(
      fc.property(fc.array(head, { minLength: 1, maxLength: 3 }), fc.infiniteStream(fc.nat(40)), (heads, sizes) => {
        const line = Uint8Array.from(heads.flatMap((one) => [...encode(one)]))
        const parser = createFrameParser()
        const found: Parsed[] = []
        for (let at = 0; at < line.length; ) {
          const size = sizes.next().value ?? 1
          found.push(...parser.push(line.subarray(at, at + size)))
          at += size
        }
        expect(frames(found)).toMatchObject(heads)
        for (const frame of frames(found)) {
          const secured = (frame.security?.type ?? 0) >= 0x15
          expect(frame.mac).toEqual(secured ? mac.slice(0, 4) : undefined)
        }
      }),
    )
  })

  it('finds a frame in every split into two', () => {
    const line = encode({ ...pollOf(3), reply: true, code: 0x50, data: Uint8Array.of(0, 0x53, 0xff, 0x53) })
    for (let at = 0; at <= line.length; at++)
      expect(frames(parseAll(line.subarray(0, at), line.subarray(at)))).toHaveLength(1)
  })

  it('never throws on noise, and holds no more than one frame', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 4000 }), { maxLength: 5 }), (chunks) => {
        const parser = createFrameParser(256)
        for (const chunk of chunks) parser.push(chunk)
        parser.flush()
        expect(parser.pending).toBe(false)
        expect(frames(parser.push(encode(pollOf(1))))).toHaveLength(1)
      }),
    )
  })

  it('finds a frame behind noise without a start byte, at once', () => {
    const noise = fc.uint8Array({ maxLength: 200 }).map((found) => found.filter((one) => one !== 0x53))
    fc.assert(
      fc.property(noise, head, (before, one) => {
        expect(frames(createFrameParser().push(Uint8Array.of(...before, ...encode(one))))).toMatchObject([one])
      }),
    )
  })

  it('finds a frame behind a false start once the line is silent', () => {
    const parser = createFrameParser()
    expect(parser.push(Uint8Array.of(0x53, 0x80, 0xff, 0x03, 0x04, ...encode(pollOf(1))))).toEqual([])
    expect(parser.pending).toBe(true)
    expect(frames(parser.flush())).toMatchObject([{ address: 1, code: 0x60 }])
    expect(parser.pending).toBe(false)
  })

  it('refuses every frame with one wrong bit', () => {
    const good = encode({ ...pollOf(5), reply: true, code: 0x50, data: Uint8Array.of(0, 0, 8, 0, 0xa5) })
    for (let bit = 8; bit < good.length * 8; bit++) {
      const bad = good.slice()
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(frames(parseAll(bad))).toEqual([])
    }
  })

  it('refuses every truncation', () => {
    const good = encode({ ...pollOf(5), reply: true, code: 0x50, data: Uint8Array.of(0, 0, 8, 0, 0xa5) })
    for (let length = 0; length < good.length; length++) expect(frames(parseAll(good.subarray(0, length)))).toEqual([])
  })

  it('tells a broken check with the address that it claims, and passes over impossible lengths', () => {
    const bad = encode({ ...pollOf(9), reply: true })
    bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1
    expect(parseAll(bad)).toEqual([{ ok: false, fault: 'check', address: 0x89 }])
    const tooLong = FRAME_BYTES_MAX + 1
    expect(parseAll(Uint8Array.of(0x53, 0x80, tooLong & 0xff, tooLong >> 8, 0x04))).toEqual([])
    expect(parseAll(Uint8Array.of(0x53, 0x80, 7, 0, 0x04, 0, 0, 0))).toEqual([])
  })

  it('refuses a security block that eats the code, though the check is right', () => {
    const claim = (blockLength: number) => {
      const security = { type: 0x11, data: Uint8Array.of(0) }
      const raw = encodeFrame({ ...pollOf(1), check: 'checksum', security })
      const moved = blockLength - (raw[6] ?? 0)
      raw[6] = blockLength
      raw[raw.length - 1] = ((raw.at(-1) ?? 0) - moved) & 0xff
      return parseAll(raw)
    }
    expect(frames(claim(3))).toMatchObject([{ code: 0x60 }])
    for (const blockLength of [0, 1, 4, 5, 200])
      expect(claim(blockLength)).toEqual([{ ok: false, fault: 'layout', address: 1 }])
  })
})
