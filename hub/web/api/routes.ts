import type { FastifyInstance } from 'fastify'
import { DESK_ROUTES, DESK_SCHEMAS } from '../desk-table.ts'
import { openTo } from '../guard.ts'
import { INCIDENT_ROUTES, INCIDENT_SCHEMAS } from '../incidents/table.ts'
import { openApi } from './openapi.ts'

export const apiDocument = () => openApi([...INCIDENT_ROUTES, ...DESK_ROUTES], { ...INCIDENT_SCHEMAS, ...DESK_SCHEMAS })

export function addApiDocument(app: FastifyInstance): void {
  // Made when somebody asks: most hubs never do.
  let document: ReturnType<typeof apiDocument> | undefined
  const why = { config: openTo('there is nothing of the estate in it') }
  app.get('/api/v1/openapi.json', why, async (_request, reply) => {
    document ??= apiDocument()
    return reply.header('access-control-allow-origin', '*').send(document)
  })
}
