import type { Audit } from '../audit/audit.ts'
import { type LinliError, reasonOf } from '../contract/errors.ts'
import type { CredentialSource } from './source.ts'

/** Ids named in one line; the counts are always whole. */
const IDS_MAX = 20

type Source = Pick<CredentialSource, 'change' | 'get' | 'all'>

/**
 * The credentials, with a line in the audit log for each change that installers make: on disk before the change, and one
 * more when it was refused. Ids are keyed hashes: nothing that opens a gate stands in it.
 */
export function audited(source: Source, audit: Pick<Audit, 'record'>): Source {
  return {
    get: (id) => source.get(id),
    all: () => source.all(),
    async change(change) {
      const { put = [], gone = [] } = change
      const entry = {
        kind: 'credential',
        action: 'change',
        actor: 'installer:linli-credential',
        source: 'command-line',
        detail: { put: put.length, gone: gone.length, ids: [...put.map(idOf), ...gone].slice(0, IDS_MAX) },
      } as const
      await audit.record({ ...entry, outcome: 'asked' })
      try {
        const version = await source.change(change)
        await audit.record({ ...entry, outcome: 'succeeded', detail: { ...entry.detail, version } })
        return version
      } catch (error) {
        const code = (error as Partial<LinliError>).code ?? 'CREDENTIALS_FAILED'
        await audit.record({ ...entry, outcome: 'failed', code, detail: { why: reasonOf(error).slice(0, 200) } })
        throw error
      }
    },
  }
}

function idOf(credential: unknown): string {
  const { id } = (credential ?? {}) as { id?: unknown }
  return typeof id === 'string' ? id.slice(0, 64) : ''
}
