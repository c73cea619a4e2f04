import type { FastifyInstance } from 'fastify'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { openTo } from '../guard.ts'
import { PAGES_BASE, type Served, servedPages } from './served.ts'

/**
 * The pages of the duty desk, out of `flows/pages`: served by the hub itself, so that they are there while flows are not. They
 * are public like the login page: nothing of the estate is in them.
 */

/** Nothing from elsewhere, no script that stands in a page, no frame around it. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

/** The same files again, beside another Vue: see `borrowedVue` of compile.ts. */
const BORROWED = /^in-dashboard\//

/** @param load the pages; asked again at the next visit when it failed */
export function addPageRoutes(app: FastifyInstance, load: () => Promise<Map<string, Served>> = servedPages): void {
  let files: Promise<Map<string, Served>> | undefined

  const options = { config: openTo('nothing of the estate is in the pages themselves') }

  app.get(PAGES_BASE.slice(0, -1), options, async (_request, reply) => reply.redirect(PAGES_BASE))
  app.get(`${PAGES_BASE}*`, options, async (request, reply) => {
    // At the first visit: most starts of a hub have none.
    files ??= load()
    const all = await files.catch((error: unknown) => {
      files = undefined
      throw new LinliError('PAGES_BROKEN', `the pages cannot be shown: ${reasonOf(error)}`, {
        kind: 'bug',
        cause: error,
      })
    })
    const path = (request.params as { '*': string })['*']
    const file = all.get(path === '' ? 'index.html' : path) ?? all.get(path.replace(BORROWED, ''))
    if (!file) return reply.code(404).send({ code: 'PAGE_UNKNOWN', message: `see ${PAGES_BASE}` })
    reply
      .type(file.type)
      .header('etag', file.etag)
      .header('cache-control', 'no-cache')
      .header('vary', 'accept-encoding')
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'same-origin')
      .header('content-security-policy', POLICY)
    if (request.headers['if-none-match'] === file.etag) return reply.code(304).send()
    const accepted = String(request.headers['accept-encoding'] ?? '')
    if (/\bbr\b/.test(accepted)) return reply.header('content-encoding', 'br').send(Buffer.from(file.br))
    if (/\bgzip\b/.test(accepted)) return reply.header('content-encoding', 'gzip').send(Buffer.from(file.gzip))
    return reply.send(Buffer.from(file.plain))
  })
}
