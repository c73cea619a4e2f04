import { describe, expect, it } from 'vitest'
import {
  decodeChipInfo,
  decodeEvents,
  decodeLineInfo,
  decodeValues,
  EVENT_BYTES,
  emptyChipInfo,
  encodeLineInfo,
  encodeRequest,
  encodeValues,
  GPIO_GET_CHIPINFO,
  GPIO_V2_GET_LINE,
  GPIO_V2_GET_LINEINFO,
  GPIO_V2_LINE_GET_VALUES,
  GPIO_V2_LINE_SET_VALUES,
  requestedFd,
} from './uapi.ts'

// Every number here was printed by a C program over <linux/gpio.h> (sizeof, offsetof, and the request macros).

describe('the bytes of the GPIO character device', () => {
  it('has the requests and sizes of the header', () => {
    expect(GPIO_GET_CHIPINFO).toBe(0x8044b401)
    expect(GPIO_V2_GET_LINEINFO).toBe(0xc100b405)
    expect(GPIO_V2_GET_LINE).toBe(0xc250b407)
    expect(GPIO_V2_LINE_GET_VALUES).toBe(0xc010b40e)
    expect(GPIO_V2_LINE_SET_VALUES).toBe(0xc010b40f)
    // The size of a struct stands in bits 16…29 of its request.
    const size = (request: number) => (request >>> 16) & 0x3fff
    expect(size(GPIO_GET_CHIPINFO)).toBe(emptyChipInfo().length)
    expect(size(GPIO_V2_GET_LINEINFO)).toBe(encodeLineInfo(0).length)
    expect(size(GPIO_V2_LINE_GET_VALUES)).toBe(encodeValues(0n, 0n).length)
    expect(EVENT_BYTES).toBe(48)
  })

  it('lays a request out as the header does', () => {
    const request = encodeRequest({
      lines: [17, 4],
      consumer: 'a name that is longer than the field for it',
      flags: 0x134n,
      attributes: [
        { kind: 'flags', flags: 0x234n, mask: 2n },
        { kind: 'debounce', period_us: 30_000, mask: 3n },
        { kind: 'output-values', values: 1n, mask: 1n },
      ],
      eventBuffer: 1024,
    })
    expect(request).toHaveLength(592)
    const words = new Map<number, number>()
    for (let at = 0; at < 592; at += 4)
      if ((at < 256 || at >= 288) && request.readUInt32LE(at) !== 0) words.set(at, request.readUInt32LE(at))
    expect([...words]).toEqual([
      [0, 17],
      [4, 4],
      [288, 0x134],
      [296, 3],
      [320, 1],
      [328, 0x234],
      [336, 2],
      [344, 3],
      [352, 30_000],
      [360, 3],
      [368, 2],
      [376, 1],
      [384, 1],
      [560, 2],
      [564, 1024],
    ])
    expect(request.toString('latin1', 256, 288)).toBe('a name that is longer than the \0')
    request.writeInt32LE(-7, 588)
    expect(requestedFd(request)).toBe(-7)
  })

  it('reads values, edges, chips and lines', () => {
    const values = encodeValues(1n << 63n, 3n)
    expect([values.readBigUInt64LE(0), values.readBigUInt64LE(8), decodeValues(values)]).toEqual([
      1n << 63n,
      3n,
      1n << 63n,
    ])
    const event = Buffer.alloc(48)
    event.writeBigUInt64LE(12_345_678_901_234n, 0)
    event.writeUInt32LE(1, 8)
    event.writeUInt32LE(17, 12)
    event.writeUInt32LE(7, 16)
    event.writeUInt32LE(0xffffffff, 20)
    const falling = Buffer.from(event).fill(2, 8, 9)
    const seen = { timestamp_ns: 12_345_678_901_234n, line: 17, lineSequence: 0xffffffff }
    // What is cut off at the end is no event.
    expect(decodeEvents(Buffer.concat([event, falling, event.subarray(0, 47)]))).toEqual([
      { ...seen, rising: true },
      { ...seen, rising: false },
    ])
    const chip = emptyChipInfo()
    chip.write('pinctrl-bcm2711', 32)
    chip.writeUInt32LE(58, 64)
    expect(decodeChipInfo(chip)).toEqual({ label: 'pinctrl-bcm2711', lines: 58 })
    const line = encodeLineInfo(8)
    expect(line.readUInt32LE(64)).toBe(8)
    line.write('x'.repeat(32), 32)
    line.writeBigUInt64LE(5n, 72)
    expect(decodeLineInfo(line)).toEqual({ consumer: 'x'.repeat(32), used: true })
  })
})
