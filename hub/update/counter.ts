import type { Audit } from '../audit/audit.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import { VERSION } from './layout.ts'

/** What `linli update` and `linli rollback` tell the hub that runs, for its audit log. */

const version = Type.String({ pattern: VERSION.source })
const Request = Type.Object({
  type: Type.Literal('version-changed'),
  from: version,
  to: version,
  outcome: Type.Enum(['succeeded', 'failed']),
  why: Type.Optional(Type.String({ maxLength: 2000 })),
})
export type VersionRequest = Static<typeof Request>
export interface VersionAnswer {
  type: 'version-noted'
}
const check = checker(Request)

export function versionRequest(value: unknown): VersionRequest | undefined {
  if ((value as Partial<VersionRequest> | null)?.type !== 'version-changed') return undefined
  const checked = check(value)
  if (!checked.ok) throw checked.error
  return checked.value
}

export async function atVersion(audit: Pick<Audit, 'record'>, request: VersionRequest): Promise<VersionAnswer> {
  const { from, to, outcome, why } = request
  await audit.record({
    kind: 'configuration',
    action: 'update',
    actor: 'installer:linli-update',
    source: 'command-line',
    target: to,
    outcome,
    detail: { from, ...(why === undefined ? {} : { why }) },
  })
  return { type: 'version-noted' }
}
