import type { FastifyInstance } from 'fastify'
import { openTo } from '../guard.ts'
import { INCIDENT_ROUTES, INCIDENT_SCHEMAS } from '../incidents/table.ts'
import { openApi } from './openapi.ts'

export const apiDocument = () => openApi(INCIDENT_ROUTES, INCIDENT_SCHEMAS)

export function addApiDocument(app: FastifyInstance): void {
  const document = apiDocument()
  const why = { config: openTo('there is nothing of the estate in it') }
  app.get('/api/v1/openapi.json', why, async (_request, reply) =>
    reply.header('access-control-allow-origin', '*').send(document),
  )
}
