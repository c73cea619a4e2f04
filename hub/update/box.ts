import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { askCounter } from '../counter/counter.ts'
import type { VersionAnswer, VersionRequest } from './counter.ts'
import type { Layout } from './layout.ts'
import type { UpdateDeps } from './update.ts'

/** What an update does to the box itself: services, their health, the hub's audit log. */

export interface BoxSettings {
  /** Units that run what is current. */
  services: readonly string[]
  /** Data folder of the hub on this box; undefined: there is none. */
  dataDir: string | undefined
  healthUrl: string | undefined
  /** How long a new version may take until it is well. */
  health_ms: number
}

/** A hub asks its journal first; a bad one seldom gets better after that. */
const LOOK_EVERY_MS = 1_000

type BoxDeps = Pick<UpdateDeps, 'prove' | 'restart' | 'healthy' | 'note' | 'isAlive' | 'boot'>

export function boxDeps(layout: Layout, settings: BoxSettings): BoxDeps {
  const { services, dataDir, healthUrl, health_ms } = settings
  /** What the doctor found wrong before: a new version is not to blame for it. */
  const before = doctorErrors(layout, dataDir)
  return {
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    isAlive: (pid) => existsSync(`/proc/${pid}`),
    async prove(folder, version) {
      const said = await run(nodeOf(folder), [join(folder, 'hub/cli/main.ts'), '--version'])
      if (said.trim() !== version)
        throw new LinliError('BUNDLE_INVALID', `the bundle says ${version}, what is in it ${said.trim()}`, {
          kind: 'fault',
        })
    },
    async restart() {
      // Type=notify: it returns when each of them says that it is ready.
      if (services.length > 0) await run('systemctl', ['restart', ...services])
    },
    async healthy() {
      const known = await before
      const end_ms = performance.now() + health_ms
      for (let last = ''; ; await pause(LOOK_EVERY_MS)) {
        last = (await notWell(healthUrl)) ?? ''
        if (last === '') break
        if (performance.now() >= end_ms) throw new LinliError('UPDATE_HEALTH', last, { kind: 'fault' })
      }
      const worse = (await doctorErrors(layout, dataDir)).filter((code) => !known.includes(code))
      if (worse.length > 0)
        throw new LinliError('UPDATE_HEALTH', `linli doctor: ${worse.join(', ')}`, { kind: 'fault' })
    },
    async note(outcome, from, to, why) {
      if (dataDir === undefined) return
      const request: VersionRequest = {
        type: 'version-changed',
        from,
        to,
        outcome,
        ...(why === undefined ? {} : { why: why.slice(0, 2000) }),
      }
      await askCounter<VersionAnswer>(dataDir, request).catch(() => undefined)
    },
  }
}

/** Undefined: it is well. */
async function notWell(url: string | undefined): Promise<string | undefined> {
  if (url === undefined) return undefined
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) })
    return answer.ok ? undefined : `${url} answers ${answer.status}`
  } catch (error) {
    return `${url}: ${reasonOf(error)}`
  }
}

/** Codes of errors, by the doctor of the version that runs. */
async function doctorErrors(layout: Layout, dataDir: string | undefined): Promise<string[]> {
  const version = layout.current()
  if (version === undefined || dataDir === undefined) return []
  const folder = layout.folderOf(version)
  const args = [join(folder, 'hub/cli/doctor/main.ts'), '--data', dataDir, '--json']
  const said = await run(nodeOf(folder), args).catch((error: unknown) => (error as { stdout?: string }).stdout ?? '')
  try {
    const { findings } = JSON.parse(said) as { findings: Array<{ level: string; code: string }> }
    return findings.filter(({ level }) => level === 'error').map(({ code }) => code)
  } catch {
    return ['DOCTOR_FAILED']
  }
}

function nodeOf(folder: string): string {
  return join(folder, 'node_modules/.bin/node')
}

function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      const fault = new LinliError('UPDATE_FAILED', `${program}: ${stderr.trim() || reasonOf(error)}`, {
        kind: 'fault',
      })
      reject(Object.assign(fault, { stdout }))
    })
  })
}

function pause(time_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time_ms))
}
