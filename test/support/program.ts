import { type ChildProcess, spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { environmentOf, flagsOf } from '../../hub/cli/programs.ts'

/** One of our programs as a real process, as a test starts, feeds, kills and ends it. */

/** As linli.js sets it. */
const NODE_COMPILE_CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'linli', 'node')
/** A child must not think that it runs inside vitest, nor hold what a machine adds to every Node: 1 MB for a company's authorities. */
const NOT_INHERITED = { NODE_OPTIONS: '', VITEST: '', NODE_EXTRA_CA_CERTS: '' }
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface Program {
  readonly pid: number
  /** The first line of stdout, once it was there. */
  readonly ready: Record<string, unknown>
  readonly lines: string[]
  readonly errors: string[]
  send(command: object): void
  /** SIGKILL, as a power cut would; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  signal(signal: NodeJS.Signals): void
  exited: Promise<number | null>
}

const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Lines kept of a chatty program. */
const LINES_MAX = 50_000

export async function startProgram(
  entry: string,
  args: string[],
  options: { env?: NodeJS.ProcessEnv; onLine?: (line: string) => void } = {},
): Promise<Program> {
  const child = spawn(process.execPath, [...flagsOf(entry), `${ROOT}${entry}`, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { NODE_COMPILE_CACHE, ...environmentOf(entry), ...process.env, ...NOT_INHERITED, ...options.env },
  })
  alive.add(child)
  const lines: string[] = []
  const errors: string[] = []
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => {
      alive.delete(child)
      resolve(code)
    })
  })
  createInterface({ input: child.stderr }).on('line', (line) => keep(errors, line))
  child.stdin.on('error', () => undefined)
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      keep(lines, line)
      options.onLine?.(line)
      if (lines.length === 1) resolve(JSON.parse(line) as Record<string, unknown>)
    })
    exited.then((code) => reject(new ProgramFailed(entry, code, errors)))
  })
  return {
    pid: child.pid ?? -1,
    ready,
    lines,
    errors,
    exited,
    send: (command) => {
      child.stdin.write(`${JSON.stringify(command)}\n`)
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    stop() {
      child.kill('SIGTERM')
      return exited
    },
    signal: (signal) => {
      child.kill(signal)
    },
  }
}

/** A program that ended before it was ready: what it said to people, and its exit code. */
export class ProgramFailed extends Error {
  readonly code: number | null
  readonly errors: string[]

  constructor(entry: string, code: number | null, errors: string[]) {
    super(`${entry} ended with ${code}: ${errors.slice(-5).join(' | ')}`)
    this.code = code
    this.errors = errors
  }
}

function keep(list: string[], line: string): void {
  list.push(line)
  if (list.length > LINES_MAX) list.shift()
}
