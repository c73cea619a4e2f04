import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { openTo } from '../guard.ts'
import type { PageFile, PagesTask } from './compile.ts'

/**
 * The pages of the duty desk, out of `flows/pages`: served by the hub itself, so that they are there while flows are not. They
 * are public like the login page: nothing of the estate is in them.
 */

export const PAGES_BASE = '/desk/'
const FOLDER = fileURLToPath(new URL('../../../flows/pages/', import.meta.url))

interface Served {
  type: string
  etag: string
  plain: Uint8Array
  br: Uint8Array
  gzip: Uint8Array
}

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

export function addPageRoutes(app: FastifyInstance, folder = FOLDER): void {
  let files: Promise<Map<string, Served>> | undefined

  const options = { config: openTo('nothing of the estate is in the pages themselves') }

  app.get(PAGES_BASE.slice(0, -1), options, async (_request, reply) => reply.redirect(PAGES_BASE))
  app.get(`${PAGES_BASE}*`, options, async (request, reply) => {
    // Compiled at the first visit: most starts of a hub have none.
    files ??= servedFiles(folder)
    const all = await files.catch((error: unknown) => {
      files = undefined
      throw new LinliError('PAGES_BROKEN', `the pages cannot be shown: ${reasonOf(error)}`, {
        kind: 'bug',
        cause: error,
      })
    })
    const path = (request.params as { '*': string })['*']
    const file = all.get(path === '' ? 'index.html' : path)
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

async function servedFiles(folder: string): Promise<Map<string, Served>> {
  const files = await compiled({ folder, base: PAGES_BASE })
  return new Map(
    await Promise.all(files.map(async (file): Promise<[string, Served]> => [file.path, await served(file)])),
  )
}

const BROTLI_QUALITY = 9

async function served({ type, body }: PageFile): Promise<Served> {
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
    promisify(gzip)(body),
  ])
  return {
    type,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 20)}"`,
    plain: body,
    br,
    gzip: gz,
  }
}

function compiled(task: PagesTask): Promise<PageFile[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./compile.ts', import.meta.url), {
      workerData: task,
      // Node says of `stripTypeScriptTypes` that it may still change; the version of Node is pinned.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the compiler ended with ${code}`)))
  })
}
