import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { type Service, type UnitFile, unitName } from './units.ts'

/** Puts units into a system: the one that runs, or the folder of an image. */

export function writeUnits(root: string, files: readonly UnitFile[]): string[] {
  return files.map(({ path, text }) => {
    const file = join(root, path)
    try {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text, { mode: 0o644 })
    } catch (error) {
      throw new LinliError('SERVICE_UNWRITABLE', `cannot write ${file}: ${reasonOf(error)}; use sudo, or --root`, {
        kind: 'caller',
      })
    }
    return file
  })
}

export function removeUnits(root: string, files: readonly UnitFile[]): void {
  for (const { path } of files) rmSync(join(root, path), { force: true })
}

export function installedUnit(root: string, service: Service): string | undefined {
  try {
    return readFileSync(join(root, '/etc/systemd/system', unitName(service)), 'utf8')
  } catch {
    return undefined
  }
}

/** @throws {LinliError} SERVICE_FAILED with what the program said */
export function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      const said = stderr.trim() || reasonOf(error)
      reject(new LinliError('SERVICE_FAILED', `${program} ${args.join(' ')}: ${said}`, { kind: 'fault' }))
    })
  })
}

/** Of systemd; the oldest that we know when it cannot be asked. */
export async function systemdVersion(): Promise<number> {
  const said = await run('systemctl', ['--version']).catch(() => '')
  return Number(/^systemd (\d+)/.exec(said)?.[1] ?? 252)
}

/** As systemd says it now. */
export async function serviceState(service: Service): Promise<Record<string, string>> {
  const properties = ['ActiveState', 'SubState', 'StatusText', 'MainPID', 'NRestarts', 'MemoryCurrent', 'UnitFileState']
  const said = await run('systemctl', ['show', unitName(service), `--property=${properties.join(',')}`])
  const pairs = said.split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}
