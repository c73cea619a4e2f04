import { type Static, Type } from 'typebox'
import type { Audit } from '../audit/audit.ts'
import { checker } from '../contract/schema.ts'
import type { Log } from '../journal/types.ts'
import type { Registry } from '../registry/registry.ts'

/** What `linli backup` asks of a hub that runs: a copy of its journal, which nobody else can open meanwhile. */

const Request = Type.Object({
  type: Type.Literal('journal-copy'),
  /** Where to, not there yet; a path of this machine. */
  path: Type.String({ pattern: '^/', maxLength: 1000 }),
})
export type CopyRequest = Static<typeof Request>
export interface CopyAnswer {
  type: 'journal-copied'
}

const check = checker(Request)

export function copyRequest(value: unknown): CopyRequest | undefined {
  if ((value as Partial<CopyRequest> | null)?.type !== 'journal-copy') return undefined
  const checked = check(value)
  if (!checked.ok) throw checked.error
  return checked.value
}

/** The line of the audit log is written before the copy is made, so that it is in the backup as well. */
export async function atCopy(
  { log, audit, registry }: { log: Log; audit: Audit; registry: Pick<Registry, 'flush'> },
  { path }: CopyRequest,
): Promise<CopyAnswer> {
  await audit.record(backupEntry('backup'))
  await registry.flush()
  await log.copyTo(path)
  return { type: 'journal-copied' }
}

export function backupEntry(action: 'backup' | 'restore') {
  return {
    kind: 'configuration',
    action,
    actor: 'installer:linli-backup',
    source: 'command-line',
    outcome: 'asked',
  } as const
}
