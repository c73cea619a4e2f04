import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import RED from 'node-red'
import { DASHBOARD_ROOT, serveDashboard } from './dashboard/door.ts'
import { openFront } from './front.ts'
import { logLine } from './log.ts'
import { createBridge } from './parent/bridge.ts'
import type { FlowsStanding, FromHub, StartMessage, ToHub } from './parent/messages.ts'
import { EDITOR_ROOT, redSettings } from './settings.ts'
import { createStorage, credentialSecret, type Storage } from './storage/storage.ts'

/** Node-RED as a child of the hub (`hub/flows-host`), which configures, watches and restarts it over the IPC channel. */

// Whatever is written here is for the owner's eyes: flows, sessions, credentials.
process.umask(0o077)

const bridge = createBridge({
  send,
  rss_bytes: () => process.memoryUsage.rss(),
  clock: () => performance.now(),
})

function send(message: ToHub): void {
  // The channel may close at any moment; `disconnect` then ends this process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

process.on('message', (message: FromHub) => {
  if (message.type === 'start') void begin(message)
  else if (message.type === 'stop') void end(0)
  else if (message.type === 'reload') void reload(message.id)
  else if (message.type === 'fell-back-told') void fallBackTold()
  else bridge.receive(message)
})
// The hub is gone: without it there is nothing to automate, and a second child may be on its way.
process.on('disconnect', () => void end(0))
process.on('SIGTERM', () => void end(0))
// Ctrl-C reaches the whole group; the hub decides when this process ends.
process.on('SIGINT', () => {})

process.on('uncaughtException', (error) => {
  logLine('error', `a node threw outside its flow: ${error.message}`, { stack: error.stack })
  void end(1)
})

async function begin(start: StartMessage): Promise<void> {
  try {
    const server = createServer()
    const { data_dir, lost } = start
    storage = createStorage(
      { shipped_dir: fileURLToPath(new URL('.', import.meta.url)), data_dir, ...(lost === undefined ? {} : { lost }) },
      (text, fields) => logLine('warn', text, fields),
      say,
    )
    const credential_secret = await credentialSecret(start.data_dir)
    RED.init(server, redSettings({ start, storage, credential_secret, bridge }))
    const known = Promise.withResolvers<void>()
    watchFlows((found) => {
      flows = found
      known.resolve()
      say()
    })
    await RED.start()
    server.on('request', serve)
    await openFront(start.data_dir, start.secret, server)
    await known.promise
    isReady = true
    send({ type: 'ready', boot_ms: process.uptime() * 1000, ...standing() })
    // Now, because a child that is killed writes nothing at its end; the next one starts in half the time.
    flushCompileCache()
  } catch (error) {
    logLine('error', `flows cannot start: ${(error as Error).message}`)
    await end(1)
  }
}

/** The editor is an Express application that is to be mounted under its root, and knows the whole path by `originalUrl`. */
function serve(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): void {
  const { url = '' } = request
  if (url.startsWith(`${DASHBOARD_ROOT}/`)) serveDashboard(request, response, RED.httpNode)
  else if (url.startsWith(`${EDITOR_ROOT}/`)) {
    request.originalUrl = url
    request.url = url.slice(EDITOR_ROOT.length)
    RED.httpAdmin(request, response)
  } else response.writeHead(404).end()
}

type FlowsRunning = { flows: 'started' } | { flows: 'stopped'; reason: string }

let storage: Storage | undefined
let flows: FlowsRunning = { flows: 'stopped', reason: 'starting' }
let isReady = false

function standing(): FlowsStanding {
  const fell_back = storage?.trial.fellBack()
  return { ...flows, ...(fell_back ? { fell_back } : {}) }
}

/** Something of it has changed. */
function say(): void {
  if (isReady) send({ type: 'standing', ...standing() })
}

async function fallBackTold(): Promise<void> {
  try {
    await storage?.trial.told()
    say()
  } catch (error) {
    logLine('warn', `it will be said once more that a deploy was left: ${(error as Error).message}`)
  }
}

/** The newest version of the flows, which somebody has put there. */
async function reload(id: string): Promise<void> {
  try {
    await RED.runtime.flows.setFlows({ deploymentType: 'reload' })
    send({ type: 'reloaded', id, ok: true })
  } catch (error) {
    logLine('error', `flows could not be read again: ${(error as Error).message}`)
    send({ type: 'reloaded', id, ok: false })
  }
}

/** Told when Node-RED has started the flows, and when it says that it will not (an unknown node type, for one). */
function watchFlows(tell: (found: FlowsRunning) => void): void {
  RED.events.on('flows:stopping', () => bridge.hold())
  RED.events.on('flows:started', () => {
    bridge.release()
    tell({ flows: 'started' })
  })
  RED.events.on('runtime-event', (event) => {
    const { id, payload } = event as { id: string; payload?: { state?: string; error?: string; types?: string[] } }
    if (id !== 'runtime-state' || (payload?.state !== 'stop' && payload?.error === undefined)) return
    // Only a warning: the flows start without their credentials.
    if (payload.error === 'credentials_load_failed') return
    const types = payload.types ? `: ${payload.types.join(', ')}` : ''
    tell({ flows: 'stopped', reason: `${payload.error ?? 'stopped by staff'}${types}`.slice(0, 400) })
  })
}

/** ms for nodes to close; the hub kills what takes longer. */
const END_MS_MAX = 1_000
let ending = false

async function end(code: number): Promise<void> {
  if (ending) return
  ending = true
  // That flows stop now is no news of theirs.
  isReady = false
  setTimeout(() => process.exit(code), END_MS_MAX)
  try {
    await RED.stop()
  } finally {
    process.exit(code)
  }
}
