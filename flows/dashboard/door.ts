import { createReadStream } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants, createBrotliCompress, createGzip } from 'node:zlib'
import { PERSON_HEADER, personIn, type Role } from '../front.ts'

/**
 * FlowFuse Dashboard between the hub and whoever looks. It knows neither logins nor roles, loads what a page of the staff's names,
 * and compresses nothing: this file adds what it lacks.
 */

export const DASHBOARD_ROOT = '/dashboard'

/** Nothing from elsewhere. Templates of the Dashboard are compiled in the browser, hence `unsafe-eval`. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "frame-ancestors 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

/** Their names carry a digest of what is in them. */
const ASSET = /^\/dashboard\/assets\/([\w.-]+\.(?:js|css))(?:\?|$)/
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** What widgets have stored, for whoever knows their ids. */
const HIDDEN = /^\/dashboard\/_debug\b/

const assets = new URL('./assets/', import.meta.resolve('@flowfuse/node-red-dashboard/dist/index.html'))

/** @param inner the application that the Dashboard has added itself to */
export function serveDashboard(request: IncomingMessage, response: ServerResponse, inner: RequestListener): void {
  const { url = '' } = request
  response.setHeader('Content-Security-Policy', POLICY)
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Referrer-Policy', 'same-origin')
  const asset = ASSET.exec(url)?.[1]
  if (HIDDEN.test(url)) response.writeHead(404).end()
  else if (asset) sendAsset(request, response, asset)
  else inner(request, response)
}

function sendAsset(request: IncomingMessage, response: ServerResponse, name: string): void {
  const file = createReadStream(fileURLToPath(new URL(name, assets)))
  const packed = packing(request)
  file.once('error', () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(404).end()
  })
  file.once('open', () => {
    response.writeHead(200, {
      'content-type': TYPES[extname(name)],
      'cache-control': IMMUTABLE,
      vary: 'accept-encoding',
      ...(packed ? { 'content-encoding': packed.name } : {}),
    })
    if (packed) file.pipe(packed.stream).pipe(response)
    else file.pipe(response)
  })
  response.once('close', () => {
    file.destroy()
    packed?.stream.destroy()
  })
}

/** A window of 1 MB and a middling effort: 2 % more to send than the best, at a sixth of the work; browsers keep it for a year. */
const BROTLI = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 20 }

function packing({ headers }: IncomingMessage) {
  const accepted = String(headers['accept-encoding'] ?? '')
  if (/\bbr\b/.test(accepted)) return { name: 'br', stream: createBrotliCompress({ params: BROTLI }) }
  return /\bgzip\b/.test(accepted) ? { name: 'gzip', stream: createGzip() } : undefined
}

/** The part of a socket of the Dashboard that is used here. */
export interface DashboardSocket {
  request: { headers: IncomingMessage['headers'] }
  data: { person?: { name: string; role: Role } }
  use(check: (packet: [name: string, ...args: unknown[]], next: () => void) => void): void
}

/** What a page asks for when it is opened; everything else acts on a node. */
const READS = ['widget-load']

/** Who is at a page; what a viewer does there reaches no node. */
export function admitTo(secret: string) {
  return (socket: DashboardSocket, next: (error?: Error) => void): void => {
    const person = personIn(socket.request.headers[PERSON_HEADER], secret)
    if (!person) {
      next(new Error('nobody whom the hub sent'))
      return
    }
    socket.data.person = { name: person.username, role: person.role }
    socket.use(([name], pass) => {
      if (person.role !== 'viewer' || READS.includes(name)) pass()
    })
    next()
  }
}
