import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import type { AuditEntry } from '../../hub/audit/chain.ts'
import { createLoginQueue } from '../../hub/auth/login-queue.ts'
import { hashSecret, verifySecret } from '../../hub/auth/secret.ts'
import { incidentConfig } from '../../hub/incidents/config.ts'
import { createPeopleDesk } from '../../hub/people/desk.ts'
import { peopleFile, sessionsFile, throttleFile } from '../../hub/people/files.ts'
import { newEpoch, openPeople } from '../../hub/people/people.ts'
import { ROLES } from '../../hub/people/roles.ts'
import { openSessions } from '../../hub/people/sessions.ts'
import { openThrottle } from '../../hub/people/throttle.ts'
import type { Access } from '../../hub/web/guard.ts'
import { addRoutes, type Routes } from '../../hub/web/server.ts'

/** The routes of a hub with their guard and real people on disk, without a hub behind them: one person of each role. */

export const SECRET = 'four unrelated words here'

export interface GuardedRoute {
  method: string
  url: string
  access: Access
}

export async function guardedPeople() {
  const dir = mkdtempSync(join(tmpdir(), 'linli-web-'))
  const lines: AuditEntry[] = []
  const write = (entry: AuditEntry) => void lines.push(entry)
  const people = await openPeople(peopleFile(dir, () => undefined))
  const sessions = await openSessions({ people, file: sessionsFile(dir), now_ms: Date.now, onError: () => undefined })
  const audit = { record: async (entry: AuditEntry) => write(entry), note: write }
  const verify = createLoginQueue(verifySecret)
  const clocks = { now_ms: Date.now, monotonic_ms: () => performance.now() }
  const throttle = await openThrottle({ file: throttleFile(dir), ...clocks, onError: () => undefined })
  const desk = createPeopleDesk({ people, sessions, verify, audit, throttle })
  const secret = await hashSecret(SECRET)
  for (const role of ROLES) await people.put(role, { role, language: 'zh', secret, epoch: newEpoch() })
  return {
    dir,
    people,
    desk,
    lines,
    async close() {
      await sessions.close()
      await throttle.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const NO_AUDIT = { record: async () => undefined }

/** Of a hub that has nothing to show. */
export function routesFor(
  people: Routes['people'],
  upgrades: Routes['upgrades'] = {},
  flows: Routes['flows'] = () => undefined,
): Routes {
  const backend = { series: async () => [] }
  const history = { history: { backend, flush: async () => undefined }, placeOf: () => undefined, now_ms: Date.now }
  const metrics = { render: async () => ({ contentType: 'text/plain', body: 'metrics' }) }
  const archive = { page: async () => [], count: async () => 0, months: async () => [], get: async () => undefined }
  const stream = {
    last: () => 'run-0',
    onChange() {
      throw new Error('nothing to listen to')
    },
  }
  const incidents = {
    ...{ archive, live: () => [], get: archive.get, config: () => incidentConfig() },
    now: () => ({ run_ms: 0, wall_ms: 0, quality: 'synced' }),
  }
  const site = { street: 's', community: 'c', estate: 'e' }
  const send = async ({ id = 'x', name = '' }) => ({ id, name, status: 'succeeded', at: '2026-01-01T00:00:00Z' })
  const ofIncidents = { incidents, stream, send, site, newId: () => 'command-1' }
  const health = () => ({ problems: [], details: { inner: 'detail' } })
  const pictures = { incidents: { get: async () => undefined }, store: { get: async () => undefined }, audit: NO_AUDIT }
  return {
    health,
    metrics,
    history,
    people,
    desk: {},
    pictures,
    upgrades,
    flows,
    incidents: ofIncidents,
  } as unknown as Routes
}

/** @param add more routes, once the guard stands */
export function guardedApp(
  people: Routes['people'],
  isSecure: boolean,
  flows: Routes['flows'] = () => undefined,
  add: (app: FastifyInstance) => void = () => undefined,
  desk: Partial<Routes['desk']> = {},
): { app: FastifyInstance; routes: GuardedRoute[] } {
  const routes: GuardedRoute[] = []
  const app = Fastify({ bodyLimit: 64 * 1024 })
  app.addHook('onRoute', ({ method, url, config }) => {
    const methods = [method].flat().filter((one) => one !== 'HEAD')
    if (methods.length > 0 && config?.access) routes.push({ method: methods.join(), url, access: config.access })
  })
  addRoutes(app, { ...routesFor(people, {}, flows), desk } as Routes, { isSecure })
  add(app)
  return { app, routes }
}
