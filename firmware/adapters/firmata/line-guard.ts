import type { Firmata } from 'firmata-io'
import { reasonOf } from '../../../hub/contract/errors.ts'
import type { StableTransport } from './transport.ts'

/**
 * Bytes from the line to the parser of firmata-io, which trusts a line more than a line deserves: it takes a command
 * byte for data after a lost byte, throws on answers about pins that are not there, and collects a message without end.
 */

const START_SYSEX = 0xf0
/** Longest message taken: the capability answer of a 70-pin board is below 1 KiB. */
const MESSAGE_BYTES_MAX = 4096

export function feedBytes(
  io: Firmata,
  transport: StableTransport,
  bytes: Uint8Array,
  onNoise: (reason: string) => void,
): void {
  for (const byte of bytes) {
    const first = io.buffer[0]
    if (first !== undefined && first !== START_SYSEX && byte >= 0x80) {
      io.buffer.length = 0
      onNoise('a message ended early')
    }
    if (io.buffer.length >= MESSAGE_BYTES_MAX) {
      io.buffer.length = 0
      onNoise('a message without end')
    }
    try {
      transport.emit('data', [byte])
    } catch (error) {
      io.buffer.length = 0
      onNoise(reasonOf(error))
    }
  }
}
