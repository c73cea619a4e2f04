#!/usr/bin/env node
// The `linli` command. Plain old JavaScript on purpose: whatever Node is on the machine can run this file, finds the
// pinned Node that npm installed beside us, and hands over to it. Each subcommand is a program of its own, so that a
// gateway on a small box does not carry the command line in memory.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const programs = JSON.parse(readFileSync(join(root, 'hub/cli/programs.json'), 'utf8'))
const [name, ...rest] = process.argv.slice(2)
const known = name !== undefined && Object.hasOwn(programs, name)
const { entry, flags, stays, environment } = known ? programs[name] : { entry: 'hub/cli/main.ts', flags: [] }
const args = [...flags, join(root, entry), ...(known ? rest : process.argv.slice(2))]
const node = pinnedNode()
// Compiled sources are kept between starts: 40 MB less memory per process, and a quicker start. Below the user's own
// home, because whoever can write there decides what runs.
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'linli', 'node')
const path = `${dirname(node)}:${process.env.PATH ?? ''}`
const env = { NODE_COMPILE_CACHE: cache, ...environment, ...process.env, PATH: path }
if (stays) compileOnce()

if (typeof process.execve === 'function') {
  process.execve(node, [node, ...args], env)
} else {
  const child = spawn(node, args, { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128)
  })
}

/**
 * A program that stays would keep what compiling takes of memory (50 MB) until it ends, so before the first start with new
 * sources a process that ends compiles them. Where nothing can be kept, each start compiles for itself.
 */
function compileOnce() {
  const mark = join(cache, `${name}-${newestSource()}`)
  if (env.NODE_COMPILE_CACHE !== cache || existsSync(mark)) return
  try {
    mkdirSync(cache, { recursive: true })
    writeFileSync(mark, '')
  } catch {
    return
  }
  if (process.stderr.isTTY) process.stderr.write('linli: 首次启动，先编译一次 / first start, compiling once\n')
  spawnSync(node, [...flags, join(root, 'hub/cli/compile.ts'), join(root, entry)], {
    env,
    stdio: 'ignore',
    timeout: 120_000,
  })
}

/** When the youngest source or library came, in milliseconds since 1970. */
function newestSource() {
  const sources = ['hub', 'firmware'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(root, room, file)),
  )
  const times = [join(root, 'package-lock.json'), ...sources].map((file) => statSync(file).mtimeMs)
  return Math.floor(Math.max(...times))
}

/** The Node of package.json; the one we run on when it is new enough and the pinned one is not for this machine. */
function pinnedNode() {
  const packageName = `node-linux-${process.arch}`
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`))
    const binary = join(folder, 'bin', 'node')
    if (existsSync(binary)) return binary
  } catch {
    // Not installed: falls through to the running Node.
  }
  const major = Number(process.versions.node.split('.')[0])
  if (major >= 26) return process.execPath
  process.stderr.write(
    `linli: needs Node 26 or newer and found ${process.version}; run "npm ci" in ${root} to install the pinned one\n`,
  )
  process.exit(2)
}
