import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { arch, cpus, loadavg, release, tmpdir, totalmem, uptime } from 'node:os'
import { join, resolve } from 'node:path'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { AUDIT_LINE, allowed, allowedMetrics, DOCTOR, GATEWAY, LOG_LINE, SITE } from './allowed.ts'

/** One file for whoever helps: how a box is, without its secrets and without what is private about people. */

export interface SupportSources {
  version: string
  dataDir: string
  role: 'hub' | 'gateway'
  /** Text of the configuration; undefined: there is none. */
  config(): Promise<string | undefined>
  /** What `linli doctor --json` says. */
  doctor(): Promise<string>
  /** The hub's page; undefined: there is none here. */
  metrics(): Promise<string | undefined>
  /** JSON lines, newest last. */
  logs(): Promise<string>
  auditLines(): Promise<string[]>
}

export interface Made {
  files: Array<{ name: string; bytes: number }>
  /** What could not be had, by the code of why. */
  missing: Record<string, string>
}

const AUDIT_LINES = 200
/** Names that our own programs give in a data folder. */
const OWN_NAMES =
  /^(journal|history|spool|configuration|credentials|readers|authority|flows|pictures|[\w-]{1,30}\.(json|db|db-wal|db-shm|key|crt|sock)|reserve-[a-z]+)$/

export async function makeBundle(sources: SupportSources, out: string): Promise<Made> {
  if (existsSync(out))
    throw new LinliError('OPTION_INVALID', `${out} is there already: give a new name`, { kind: 'caller' })
  const folder = await mkdtemp(join(tmpdir(), 'linli-support-'))
  const missing: Made['missing'] = {}
  const files: Made['files'] = []
  const put = async (name: string, content: () => Promise<string | undefined>) => {
    try {
      const text = await content()
      if (text === undefined) return
      await writeFile(join(folder, name), text)
      files.push({ name, bytes: Buffer.byteLength(text) })
    } catch (error) {
      // Only the code: a message quotes what it found.
      missing[name] = error instanceof LinliError ? error.code : 'FAILED'
    }
  }
  try {
    await put('box.json', () => box(sources))
    await put('config.json', async () => configOf(sources.role, await sources.config()))
    await put('doctor.json', async () => pretty(allowed(JSON.parse(await sources.doctor()), DOCTOR)))
    await put('metrics.txt', async () => {
      const page = await sources.metrics()
      return page === undefined ? undefined : allowedMetrics(page)
    })
    await put('log.jsonl', async () => jsonLines((await sources.logs()).split('\n'), LOG_LINE))
    await put('audit.jsonl', async () => jsonLines((await sources.auditLines()).slice(-AUDIT_LINES), AUDIT_LINE))
    await put('data.json', async () => pretty(await sizes(sources.dataDir)))
    await put('contents.json', async () => pretty({ files, missing }))
    await tar(folder, resolve(out))
    return { files, missing }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function box({ version, dataDir, role }: SupportSources): Promise<string> {
  const { bavail, blocks, bsize } = await statfs(dataDir)
  const model = await readFile('/proc/device-tree/model', 'utf8').catch(() => '')
  const memory = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const available_kb = Number(/^MemAvailable:\s+(\d+)/m.exec(memory)?.[1] ?? 0)
  return pretty({
    linli: version,
    role,
    node: process.version,
    kernel: release(),
    arch: arch(),
    model: model.replaceAll('\0', '').slice(0, 80),
    time: new Date().toISOString(),
    uptime_s: Math.round(uptime()),
    cpus: cpus().length,
    load: loadavg(),
    memory: { total_bytes: totalmem(), available_bytes: available_kb * 1024 },
    disk: { total_bytes: blocks * bsize, free_bytes: bavail * bsize },
  })
}

function configOf(role: SupportSources['role'], text: string | undefined): string | undefined {
  return text === undefined ? undefined : pretty(allowed(JSON.parse(text), role === 'hub' ? SITE : GATEWAY))
}

function jsonLines(lines: readonly string[], by: typeof LOG_LINE): string {
  return lines
    .flatMap((line) => {
      try {
        return [`${JSON.stringify(allowed(JSON.parse(line), by))}\n`]
      } catch {
        return []
      }
    })
    .join('')
}

/** Sizes of what is ours by name; everything else is one sum. */
async function sizes(dataDir: string): Promise<object> {
  const own: Record<string, number> = {}
  let others_bytes = 0
  const look = async (folder: string, path: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const at = join(folder, entry.name)
      const name = `${path}${entry.name}`
      const isOwn = OWN_NAMES.test(entry.name)
      if (entry.isDirectory() && isOwn) await look(at, `${name}/`)
      else if (entry.isFile() && isOwn) own[name] = (await stat(at)).size
      else if (entry.isFile()) others_bytes += (await stat(at)).size
    }
  }
  await look(dataDir, '')
  return { files: own, others_bytes }
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function tar(folder: string, out: string): Promise<void> {
  return new Promise((done, reject) => {
    const umask = process.umask(0o077)
    const args = ['--create', '--gzip', `--file=${out}`, `--directory=${folder}`, '--owner=0', '--group=0', '.']
    execFile('tar', args, (error, _stdout, stderr) => {
      process.umask(umask)
      if (error) reject(new LinliError('SUPPORT_FAILED', `tar: ${stderr.trim() || reasonOf(error)}`, { kind: 'fault' }))
      else done()
    })
  })
}
