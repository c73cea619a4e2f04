import type { Agent as HttpAgent, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { PeopleDesk, Person } from '../people/desk.ts'
import type { Role } from '../people/roles.ts'
import { type Guard, openTo, requires, whoAsks } from './guard.ts'
import type { Upgrade } from './http-server.ts'
import { sendTrouble, type Trouble } from './trouble-page.ts'

// An import would read all exports, and one of them brings a whole HTTP client that nobody here uses: 3 MB that stay.
const { Agent, request: ask } = process.getBuiltinModule('node:http')

/**
 * The pages of the flows process under the hub's own login: the editor, and the dashboard that flows make. The process may
 * hang, lie or die; nothing of that keeps the hub from anything.
 */

/** Of the flows process that runs now: the hub's side is `FlowsDoor` of hub/flows-host. */
export interface FlowsBehind {
  socketPath: string
  header(person: Pick<Person, 'name' | 'role'>): Record<string, string>
}
export type FlowsDoorNow = () => FlowsBehind | undefined

/** Who sees what lies under a path, and who may send what changes something there. */
const PLACES: ReadonlyArray<{ prefix: string; sees: Role; changes: Role }> = [
  { prefix: '/editor', sees: 'viewer', changes: 'installer' },
  // Reading needs a POST there (socket.io); that a viewer changes nothing is checked inside (flows/dashboard/door.ts).
  { prefix: '/dashboard', sees: 'viewer', changes: 'viewer' },
]

/** As Node-RED's own limit. */
const BODY_BYTES_MAX = 5 * 1024 * 1024
const ANSWER_MS = 15_000
const REQUESTS_MAX = 64
const UPGRADES_MAX = 100
/** Of one hop only (RFC 9110 §7.6.1), or not for a process that runs the staff's code, or not the browser's to say. */
const DROPPED =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|authorization|cookie|set-cookie|forwarded|x-forwarded-.*|x-real-ip|x-linli-.*|clear-site-data|service-worker-allowed|strict-transport-security)$/
const AUDITED = /^\/editor\/(flows?|nodes|library|inject|context|settings|credentials)\b/

export function addFlowsProxy(app: FastifyInstance, desk: PeopleDesk, guard: Guard, door: FlowsDoorNow): void {
  const agent = new Agent({ keepAlive: false, maxSockets: REQUESTS_MAX })
  let running = 0

  function pass(request: IncomingMessage, response: ServerResponse, person: Person, address: string): void {
    const behind = door()
    const refusal = refusalOf(request, behind)
    if (refusal || !behind) {
      sendTrouble(response, refusal ?? 502)
      return
    }
    running += 1
    response.once('close', () => {
      running -= 1
    })
    if (AUDITED.test(request.url ?? '') && !['GET', 'HEAD'].includes(request.method ?? ''))
      response.once('close', () =>
        desk.noteEdit(person, `${request.method} ${request.url}`, response.statusCode, address),
      )
    forward(request, response, { agent, behind, person })
  }

  function refusalOf({ url, headers }: IncomingMessage, behind: FlowsBehind | undefined): Trouble | undefined {
    if (!isPlain(url)) return 400
    if (Number(headers['content-length'] ?? 0) > BODY_BYTES_MAX) return 413
    if (!behind) return 502
    return running >= REQUESTS_MAX ? 503 : undefined
  }

  // The editor's own login and logout, which are the hub's.
  app.get('/editor/auth/login', { config: openTo('it only says where the login is') }, async () => ({
    type: 'strategy',
    autoLogin: true,
    loginRedirect: '/login?next=/editor/',
    prompts: [{ type: 'button', label: '登录 Log in', url: '/login?next=/editor/' }],
  }))
  app.register(async (scope) => {
    // Bodies go through as they come.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _body, done) => done(null))
    scope.post('/editor/auth/revoke', { config: requires('viewer') }, async (request, reply) => {
      await desk.logout(guard.tokenOf(request.headers) ?? '', request.ip)
      guard.setCookie(reply, undefined)
      return { redirect: '/login' }
    })
    for (const { prefix, sees, changes } of PLACES) {
      scope.get(prefix, { config: requires(sees) }, async (_request, reply) => reply.redirect(`${prefix}/`))
      const routes = [
        { method: ['GET', 'HEAD'], role: sees },
        { method: ['POST', 'PUT', 'PATCH', 'DELETE'], role: changes },
      ]
      for (const { method, role } of routes)
        scope.route({
          method,
          url: `${prefix}/*`,
          config: requires(role),
          handler: (request, reply) => {
            reply.hijack()
            pass(request.raw, reply.raw, whoAsks(request), request.ip)
          },
        })
    }
  })
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { agent, behind, person }: { agent: HttpAgent; behind: FlowsBehind; person: Person },
): void {
  const asking = ask({
    agent,
    socketPath: behind.socketPath,
    method: request.method,
    path: request.url,
    headers: { ...kept(request.headers), ...behind.header(person) },
  })
  let bytes = 0
  let trouble: Trouble = 502
  const fail = (status: Trouble) => {
    trouble = status
    asking.destroy(new Error(`${status}`))
  }
  const timer = setTimeout(() => fail(504), ANSWER_MS)
  asking.once('response', (answer) => {
    clearTimeout(timer)
    response.writeHead(answer.statusCode ?? 502, kept(answer.headers))
    // What is half sent cannot become another answer.
    answer.once('error', () => response.destroy())
    answer.setTimeout(4 * ANSWER_MS, () => response.destroy())
    answer.pipe(response)
  })
  asking.once('error', () => {
    clearTimeout(timer)
    if (response.headersSent) response.destroy()
    else sendTrouble(response, trouble)
  })
  response.once('close', () => {
    clearTimeout(timer)
    asking.destroy()
  })
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) fail(413)
  })
  request.once('error', () => asking.destroy())
  request.pipe(asking)
}

/** WebSockets of the pages. They end with the session, and with the server. */
export function createFlowsUpgrades(desk: Pick<PeopleDesk, 'whenEnded'>, guard: Guard, door: FlowsDoorNow) {
  const open = new Set<Duplex>()

  const upgrade =
    (role: Role): Upgrade =>
    (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      const admitted = guard.admit(request, role)
      const behind = door()
      if ('status' in admitted) return refuseUpgrade(socket, admitted.status)
      if (!behind || open.size >= UPGRADES_MAX || !isPlain(request.url)) return refuseUpgrade(socket, 502)
      open.add(socket)
      const { headers, url } = request
      const asking = ask({
        agent: false,
        socketPath: behind.socketPath,
        path: url,
        headers: { ...kept(headers), connection: 'Upgrade', upgrade: 'websocket', ...behind.header(admitted.person) },
      })
      const timer = setTimeout(() => asking.destroy(new Error('no answer')), ANSWER_MS)
      const release = desk.whenEnded(admitted.token, () => socket.destroy())
      socket.once('close', () => {
        clearTimeout(timer)
        open.delete(socket)
        release()
        asking.destroy()
      })
      asking.once('error', () => refuseUpgrade(socket, 502))
      asking.once('response', () => refuseUpgrade(socket, 502))
      asking.once('upgrade', (answer, inner, innerHead) => {
        clearTimeout(timer)
        const lines = Object.entries(kept(answer.headers)).map(([name, value]) => `${name}: ${value}`)
        const start = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket', ...lines]
        socket.write(`${start.join('\r\n')}\r\n\r\n`)
        socket.write(innerHead)
        inner.write(head)
        inner.once('error', () => socket.destroy())
        inner.once('close', () => socket.destroy())
        socket.once('close', () => inner.destroy())
        socket.pipe(inner).pipe(socket)
      })
      asking.end()
    }

  return {
    /** Undefined: nothing of the flows. */
    at(path: string): Upgrade | undefined {
      const place = PLACES.find(({ prefix }) => path.startsWith(`${prefix}/`))
      return place && upgrade(place.sees)
    },
    close() {
      for (const socket of open) socket.destroy()
    },
  }
}

function refuseUpgrade(socket: Duplex, status: 401 | 403 | 502): void {
  const reason = { 401: 'Unauthorized', 403: 'Forbidden', 502: 'Bad Gateway' }[status]
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** What may go over to the other side. */
function kept(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/)
  return Object.fromEntries(
    Object.entries(headers).filter(
      (one): one is [string, string | string[]] =>
        one[1] !== undefined && !DROPPED.test(one[0]) && !(named.includes(one[0]) && !/^sec-websocket/.test(one[0])),
    ),
  )
}

/** No step up, however it is written; encoded slashes are in names of packages. */
function isPlain(url: string | undefined): boolean {
  const [path = ''] = (url ?? '').split('?')
  try {
    const plain = decodeURIComponent(path)
    return !/[\\\0]/.test(plain) && !plain.split('/').some((segment) => segment === '..' || segment === '.')
  } catch {
    return false
  }
}
