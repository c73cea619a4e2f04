import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createParser, type HostMessage } from './parser.ts'

function parse(...pieces: Uint8Array[]): HostMessage[] {
  const messages: HostMessage[] = []
  const parser = createParser((message) => messages.push(message))
  for (const piece of pieces) parser.push(piece)
  return messages
}

const CONVERSATION = Uint8Array.of(
  0xf9,
  0xf4,
  5,
  1,
  0x90,
  0x20,
  1,
  0xf0,
  0x6f,
  6,
  1,
  0xf7,
  0xd1,
  1,
  0xc3,
  0,
  0xe5,
  2,
  1,
  0xf5,
  4,
  1,
  0xff,
)
const MESSAGES: HostMessage[] = [
  { type: 'version-query' },
  { type: 'pin-mode', pin: 5, mode: 1 },
  { type: 'digital-port', port: 0, value: 0xa0 },
  { type: 'sysex', command: 0x6f, data: [6, 1] },
  { type: 'report-digital', port: 1, on: true },
  { type: 'report-analog', channel: 3, on: false },
  { type: 'analog-write', pin: 5, value: 130 },
  { type: 'digital-pin', pin: 4, on: true },
  { type: 'reset' },
]

describe('the Firmata parser', () => {
  it('cuts a conversation into messages at every split', () => {
    for (let cut = 0; cut <= CONVERSATION.length; cut++) {
      expect(parse(CONVERSATION.subarray(0, cut), CONVERSATION.subarray(cut))).toEqual(MESSAGES)
    }
  })

  it('lets a command break off an unfinished one', () => {
    expect(parse(Uint8Array.of(0xf4, 5, 0xf9, 1))).toEqual([{ type: 'version-query' }])
  })

  it('loses a sysex that is longer than the firmware has room for, and nothing after it', () => {
    const overlong = Uint8Array.from([0xf0, 0x71, ...new Array(64).fill(1), 0xf7, 0xf9])
    expect(parse(overlong)).toEqual([{ type: 'version-query' }])
    const fitting = Uint8Array.from([0xf0, 0x71, ...new Array(63).fill(1), 0xf7])
    expect(parse(fitting)).toEqual([{ type: 'sysex', command: 0x71, data: new Array(63).fill(1) }])
  })

  it('finds its way back after any bytes, at the latest after a reset', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(parse(bytes, Uint8Array.of(0xff, 0xf9)).slice(-2)).toEqual([
          { type: 'reset' },
          { type: 'version-query' },
        ])
      }),
    )
  })
})
