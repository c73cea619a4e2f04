import Fastify from 'fastify'
import { addContractRoutes } from './contract.ts'
import type { Desk } from './desk.ts'
import { whoAsks } from './guard.ts'
import { addHistoryRoutes, type HistoryRoutes } from './history.ts'
import { listenHttp, routeUpgrades, type Upgrade } from './http-server.ts'
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

export function createWebServer(deps: {
  health: () => Health
  metrics: Metrics
  history: HistoryRoutes
  desk: Desk
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
  deps.desk.addRoutes(app)
  app.get('/api/v1/me', async (request) => whoAsks(request))
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await deps.metrics.render()
    return reply.type(contentType).send(body)
  })

  routeUpgrades(app.server, deps.upgrades)

  return {
    listen: (where) => listenHttp(app, { ...where, option: '--http-port' }),
    async close() {
      await app.close()
    },
  }
}
