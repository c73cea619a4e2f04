import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { openTo } from './guard.ts'

/** `/login`: three files, each a route of its own, so that no path is made of what somebody sent. */

const FILES = [
  { url: '/login', file: 'login.html', type: 'text/html; charset=utf-8' },
  { url: '/login/login.js', file: 'login.js', type: 'text/javascript; charset=utf-8' },
  { url: '/login/login.css', file: 'login.css', type: 'text/css; charset=utf-8' },
] as const

/** Nothing from elsewhere, nothing inline, in nobody's frame, forms to nobody else. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

export function addLoginPage(app: FastifyInstance): void {
  const config = openTo('whoever logs in is not logged in yet')
  for (const { url, file, type } of FILES) {
    const text = readFileSync(new URL(`./login/${file}`, import.meta.url), 'utf8')
    app.get(url, { config }, async (_request, reply) =>
      reply.type(type).header('content-security-policy', POLICY).header('x-frame-options', 'DENY').send(text),
    )
  }
  app.get('/', { config }, async (_request, reply) => reply.redirect('/desk/'))
}
