import type { ByteConnection, BytePort, BytePortFactory } from '../../firmware/ports/byte-port.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import type { World } from '../../hardware-sim/world.ts'
import { LinliError } from '../../hub/contract/errors.ts'

/** The simulator's lines in memory as the gateway's serial ports: the only thing that knows both. */
export function memoryPorts(
  world: World<MemoryEndpoint>,
  boardOf: (path: string) => string,
  touch: () => void,
): BytePortFactory {
  return ({ path, baud }): BytePort => ({
    path,
    async open(): Promise<ByteConnection> {
      const { host } = world.endpoint(boardOf(path))
      if (!host.plugged) throw new LinliError('SERIAL_NOT_FOUND', `${path} is not there`, { kind: 'fault' })
      const line = host.open({ baud })
      let ended: string | undefined
      const listeners: Array<(reason: string) => void> = []
      line.on('close', ({ disconnected }) => {
        ended = disconnected ? 'unplugged' : 'closed'
        touch()
        for (const listener of listeners) listener(ended)
      })
      return {
        get isOpen() {
          return ended === undefined
        },
        write(bytes) {
          touch()
          return ended === undefined && line.write(bytes)
        },
        async close() {
          if (ended === undefined) line.close()
        },
        onData(listener) {
          line.on('data', (bytes) => {
            touch()
            listener(bytes)
          })
        },
        onClose(listener) {
          if (ended === undefined) listeners.push(listener)
          else listener(ended)
        },
      }
    },
  })
}
