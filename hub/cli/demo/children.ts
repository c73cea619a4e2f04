import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { LinliError } from '../../contract/errors.ts'
import { environmentOf, flagsOf } from '../programs.ts'

/** The processes of the demo: started, watched, ended in reverse order. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** How long a child may take to end before it is killed. */
const END_TIMEOUT_MS = 5_000
/** How long a child may take to become ready on a slow machine. */
const READY_TIMEOUT_MS = 30_000

export interface Child {
  name: string
  process: ChildProcess
  /** The first line of its stdout. */
  ready: Record<string, unknown>
}

export interface Children {
  /** Starts a program and waits for its ready line. Rejects with its own error line when it ends before. */
  start(
    name: string,
    entry: string,
    args: string[],
    options?: { env?: NodeJS.ProcessEnv; onLine?: (line: string) => void; expendable?: boolean },
  ): Promise<Child>
  stop(child: Child): Promise<void>
  stopAll(): Promise<void>
}

export function createChildren(onUnexpectedEnd: (name: string, code: number | null) => void): Children {
  const running: Child[] = []
  const leaving = new Set<ChildProcess>()

  async function stop(child: Child): Promise<void> {
    leaving.add(child.process)
    const index = running.indexOf(child)
    if (index >= 0) running.splice(index, 1)
    if (child.process.exitCode !== null || child.process.signalCode !== null) return
    const ended = new Promise<void>((resolve) => child.process.once('exit', () => resolve()))
    child.process.kill('SIGTERM')
    const timer = setTimeout(() => child.process.kill('SIGKILL'), END_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }

  return {
    async start(name, entry, args, options = {}) {
      const child = spawn(process.execPath, [...flagsOf(entry), `${ROOT}${entry}`, ...args], {
        // The channel carries nothing: when this process dies, however it dies, the child sees it close and ends too.
        stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
        env: { ...environmentOf(entry), ...process.env, ...options.env },
      })
      const errors: string[] = []
      if (!child.stderr) throw new Error('stderr of a child is a pipe')
      createInterface({ input: child.stderr }).on('line', (line) => {
        errors.push(line)
        if (errors.length > 20) errors.shift()
      })
      const ready = await readyLine(name, child, errors, options.onLine)
      const started: Child = { name, process: child, ready }
      running.push(started)
      child.once('exit', (code) => {
        if (leaving.has(child) || options.expendable) return
        process.stderr.write(errors.map((line) => `${name}: ${line}\n`).join(''))
        onUnexpectedEnd(name, code)
      })
      return started
    },
    stop,
    async stopAll() {
      for (const child of running.toReversed()) await stop(child)
    },
  }
}

function readyLine(
  name: string,
  child: ChildProcess,
  errors: string[],
  onLine?: (line: string) => void,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    let seen = false
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(
        new LinliError('CHILD_SLOW', `${name} was not ready within ${READY_TIMEOUT_MS / 1000} s`, { kind: 'fault' }),
      )
    }, READY_TIMEOUT_MS)
    if (!child.stdout) throw new Error('stdout of a child is a pipe')
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (seen) return onLine?.(line)
      seen = true
      clearTimeout(timer)
      resolve(JSON.parse(line) as Record<string, unknown>)
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      const told = errors.at(-1) ?? `ended with code ${code}`
      reject(
        new LinliError('CHILD_FAILED', told.startsWith('linli') ? told : `${name}: ${told}`, {
          kind: code === 2 ? 'caller' : 'fault',
        }),
      )
    })
  })
}
