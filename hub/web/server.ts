import Fastify, { type FastifyInstance } from 'fastify'
import type { PeopleDesk } from '../people/desk.ts'
import { addApiDocument } from './api/routes.ts'
import { addContractRoutes } from './contract.ts'
import { addDeskRoutes } from './desk.ts'
import type { DutyRoutes } from './duty.ts'
import { addFlowsProxy, createFlowsUpgrades, type FlowsDoorNow } from './flows-proxy.ts'
import { createGuard, type Guard, guardRoutes, openTo, requires } from './guard.ts'
import { addHistoryRoutes, type HistoryRoutes } from './history.ts'
import { CHECKED_BY_ROUTES, listenHttp, routeUpgrades, type Upgrade } from './http-server.ts'
import { addIncidentRoutes, type IncidentRoutes } from './incidents/routes.ts'
import { addLoginPage } from './login-page.ts'
import type { Metrics } from './metrics.ts'
import { addPictureRoutes, type PictureRoutes } from './pictures.ts'
import { addSessionRoutes } from './session-routes.ts'

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

/** What the hub serves, on loopback and over HTTPS alike. */
export interface Routes {
  health: () => Health
  metrics: Metrics
  history: HistoryRoutes
  people: PeopleDesk
  incidents: IncidentRoutes
  desk: DutyRoutes
  /** To the pages of the flows process; undefined while none runs. */
  flows: FlowsDoorNow
  pictures: PictureRoutes
  /** By path. */
  upgrades: Readonly<Record<string, Upgrade>>
}

export const BODY_BYTES_MAX = 64 * 1024

/** On loopback, without TLS. */
export function createWebServer(routes: Routes): WebServer {
  const app = Fastify({ logger: false, bodyLimit: BODY_BYTES_MAX, ...CHECKED_BY_ROUTES })
  addRoutes(app, routes, { isSecure: false })
  return {
    listen: (where) => listenHttp(app, { ...where, option: '--http-port' }),
    async close() {
      await app.close()
    },
  }
}

export function addRoutes(app: FastifyInstance, routes: Routes, { isSecure }: { isSecure: boolean }): void {
  const guard = createGuard(routes.people, isSecure)
  guardRoutes(app, guard, { isSecure })
  addHealth(app, routes, guard, isSecure)
  addLoginPage(app)
  addSessionRoutes(app, routes.people, guard)
  addHistoryRoutes(app, routes.history)
  addIncidentRoutes(app, routes.incidents)
  addApiDocument(app)
  addPictureRoutes(app, routes.pictures)
  addContractRoutes(app)
  addDeskRoutes(app, routes.desk, { guard, whenEnded: routes.people.whenEnded })
  app.get('/metrics', { config: requires('viewer', { orOnThisBox: true }) }, async (_request, reply) => {
    const { contentType, body } = await routes.metrics.render()
    return reply.type(contentType).send(body)
  })
  addFlowsProxy(app, routes.people, guard, routes.flows)
  const { upgrades, people, flows } = routes
  const ofFlows = createFlowsUpgrades(people, guard, flows)
  // Before the server waits for its connections.
  app.addHook('preClose', async () => ofFlows.close())
  routeUpgrades(app.server, (path) => (Object.hasOwn(upgrades, path) ? upgrades[path] : ofFlows.at(path)))
}

/** To other machines without a login whether the hub is well, and nothing of the estate. */
function addHealth(app: FastifyInstance, { health }: Routes, guard: Guard, isSecure: boolean): void {
  app.get('/healthz', { config: openTo('a watchdog has no login') }, async (request, reply) => {
    const { problems, details } = health()
    const status = problems.length === 0 ? 'ok' : 'failing'
    const mayKnow = !isSecure || guard.personOf(request.headers) !== undefined
    return reply.code(problems.length === 0 ? 200 : 503).send({ status, ...(mayKnow ? { problems, ...details } : {}) })
  })
}
