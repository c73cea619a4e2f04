import type { ByteConnection, BytePort } from '../../firmware/ports/byte-port.ts'

/** A serial line with a tap on it: what was really sent and heard, and when. */

/** What was written at once, and all that was read before the next write. Times are those of performance.now(). */
export interface Exchange {
  sent_ms: number
  written_bytes: number
  /** Of the last byte; NaN when none came. */
  heard_ms: number
  read_bytes: number
}

export interface TappedPort extends BytePort {
  /** The exchanges since the last call, without the one under way. */
  take(): Exchange[]
}

export function tapped(port: BytePort): TappedPort {
  let exchanges: Exchange[] = []
  let current: Exchange | undefined

  return {
    path: port.path,
    async open(): Promise<ByteConnection> {
      const connection = await port.open()
      connection.onData((bytes) => {
        if (!current) return
        current.heard_ms = performance.now()
        current.read_bytes += bytes.length
      })
      return {
        get isOpen() {
          return connection.isOpen
        },
        write(bytes) {
          if (current) exchanges.push(current)
          current = { sent_ms: performance.now(), written_bytes: bytes.length, heard_ms: Number.NaN, read_bytes: 0 }
          return connection.write(bytes)
        },
        close: () => connection.close(),
        onData: (listener) => connection.onData(listener),
        onClose: (listener) => connection.onClose(listener),
      }
    },
    take() {
      const taken = exchanges
      exchanges = []
      current = undefined
      return taken
    },
  }
}
