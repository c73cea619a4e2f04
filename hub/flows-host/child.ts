import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { reasonOf } from '../contract/errors.ts'
import type { ToFlows } from './ipc.ts'

/** One run of the flows process: fork, channel, output lines, memory. Never throws after it was made. */

export interface ChildConfig {
  /** The program to run, a path of a module. */
  entry: string
  /** The Node binary. */
  exec_path: string
  /** Largest JavaScript heap, MB; V8 ends the process above it. */
  heap_mb_max: number
  /** Made if missing; compiled code is kept there between runs. */
  data_dir: string
}

export interface ChildListeners {
  /** The child has ended, or could not be started; exactly once. */
  onGone(gone: { spawned: boolean; reason: string }): void
  onMessage(message: unknown): void
  /** One line of its standard output or error, cut at `LINE_CHARS_MAX`. */
  onLine(line: string): void
}

export interface FlowsChild {
  readonly pid: number | undefined
  /** @param sent called once: true when the message was written to the channel, false when there is no channel any more */
  send(message: ToFlows, sent: (written: boolean) => void): void
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
  /** Resident memory in bytes, from outside, so that it works for a hung child; undefined where there is no /proc. */
  rss_bytes(): Promise<number | undefined>
}

/** A line longer than this is cut: a flow may log a whole picture. */
export const LINE_CHARS_MAX = 4_000

/** MB. V8's own choice grows the young generation to 16 and the process by 25, for a throughput no estate needs. */
const SEMI_SPACE_MB_MAX = 2

/** What of the hub's environment the staff's code may see: nothing that could carry a secret. */
const ENV_PASSED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']

export function startChild(config: ChildConfig, listeners: ChildListeners): FlowsChild {
  // Compiled code from disk: the second start takes half the time and 20 MB less, without the compiler for types.
  const env: Record<string, string> = { NODE_ENV: 'production', NODE_COMPILE_CACHE: join(config.data_dir, 'compiled') }
  for (const name of ENV_PASSED) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  let gone = false
  const leave = (spawned: boolean, reason: string) => {
    if (gone) return
    gone = true
    listeners.onGone({ spawned, reason })
  }
  let child: ChildProcess
  try {
    mkdirSync(config.data_dir, { recursive: true, mode: 0o700 })
    child = fork(config.entry, [], {
      execPath: config.exec_path,
      execArgv: [`--max-old-space-size=${config.heap_mb_max}`, `--max-semi-space-size=${SEMI_SPACE_MB_MAX}`],
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
  } catch (error) {
    queueMicrotask(() => leave(false, reasonOf(error)))
    return { pid: undefined, send: (_message, sent) => sent(false), signal() {}, rss_bytes: async () => undefined }
  }
  child.on('error', (error) => {
    // Also raised when a message cannot be sent or a signal delivered; only a child without a pid never ran.
    if (child.pid === undefined) leave(false, reasonOf(error))
  })
  child.on('exit', (code, signal) => leave(true, signal === null ? `exit code ${code}` : `signal ${signal}`))
  child.on('message', (message) => {
    if (!gone) listeners.onMessage(message)
  })
  readLines(child.stdout, listeners.onLine)
  readLines(child.stderr, listeners.onLine)
  return {
    pid: child.pid,
    send(message, sent) {
      if (gone || !child.connected) {
        sent(false)
        return
      }
      try {
        child.send(message, (error) => sent(error === null))
      } catch {
        // The channel closed in between; the exit follows and is handled there.
        sent(false)
      }
    },
    signal(signal) {
      if (!gone) child.kill(signal)
    },
    rss_bytes: () => rssOf(child.pid),
  }
}

async function rssOf(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined
  try {
    // VmRSS is in kB whatever the page size is (a Raspberry Pi 5 has pages of 16 kB).
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))
    return found ? Number(found[1]) * 1024 : undefined
  } catch {
    return undefined
  }
}

/** Splits a stream into lines with bounded memory. */
function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  let rest = ''
  stream?.setEncoding('utf8')
  stream?.on('error', () => {})
  stream?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = (lines.pop() ?? '').slice(0, LINE_CHARS_MAX)
    for (const line of lines) if (line.trim() !== '') onLine(line.slice(0, LINE_CHARS_MAX))
  })
  stream?.on('end', () => {
    if (rest.trim() !== '') onLine(rest)
  })
}
