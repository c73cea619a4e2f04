import { EventEmitter } from 'node:events'
import type { FirmataTransport } from 'firmata-io'
import type { ByteConnection } from '../../ports/byte-port.ts'

/**
 * What Firmata believes to be its serial port. It outlives every opening of the real line: johnny-five keeps each board
 * for ever, so there is one Firmata and one Board per configured board, and the line changes beneath them.
 */
export interface StableTransport extends FirmataTransport {
  attach(connection: ByteConnection): void
  detach(): void
}

export function createStableTransport(): StableTransport {
  let connection: ByteConnection | undefined
  const emitter = new EventEmitter()
  return Object.assign(emitter, {
    attach(next: ByteConnection) {
      connection = next
    },
    detach() {
      connection = undefined
    },
    write(bytes: Uint8Array, done?: () => void) {
      // Without a line the bytes are dropped at once: nothing may wait for the line to come back.
      connection?.write(bytes)
      done?.()
    },
  })
}
