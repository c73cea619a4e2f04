import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import Fastify from 'fastify'
import { LinliError } from '../contract/errors.ts'
import { addContractRoutes } from './contract.ts'
import { addHistoryRoutes, type HistoryRoutes } from './history.ts'
import type { Metrics } from './metrics.ts'

/** What `/healthz` tells; `problems` empty means healthy. */
export interface Health {
  problems: string[]
  details: Record<string, unknown>
}

export interface WebServer {
  /** Rejects with HTTP_PORT_IN_USE or HTTP_PORT_FORBIDDEN. */
  listen(options: { host: string; port: number }): Promise<{ port: number }>
  close(): Promise<void>
}

/** Takes a connection over from HTTP. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export function createWebServer(deps: {
  health: () => Health
  metrics: Metrics
  history: HistoryRoutes
  /** By path. */
  upgrades: Readonly<Record<string, Upgrade>>
}): WebServer {
  const app = Fastify({ logger: false, bodyLimit: 64 * 1024 })

  app.get('/healthz', async (_request, reply) => {
    const { problems, details } = deps.health()
    return reply
      .code(problems.length === 0 ? 200 : 503)
      .send({ status: problems.length === 0 ? 'ok' : 'failing', problems, ...details })
  })
  addHistoryRoutes(app, deps.history)
  addContractRoutes(app)
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await deps.metrics.render()
    return reply.type(contentType).send(body)
  })

  app.server.on('upgrade', (request, socket, head) => {
    const path = (request.url ?? '').split('?')[0] as string
    const upgrade = Object.hasOwn(deps.upgrades, path) ? deps.upgrades[path] : undefined
    if (upgrade) upgrade(request, socket, head)
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })

  return {
    async listen({ host, port }) {
      try {
        await app.listen({ host, port })
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        if (code === 'EADDRINUSE') {
          throw new LinliError(
            'HTTP_PORT_IN_USE',
            `HTTP port ${port} on ${host} is already in use; choose another with --http-port`,
            { kind: 'caller' },
          )
        }
        throw new LinliError('HTTP_PORT_FORBIDDEN', `cannot listen on ${host}:${port}: ${message}`, { kind: 'caller' })
      }
      const address = app.server.address()
      return { port: typeof address === 'object' && address !== null ? address.port : port }
    },
    async close() {
      await app.close()
    },
  }
}
