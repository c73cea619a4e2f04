import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { LinliError } from '../contract/errors.ts'

/** What the plain and the secure server of the hub have in common. */

function noSchema(): never {
  throw new Error(
    'a route checks what it gets with a checker of hub/contract/schema.ts, not with a schema of its options',
  )
}

/** Our routes bring no schemas of fastify's; its compilers for these (88 files of ajv and more) are not even loaded. */
export const CHECKED_BY_ROUTES = {
  schemaController: { compilersFactory: { buildValidator: () => noSchema, buildSerializer: () => noSchema } },
}

/** Takes a connection over from HTTP. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Fastify, with or without TLS. */
interface Listening {
  listen(options: { host: string; port: number }): PromiseLike<unknown>
  server: Pick<Server, 'address'>
}

/** Rejects with HTTP_PORT_IN_USE or HTTP_PORT_FORBIDDEN. */
export async function listenHttp(
  app: Listening,
  { host, port, option }: { host: string; port: number; option: string },
): Promise<{ port: number }> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const isTaken = code === 'EADDRINUSE'
    const told = isTaken
      ? `HTTP port ${port} on ${host} is already in use; choose another with ${option}`
      : `cannot listen on ${host}:${port}: ${message}`
    throw new LinliError(isTaken ? 'HTTP_PORT_IN_USE' : 'HTTP_PORT_FORBIDDEN', told, { kind: 'caller' })
  }
  const address = app.server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : port }
}

/** @param at what takes a path over; undefined: nothing */
export function routeUpgrades(server: Pick<Server, 'on'>, at: (path: string) => Upgrade | undefined): void {
  server.on('upgrade', (request, socket, head) => {
    const upgrade = at((request.url ?? '').split('?')[0] as string)
    if (upgrade) upgrade(request, socket, head)
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
}
