import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { delimiter, join } from 'node:path'

/** mosquitto as the upstream broker of both sides, and as the peer: a local broker with mosquitto's own bridge. */

export interface Mosquitto {
  pid: number
  port: number
  stop(): Promise<void>
  /** kill -9, and up again with what it had on disk; the pid is another one afterwards. */
  kill(): Promise<void>
  restart(): Promise<void>
}

/** Debian keeps daemons where a plain user's PATH does not look. */
const ALSO_IN = ['/usr/local/sbin', '/usr/sbin', '/sbin']
const READY_TIMEOUT_MS = 10_000
const PROBE_EVERY_MS = 20
const END_TIMEOUT_MS = 3_000

/** Settings that every mosquitto here has: no logs, no Nagle, loopback. */
const BASE = ['allow_anonymous true', 'log_dest none', 'set_tcp_nodelay true', 'user root']
/**
 * By default at most 20 messages are in flight and 1,000 queued per client; what comes above is dropped without a word.
 * The hub's window is 200 and its journal holds all, so the peer gets as much where speed is measured.
 */
export const ROOMY = ['max_inflight_messages 200', 'max_queued_messages 0']

const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

export function mosquittoPath(): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), ...ALSO_IN]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'mosquitto'))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

export function mosquittoVersion(path: string): string {
  // `mosquitto -h` prints its version first and ends with 3.
  try {
    return firstLine(execFileSync(path, ['-h'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch (error) {
    return firstLine(String((error as { stdout?: string }).stdout ?? ''))
  }
}

/** @param settings lines of mosquitto.conf besides the listener; `dir` is made and may hold its database. */
export async function startMosquitto(path: string, dir: string, settings: readonly string[]): Promise<Mosquitto> {
  mkdirSync(dir, { recursive: true })
  const port = await freePort()
  const file = join(dir, 'mosquitto.conf')
  const lines = [...BASE, `listener ${port} 127.0.0.1`, `persistence_location ${dir}/`, ...settings]
  writeFileSync(file, `${lines.join('\n')}\n`)
  let running = await run(path, file, port)
  return {
    get pid() {
      return running.child.pid ?? -1
    },
    port,
    async stop() {
      running.child.kill('SIGTERM')
      const timer = setTimeout(() => running.child.kill('SIGKILL'), END_TIMEOUT_MS)
      await running.exited
      clearTimeout(timer)
    },
    async kill() {
      running.child.kill('SIGKILL')
      await running.exited
    },
    async restart() {
      running = await run(path, file, port)
    },
  }
}

/** Resolves when it listens. */
async function run(path: string, file: string, port: number): Promise<{ child: ChildProcess; exited: Promise<void> }> {
  const child = spawn(path, ['-c', file], { stdio: 'ignore' })
  alive.add(child)
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => {
      alive.delete(child)
      resolve()
    }),
  )
  await accepts(port, exited)
  return { child, exited }
}

/**
 * The lines that make a mosquitto forward everything of ours to the broker on `upstreamPort`, QoS 1. The name becomes
 * part of its client id there: two bridges of one name push each other out.
 */
export function bridgeTo(upstreamPort: number, name: string): string[] {
  return [
    `connection ${name}`,
    `address 127.0.0.1:${upstreamPort}`,
    'bridge_protocol_version mqttv311',
    'notifications false',
    'topic linli/# out 1',
  ]
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function accepts(port: number, exited: Promise<void>): Promise<void> {
  const until_ms = performance.now() + READY_TIMEOUT_MS
  return new Promise((resolve, reject) => {
    exited.then(() => reject(new Error('mosquitto ended at once; does it know all settings of this bench?')))
    const probe = () => {
      const socket = connect({ host: '127.0.0.1', port })
      socket.once('connect', () => {
        socket.destroy()
        resolve()
      })
      socket.once('error', () => {
        if (performance.now() > until_ms) reject(new Error(`mosquitto does not listen on port ${port}`))
        else setTimeout(probe, PROBE_EVERY_MS)
      })
    }
    probe()
  })
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.trim() ?? ''
}
