import { createServer } from 'node:net'
import { LinliError } from '../contract/errors.ts'

/**
 * The port a child process shall listen on: proves that it is free now, so that a taken one is told at start and not
 * by a child that fails again and again. 0 finds a free one.
 */
export function freePort(option: string, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const told =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is already in use`
          : `cannot listen on ${host}:${port}: ${error.message}`
      reject(new LinliError('PORT_IN_USE', `${told}; choose another with ${option}`, { kind: 'caller' }))
    })
    probe.listen(port, host, () => {
      const address = probe.address()
      const found = typeof address === 'object' && address !== null ? address.port : port
      probe.close(() => resolve(found))
    })
  })
}
