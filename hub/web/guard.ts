import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { parseCookie, stringifySetCookie } from 'cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LinliError } from '../contract/errors.ts'
import type { PeopleDesk, Person } from '../people/desk.ts'
import { mayAs, type Role } from '../people/roles.ts'

/**
 * Who may use which route. Each route says so itself, `{ config: requires('operator') }`; one that does not say it keeps the
 * hub from starting.
 */
export type Access =
  /** Anybody, and why. */
  | { open: string }
  | {
      role: Role
      /** Programs on this box need no login: a scraper, a script. Over HTTPS the role counts. */
      orOnThisBox?: true
      /** Even with a secret that has to be changed first. */
      evenWithMadeSecret?: true
    }

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    person: Person | undefined
  }
}

export function requires(role: Role, more: Omit<Access & { role: Role }, 'role'> = {}): { access: Access } {
  return { access: { role, ...more } }
}

export function openTo(everybody: string): { access: Access } {
  return { access: { open: everybody } }
}

/** Who asks, on a route that requires a role. */
export function whoAsks(request: FastifyRequest): Person {
  if (request.person) return request.person
  throw new LinliError('ROUTE_UNGUARDED', `${request.url} asks for a person and requires none`, { kind: 'bug' })
}

export interface Guard {
  /** Undefined: not logged in. */
  personOf(headers: IncomingHttpHeaders): Person | undefined
  tokenOf(headers: IncomingHttpHeaders): string | undefined
  isOwnOrigin(headers: IncomingHttpHeaders): 'yes' | 'no' | 'unsaid'
  /** For a connection that leaves HTTP: the person and their token, or the status that refuses it. */
  admit(request: IncomingMessage, role: Role): { person: Person; token: string } | { status: 401 | 403 }
  denied: PeopleDesk['noteDenied']
  /** The cookie of a new session, or the end of it. */
  setCookie(reply: FastifyReply, token: string | undefined): void
}

/** @param isSecure over HTTPS; the other server listens on loopback only */
export function createGuard(desk: Pick<PeopleDesk, 'find' | 'noteDenied'>, isSecure: boolean): Guard {
  // `__Host-`: only from this host, only over HTTPS, for no other path or subdomain (RFC 6265bis §4.1.3.2).
  const name = isSecure ? '__Host-linli' : 'linli'
  const scheme = isSecure ? 'https' : 'http'

  const tokenOf = (headers: IncomingHttpHeaders) => parseCookie(headers.cookie ?? '')[name]
  const personOf = (headers: IncomingHttpHeaders) => {
    const token = tokenOf(headers)
    return token ? desk.find(token) : undefined
  }

  function isOwnOrigin(headers: IncomingHttpHeaders): 'yes' | 'no' | 'unsaid' {
    const { origin, host } = headers
    const site = headers['sec-fetch-site']
    if (origin !== undefined && origin !== `${scheme}://${host}`) return 'no'
    if (site !== undefined && site !== 'same-origin') return 'no'
    return origin === undefined && site === undefined ? 'unsaid' : 'yes'
  }

  return {
    tokenOf,
    personOf,
    isOwnOrigin,
    denied: desk.noteDenied,
    admit({ headers }, role) {
      // Every browser says the origin of a WebSocket, and sends cookies whoever opens it (RFC 6455 §10.2).
      const token = tokenOf(headers)
      const person = personOf(headers)
      if (!person || token === undefined) return { status: 401 }
      const isAllowed = isOwnOrigin(headers) === 'yes' && !person.mustChange && mayAs(person.role, role)
      return isAllowed ? { person, token } : { status: 403 }
    },
    setCookie(reply, token) {
      const attributes = { name, path: '/', httpOnly: true, sameSite: 'strict', secure: isSecure } as const
      const value = stringifySetCookie({ ...attributes, value: token ?? '', ...(token ? {} : { maxAge: 0 }) })
      reply.header('set-cookie', value)
    },
  }
}

const SAFE = ['GET', 'HEAD', 'OPTIONS']
const THIS_BOX = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?$/i
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip']

/** To be called before the first route is added. */
export function guardRoutes(app: FastifyInstance, guard: Guard, { isSecure }: { isSecure: boolean }): void {
  app.decorateRequest('person', undefined)
  app.addHook('onRoute', ({ method, url, config }) => {
    if (!config?.access)
      throw new LinliError('ROUTE_UNGUARDED', `${method} ${url} does not say who may use it: add requires(role)`, {
        kind: 'bug',
      })
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return
    const { access } = request.routeOptions.config
    if (!access) return refuse(reply, 403, 'ACCESS_DENIED')
    const origin = guard.isOwnOrigin(request.headers)
    const isSafe = SAFE.includes(request.method)
    if (!isSafe && origin === 'no') return refuse(reply, 403, 'ORIGIN_FOREIGN')
    if ('open' in access) return
    request.person = guard.personOf(request.headers)
    if (!request.person) {
      if (access.orOnThisBox && !isSecure && isFromThisBox(request)) return
      return askToLogIn(request, reply)
    }
    if (request.person.mustChange && !access.evenWithMadeSecret) return refuse(reply, 403, 'SECRET_CHANGE_NEEDED')
    if (!mayAs(request.person.role, access.role)) {
      guard.denied(request.person, `${request.method} ${request.routeOptions.url}`, request.ip)
      return refuse(reply, 403, 'ROLE_TOO_LOW')
    }
    // A cookie comes along by itself: whoever sent it has to prove that the page is ours.
    if (!isSafe && origin !== 'yes') return refuse(reply, 403, 'ORIGIN_MISSING')
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'same-origin')
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    if (!reply.hasHeader('content-security-policy')) reply.header('x-frame-options', 'SAMEORIGIN')
  })
}

/** By name too: a page that has its own name point here (DNS rebinding) says that name; and not on behalf of others. */
function isFromThisBox({ headers, ip }: FastifyRequest): boolean {
  const isLocal = /^(127\.|::1$|::ffff:127\.)/.test(ip)
  return isLocal && THIS_BOX.test(headers.host ?? '') && !FORWARDED.some((name) => headers[name] !== undefined)
}

function askToLogIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isPage = SAFE.includes(request.method) && (request.headers.accept ?? '').includes('text/html')
  if (!isPage) return refuse(reply, 401, 'LOGIN_NEEDED')
  return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`)
}

const REFUSALS = {
  ACCESS_DENIED: '不允许 / not allowed',
  ORIGIN_FOREIGN: '请求来自其他网站 / another site sent this',
  ORIGIN_MISSING: '请求缺少 Origin 标头 / send the Origin header with the address of this hub',
  LOGIN_NEEDED: '请先登录 / log in first',
  LOGIN_REFUSED: '姓名或密码错误 / wrong name or password',
  LOGIN_PAUSED: '尝试次数过多,请稍候再试 / too many wrong ones: wait a little',
  LOGIN_BUSY: '登录人数过多,请稍候再试 / too many log in at once: try again in a moment',
  SECRET_CHANGE_NEEDED: '请先修改初始密码 / choose your own password first',
  ROLE_TOO_LOW: '您的权限不足 / your role may not do this',
} as const

export function refuse(
  reply: FastifyReply,
  status: number,
  code: keyof typeof REFUSALS,
  more: object = {},
): FastifyReply {
  return reply.code(status).send({ code, message: REFUSALS[code], ...more })
}
