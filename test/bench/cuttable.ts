import { createServer, type Socket } from 'node:net'

/** A server on loopback that can vanish and come back on its port. */
export interface Cuttable {
  port: number
  /** Every connection breaks and new ones are refused, as when its process died. */
  cut(): Promise<void>
  mend(): Promise<void>
}

export async function cuttableServer(connected: (socket: Socket) => void): Promise<Cuttable> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    connected(socket)
  })
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  const port = await listen(0)
  return {
    port,
    cut: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.resetAndDestroy()
      }),
    async mend() {
      await listen(port)
    },
  }
}
