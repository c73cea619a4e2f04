import { connect, createServer, type Socket } from 'node:net'

/** A wire between a path and the upstream that can be cut and mended, while the upstream and its subscriber stay. */

export interface Relay {
  port: number
  /** Every connection through it breaks and new ones are refused, as when the upstream's process died. */
  cut(): Promise<void>
  mend(): Promise<void>
}

export async function createRelay(targetPort: number): Promise<Relay & { close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
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
  const cut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.resetAndDestroy()
    })
  const port = await listen(0)
  return {
    port,
    cut,
    async mend() {
      await listen(port)
    },
    close: cut,
  }
}
