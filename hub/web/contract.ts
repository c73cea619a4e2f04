import type { FastifyInstance } from 'fastify'
import { type PublishedFile, publishedFileList } from '../contract/published.ts'
import { openTo } from './guard.ts'

/**
 * The contract over HTTP, for whoever builds on it: `/contract/` for people, `/contract/asyncapi.json` and
 * `/contract/schemas/…` for programs. Public like the health page: there is nothing of the estate in it.
 */
export function addContractRoutes(app: FastifyInstance): void {
  const files = new Map(publishedFileList().map((file) => [file.path, file]))

  const options = { config: openTo('there is nothing of the estate in it') }

  app.get('/contract', options, async (_request, reply) => reply.redirect('/contract/'))
  app.get('/contract/*', options, async (request, reply) => {
    const path = (request.params as { '*': string })['*']
    const file: PublishedFile | undefined = files.get(path === '' ? 'index.html' : path)
    if (!file)
      return reply.code(404).send({ code: 'CONTRACT_FILE_UNKNOWN', message: 'see /contract/ for what there is' })
    // Programs of a platform read it from pages of their own.
    return reply.header('access-control-allow-origin', '*').type(file.type).send(file.read())
  })
}
