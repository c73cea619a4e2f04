import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Audit } from '../audit/audit.ts'
import type { PictureStore } from '../cameras/store.ts'
import { LinliError } from '../contract/errors.ts'
import type { Incidents } from '../incidents/room.ts'
import { requires, whoAsks } from './guard.ts'

/** Pictures of incidents over HTTP: for who works on incidents, and each look at one has its line in the audit log. */
export interface PictureRoutes {
  incidents: Pick<Incidents, 'get'>
  store: Pick<PictureStore, 'get'>
  audit: Pick<Audit, 'record'>
}

interface Params {
  id: string
  sha256: string
}

export function addPictureRoutes(app: FastifyInstance, { incidents, store, audit }: PictureRoutes): void {
  const options = { config: requires('operator') }

  app.get<{ Params: Params }>('/api/v1/incidents/:id/pictures/:sha256', options, async (request, reply) => {
    const { id, sha256 } = request.params
    const entry = {
      kind: 'picture',
      action: 'picture-look',
      actor: `person:${whoAsks(request).name}`,
      source: `http:${request.ip}`,
      target: id,
      detail: { sha256: sha256.slice(0, 64) },
    } as const
    // Only what the incident itself names: a hash alone opens nothing.
    const found = (await incidents.get(id))?.story.some((told) => told.what === 'picture' && told.sha256 === sha256)
    if (!found) {
      await audit.record({ ...entry, outcome: 'refused', code: 'PICTURE_UNKNOWN' })
      return answer(reply, 404, 'PICTURE_UNKNOWN', '该事件没有此图片 / this incident has no such picture')
    }
    try {
      const picture = await store.get(sha256)
      if (!picture) {
        await audit.record({ ...entry, outcome: 'failed', code: 'PICTURE_GONE' })
        return answer(reply, 410, 'PICTURE_GONE', '图片已超过保存期限 / the picture is kept no more')
      }
      await audit.record({ ...entry, outcome: 'succeeded' })
      return reply.type('image/jpeg').header('content-disposition', 'inline').send(picture)
    } catch (error) {
      if (!(error instanceof LinliError) || error.code !== 'PICTURE_DAMAGED') throw error
      await audit.record({ ...entry, outcome: 'failed', code: error.code })
      return answer(reply, 500, error.code, '图片文件已损坏 / the file of the picture is damaged')
    }
  })
}

function answer(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ code, message })
}
