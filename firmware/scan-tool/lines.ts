import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'

/** Which serial lines a box has, and who uses them: a line in use is left alone. */

export interface SerialLine {
  /** The name that stays the same over restarts, where there is one. */
  path: string
  usedBy?: { pid: number; program: string }
}

/** USB boards and adapters, and the UARTs of a Pi; consoles are none of ours. */
const SERIAL = /^tty(USB|ACM|AMA|SC)\d+$/

/** @param root `/`, or a folder of a test with dev and proc below it @param more lines that were named by hand */
export function serialLines(root: string, more: readonly string[]): SerialLine[] {
  const dev = join(root, 'dev')
  const byId = join(dev, 'serial', 'by-id')
  const named = [...more, ...namesIn(byId).map((name) => join(byId, name))]
  const plain = namesIn(dev)
    .filter((name) => SERIAL.test(name))
    .map((name) => join(dev, name))
  const users = usersOf(root)
  const lines = new Map<string, SerialLine>()
  for (const path of [...named, ...plain]) {
    const device = realOf(path)
    const usedBy = users.get(device)
    if (!lines.has(device)) lines.set(device, { path, ...(usedBy ? { usedBy } : {}) })
  }
  return [...lines.values()]
}

/** As far as this user may see; whom they may not see the lock of the line keeps out. */
function usersOf(root: string): Map<string, { pid: number; program: string }> {
  const proc = join(root, 'proc')
  const users = new Map<string, { pid: number; program: string }>()
  for (const pid of namesIn(proc).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const files = namesIn(join(proc, pid, 'fd')).map((fd) => linkOf(join(proc, pid, 'fd', fd)) ?? '')
    // The other end of pseudo-terminals, such as a serial line over the network, and no user of them.
    if (files.includes(join(root, 'dev/ptmx')) || files.includes(join(root, 'dev/pts/ptmx'))) continue
    for (const file of files.filter((one) => one.startsWith(join(root, 'dev'))))
      users.set(file, { pid: Number(pid), program: programOf(proc, pid) })
  }
  return users
}

/** What it is and, of an interpreter, what it runs: `node firmware/main.ts`. Further arguments may have secrets. */
function programOf(proc: string, pid: string): string {
  try {
    const [program = '', ...rest] = readFileSync(join(proc, pid, 'cmdline'), 'utf8').split('\0')
    const script = rest.find((one) => !one.startsWith('-'))
    const isInterpreter = /\.[a-z]+$/.test(script ?? '')
    const end = (path: string, parts: number) => path.split('/').slice(-parts).join('/')
    return `${end(program, 1)}${isInterpreter ? ` ${end(script ?? '', 2)}` : ''}`
  } catch {
    return ''
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
