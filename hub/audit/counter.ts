import type { Audit } from './audit.ts'

/** What the command line asks of the audit log of a hub that runs. */

export interface AuditPageRequest {
  type: 'audit'
  after: number
}
export interface AuditPage {
  type: 'audit-page'
  lines: string[]
  /** Of the last line; as asked when there is nothing more. */
  position: number
}

/** About 2 MB: an answer of the counter holds it several times over. */
export const PAGE_LINES = 2_000

export function auditRequest(value: unknown): AuditPageRequest | undefined {
  const { type, after } = (value ?? {}) as Partial<AuditPageRequest>
  return type === 'audit' && Number.isSafeInteger(after) ? { type, after: after as number } : undefined
}

export async function atAudit(audit: Pick<Audit, 'read'>, { after }: AuditPageRequest): Promise<AuditPage> {
  return { type: 'audit-page', ...(await audit.read(after, PAGE_LINES)) }
}
