import type { Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** Whether others on this machine can read what they must not. */

/** stat(2): what group and others may. */
const OTHERS = 0o077
const SECRET = /^(registry\.json.*|credentials\.key.*|identity\.json.*|upstreams\.json|.*\.key(\.new)?|counter\.sock)$/
const FOLDERS = ['authority']

export const secrets: Probe = async ({ dataDir, secretFiles }) => {
  const whole = await stat(dataDir)
  const findings: Finding[] = []
  if ((whole.mode & OTHERS) !== 0) findings.push(open('warning', dataDir, whole, '700'))
  for (const file of [...secretFiles, ...(await secretsIn(dataDir))]) {
    const found = await stat(file).catch(() => undefined)
    if (found && (found.mode & OTHERS) !== 0) findings.push(open('error', file, found, '600'))
  }
  findings.push(...ofAnother(dataDir, whole))
  if (findings.length > 0) return findings
  return [ok('SECRETS_CLOSED', '密钥文件仅所有者可读', 'secrets can be read by their owner alone')]
}

async function secretsIn(dataDir: string): Promise<string[]> {
  const all = await Promise.all(
    ['', ...FOLDERS].map(async (folder) => {
      const names = await readdir(join(dataDir, folder)).catch(() => [])
      return names.filter((name) => SECRET.test(name)).map((name) => join(dataDir, folder, name))
    }),
  )
  return all.flat()
}

function open(level: 'warning' | 'error', path: string, { mode }: Stats, wanted: string): Finding {
  const is = (mode & 0o777).toString(8)
  const code = level === 'error' ? 'SECRET_OPEN' : 'FOLDER_OPEN'
  const says = { zh: `他人可访问 ${path}(${is})`, en: `others can get at ${path} (${is})` }
  const fix = `chmod ${wanted} '${path}'`
  return wrong(level, code, says, { zh: fix, en: fix })
}

function ofAnother(dataDir: string, { uid }: Stats): Finding[] {
  const self = process.getuid?.()
  if (self === undefined || self === 0 || uid === self) return []
  const says = { zh: `${dataDir} 属于用户 ${uid}`, en: `${dataDir} belongs to user ${uid}` }
  const en = `run this and the hub as user ${uid}, or: sudo chown -R ${self} '${dataDir}'`
  return [wrong('warning', 'FOLDER_OF_ANOTHER', says, { zh: `以该用户运行,或 sudo chown -R ${self} '${dataDir}'`, en })]
}
