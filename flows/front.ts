import { timingSafeEqual } from 'node:crypto'
import { closeSync, openSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { join } from 'node:path'

/**
 * The only way into this process: a socket in the data folder on which the hub passes on what a person may ask. Each request
 * carries a secret of this run and who asks; without them not even a page is given.
 */

/** Beside the file of `hub/flows-host/door.ts`. */
export const PERSON_HEADER = 'x-linli-person'
const SOCKET_FILE = 'flows.sock'

export type Role = 'viewer' | 'operator' | 'installer' | 'admin'

/** As Node-RED knows a person. */
export interface EditorUser {
  username: string
  /** `*` edits everything, `read` sees everything and changes nothing. */
  permissions: '*' | 'read'
  role: Role
}

const EDITORS = ['installer', 'admin']

/** `secret.{"name":…,"role":…} in base64url` → who asks; undefined: nobody whom the hub sent. */
export function personIn(header: unknown, secret: string): EditorUser | undefined {
  const [given = '', person = ''] = typeof header === 'string' ? header.split('.') : []
  const [one, other] = [Buffer.from(given), Buffer.from(secret)]
  if (one.length !== other.length || !timingSafeEqual(one, other)) return undefined
  const { name, role } = JSON.parse(Buffer.from(person, 'base64url').toString('utf8')) as { name?: string; role?: Role }
  return name && role ? { username: name, permissions: EDITORS.includes(role) ? '*' : 'read', role } : undefined
}

/** Listens, and hands what the hub sent to `inner`, which listens nowhere. */
export async function openFront(dataDir: string, secret: string, inner: Server): Promise<void> {
  const isFromHub = ({ headers }: IncomingMessage) => personIn(headers[PERSON_HEADER], secret) !== undefined
  const front = createServer((request, response) => {
    if (isFromHub(request)) inner.emit('request', request, response)
    else response.writeHead(403).end()
  })
  front.on('upgrade', (request, socket, head) => {
    if (isFromHub(request)) inner.emit('upgrade', request, socket, head)
    else socket.destroy()
  })
  rmSync(join(dataDir, SOCKET_FILE), { force: true })
  // The path of a socket has at most 107 bytes (unix(7)); by way of an open folder it always fits.
  const folder = openSync(dataDir, 'r')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  front.once('error', reject)
  front.listen(`/proc/self/fd/${folder}/${SOCKET_FILE}`, resolve)
  await promise
  closeSync(folder)
}
