import { chmodSync, closeSync, openSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'

/**
 * Where the command line asks something of a hub that runs: a Unix socket in its data folder, so that who may ask is
 * decided by who may enter that folder. One request and one answer per connection, each one JSON value.
 */

/** Any answer may be this one instead. */
export interface Refused {
  type: 'refused'
  code: string
  message: string
}

const SOCKET_FILE = 'counter.sock'
/** The acceptance of 5,000 devices, three times over. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024
/** 100,000 credentials in a list. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024
const CONNECTIONS_MAX = 8
/** Somebody connected and says nothing. */
const IDLE_MS = 10_000
/** A command has its result 70 s after it was given, at the latest; a thousand credentials are on disk long before. */
const ANSWER_MS = 80_000

export interface Counter {
  close(): Promise<void>
}

/** To be opened only by whoever has the journal open: a socket that is left there is from a hub that was killed. */
export async function openCounter(dataDir: string, answerTo: (request: unknown) => Promise<object>): Promise<Counter> {
  const file = join(dataDir, SOCKET_FILE)
  rmSync(file, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    whole(socket, REQUEST_BYTES_MAX)
      .then((payload) => {
        // Whoever has asked waits for as long as it takes.
        socket.setTimeout(0)
        const json = decodeJson(payload)
        if (!json.ok) throw json.error
        return answerTo(json.value)
      })
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
export async function askCounter<A extends object>(
  dataDir: string,
  request: object,
  answer_ms = ANSWER_MS,
): Promise<A | Refused> {
  const short = shortPath(dataDir)
  try {
    const socket = connect({ path: short.path, allowHalfOpen: true })
    socket.setTimeout(answer_ms, () => socket.destroy(new Error('no answer in time')))
    const answer = whole(socket, ANSWER_BYTES_MAX)
    socket.end(encodeJson(request))
    const json = decodeJson(await answer)
    if (!json.ok) throw json.error
    return json.value as A | Refused
  } catch (error) {
    const message = `no hub answers in ${dataDir} (${reasonOf(error)}): look whether it runs, or try again in a moment`
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

function refusal(error: unknown): Refused {
  const code = error instanceof LinliError ? error.code : 'COUNTER_FAILED'
  return { type: 'refused', code, message: reasonOf(error) }
}
