import { chmodSync, closeSync, openSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { CredentialSource } from './source.ts'

/**
 * Where the command line changes the credentials of a hub that runs: a Unix socket in its data folder, so that who may
 * ask is decided by who may enter that folder. One request and one answer per connection, each one JSON value; the
 * answer to a change comes when the change is on disk.
 */

export type CounterRequest = { type: 'change'; put: unknown[]; gone: string[] } | { type: 'list' }
export interface Listed {
  id: string
  kind: string
  class: string
}
export type CounterAnswer =
  | { type: 'changed'; version: number; unknown: string[] }
  | { type: 'listed'; credentials: Listed[] }
  | { type: 'refused'; code: string; message: string }

const SOCKET_FILE = 'credentials.sock'
/** Ten times what the command line sends at once. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024
/** 100,000 credentials in a list. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024
const CONNECTIONS_MAX = 8
/** Somebody connected and says nothing. */
const IDLE_MS = 10_000
/** A thousand credentials are on disk in less than a second; a slow card gets the rest. */
const ANSWER_MS = 30_000

/** What both ways to the credentials do: the socket of a running hub, and the journal of one that stands still. */
export async function atCounter(
  source: Pick<CredentialSource, 'change' | 'get' | 'all'>,
  request: CounterRequest,
): Promise<CounterAnswer> {
  if (request.type === 'list') {
    const credentials = [...source.all()].map(({ id, kind, class: klass }) => ({ id, kind, class: klass }))
    return { type: 'listed', credentials }
  }
  const unknown = request.gone.filter((id) => !source.get(id))
  const version = await source.change(request)
  return { type: 'changed', version, unknown }
}

export interface Counter {
  close(): Promise<void>
}

/** To be opened only by whoever has the journal open: a socket that is left there is from a hub that was killed. */
export async function openCounter(
  dataDir: string,
  source: Pick<CredentialSource, 'change' | 'get' | 'all'>,
): Promise<Counter> {
  const file = join(dataDir, SOCKET_FILE)
  rmSync(file, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    whole(socket, REQUEST_BYTES_MAX)
      .then(requestOf)
      .then((request) => atCounter(source, request))
      .catch(refusal)
      .then((answer) => socket.end(encodeJson(answer)))
      .catch(() => socket.destroy())
  })
  server.maxConnections = CONNECTIONS_MAX
  const short = shortPath(dataDir)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(short.path, resolve)
  })
  chmodSync(file, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          short.done()
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** @throws {LinliError} COUNTER_CLOSED when no hub answers there, and what the hub refused under its own code */
export async function askCounter(dataDir: string, request: CounterRequest): Promise<CounterAnswer> {
  const short = shortPath(dataDir)
  try {
    const socket = connect({ path: short.path, allowHalfOpen: true })
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('no answer in time')))
    const answer = whole(socket, ANSWER_BYTES_MAX)
    socket.end(encodeJson(request))
    const json = decodeJson(await answer)
    if (!json.ok) throw json.error
    return json.value as CounterAnswer
  } catch (error) {
    const message = `the hub of ${dataDir} runs and does not answer (${reasonOf(error)}): stop it, or try again in a moment`
    throw new LinliError('COUNTER_CLOSED', message, { kind: 'fault', cause: error })
  } finally {
    short.done()
  }
}

/** The path of a socket has at most 107 bytes (unix(7)); by way of an open folder it always fits. */
function shortPath(dataDir: string): { path: string; done(): void } {
  const folder = openSync(dataDir, 'r')
  return { path: `/proc/self/fd/${folder}/${SOCKET_FILE}`, done: () => closeSync(folder) }
}

function whole(socket: Socket, bytes_max: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
      if (bytes <= bytes_max) chunks.push(Buffer.from(chunk))
      else socket.destroy(new Error(`more than ${bytes_max} bytes`))
    })
    socket.once('end', () => resolve(Buffer.concat(chunks)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed before the end')))
  })
}

function requestOf(payload: Uint8Array): CounterRequest {
  const json = decodeJson(payload)
  if (!json.ok) throw json.error
  const { type, put, gone } = (json.value ?? {}) as { type?: unknown; put?: unknown; gone?: unknown }
  if (type === 'list') return { type }
  const isText = (value: unknown): value is string => typeof value === 'string'
  if (type === 'change' && Array.isArray(put) && Array.isArray(gone) && gone.every(isText)) return { type, put, gone }
  throw new LinliError('SCHEMA_VIOLATION', 'neither "list" nor "change" with put and gone', { kind: 'caller' })
}

function refusal(error: unknown): CounterAnswer {
  const code = error instanceof LinliError ? error.code : 'CREDENTIALS_IO'
  return { type: 'refused', code, message: reasonOf(error) }
}
