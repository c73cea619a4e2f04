import { withCheck } from '../buses/modbus/crc.ts'
import type { MemoryEndpoint } from '../serial/duplex.ts'
import type { VirtualClock } from './virtual-world.ts'

/** Says what a test tells it to on a Modbus line, and keeps what comes back. */
export interface ModbusMaster {
  /** Sends unit, function and data with their check, and lets time pass. @returns what came, in hex without spaces */
  ask(hex: string, wait_ms?: number): string
  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void
  /** What came since the last call, in hex. */
  take(): string
  /** When the last byte came. */
  readonly last_ms: number
}

export function createModbusMaster(endpoint: MemoryEndpoint, clock: VirtualClock, baud = 9600): ModbusMaster {
  const connection = endpoint.host.open({ baud })
  let heard: number[] = []
  let last_ms = 0
  connection.on('data', (bytes) => {
    heard.push(...bytes)
    last_ms = performance.now()
  })
  const master: ModbusMaster = {
    ask(hex, wait_ms = 200) {
      master.take()
      connection.write(frame(hex))
      clock.tick(wait_ms)
      return master.take()
    },
    write: (bytes) => {
      connection.write(bytes)
    },
    take() {
      const taken = Buffer.from(heard).toString('hex')
      heard = []
      return taken
    },
    get last_ms() {
      return last_ms
    },
  }
  return master
}

export function frame(hex: string): Uint8Array {
  return withCheck([...Buffer.from(hex.replaceAll(' ', ''), 'hex')])
}

export const framed = (hex: string) => Buffer.from(frame(hex)).toString('hex')
