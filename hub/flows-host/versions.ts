import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LinliError } from '../contract/errors.ts'

/** The versions of a site's flows, by the program that knows their files. Each call rejects with its error. */
export interface FlowVersions {
  list(): Promise<ListedVersion[]>
  /** By node; without `to` the newest. */
  diff(from: string, to?: string): Promise<Differences>
  /** An older version (0: the shipped one) becomes the newest. @returns as which one it is kept */
  rollback(version: string, user: string): Promise<number>
}

export interface ListedVersion {
  version: number
  /** RFC 3339. */
  saved_at: string
  user: string
  /** It ran for a while without a loss of the process. */
  good: boolean
  /** Tabs, subflows and configuration nodes that differ from the shipped ones. */
  changed: number
  removed: number
}

export interface Differences {
  from: number
  to: number
  differences: Array<{
    what: 'added' | 'removed' | 'changed'
    flow: string
    id: string
    type: string
    name: string
    properties: string[]
  }>
}

const ENTRY = fileURLToPath(new URL('../../flows/versions/main.ts', import.meta.url))
/** Of 20 versions with all their nodes that differ. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024
const ANSWER_MS = 30_000

/** @param dataDir of the hub */
export function flowVersions(dataDir: string): FlowVersions {
  const ask = <A>(what: string, ...rest: string[]) => run<A>([what, join(dataDir, 'flows'), ...rest])
  return {
    list: async () => (await ask<{ versions: ListedVersion[] }>('list')).versions,
    diff: (from, to) => ask<Differences>('diff', from, ...(to === undefined ? [] : [to])),
    rollback: async (version, user) => (await ask<{ version: number }>('rollback', version, user)).version,
  }
}

function run<A>(args: string[]): Promise<A> {
  return new Promise((resolve, reject) => {
    const limits = { maxBuffer: ANSWER_BYTES_MAX, timeout: ANSWER_MS }
    execFile(process.execPath, [ENTRY, ...args], limits, (failed, stdout, stderr) => {
      try {
        const answer = JSON.parse(stdout) as A & Wrong
        if (failed) reject(new LinliError(answer.code, answer.message, { kind: answer.kind }))
        else resolve(answer)
      } catch {
        const message = `the versions of the flows could not be read: ${failed?.message ?? stderr}`
        reject(new LinliError('FLOWS_FAILED', message.slice(0, 400), { kind: 'fault' }))
      }
    })
  })
}

interface Wrong {
  code: string
  kind: 'caller' | 'fault'
  message: string
}
