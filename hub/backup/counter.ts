import type { Audit } from '../audit/audit.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import { HISTORY_FILE } from '../history/file.ts'
import type { HistoryBackend } from '../history/types.ts'
import { ARCHIVE_FILE, type Archive } from '../incidents/archive/types.ts'
import type { Log } from '../journal/types.ts'
import type { Registry } from '../registry/registry.ts'

/** What `linli backup` asks of a hub that runs: a copy of its journal, which nobody else can open meanwhile. */

const Request = Type.Object({
  type: Type.Literal('journal-copy'),
  /** Where to, not there yet; a path of this machine. */
  path: Type.String({ pattern: '^/', maxLength: 1000 }),
  /** The readings of the past as well. */
  history: Type.Optional(Type.Boolean()),
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

/** Where the copy of closed incidents stands, beside that of the journal. */
export function archiveBeside(path: string): string {
  return `${path}.${ARCHIVE_FILE}`
}

export function historyBeside(path: string): string {
  return `${path}.${HISTORY_FILE}`
}

/** The line of the audit log is written before the copy is made, so that it is in the backup as well. */
export async function atCopy(
  {
    log,
    audit,
    registry,
    archive,
    history,
  }: {
    log: Log
    audit: Audit
    registry: Pick<Registry, 'flush'>
    archive: Pick<Archive, 'copyTo'>
    history: Pick<HistoryBackend, 'copyTo'> | undefined
  },
  { path, history: isWithHistory }: CopyRequest,
): Promise<CopyAnswer> {
  await audit.record(backupEntry('backup'))
  await registry.flush()
  // After the journal: what moves from there to archive and history meanwhile is in both copies, never in neither.
  await log.copyTo(path)
  await archive.copyTo(archiveBeside(path))
  if (isWithHistory) await history?.copyTo(historyBeside(path))
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
