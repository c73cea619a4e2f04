import type { Audit } from '../audit/audit.ts'
import { LinliError } from '../contract/errors.ts'
import type { ClientEntry, Registry } from '../registry/registry.ts'

/** What `linli client` asks: of a hub that runs at its counter, of one that stands still directly. */

export type AccountRequest =
  | { type: 'account-put'; name: string; entry: ClientEntry }
  | { type: 'account-remove'; name: string }
  | { type: 'account-list' }
export interface Account {
  name: string
  role: ClientEntry['role']
  gateway?: string
  camera?: string
}
export type AccountAnswer = { type: 'account-changed' } | { type: 'accounts'; accounts: Account[] }

/** Resolves when it is on disk. @throws {LinliError} ACCOUNT_UNKNOWN */
export async function atAccounts(
  registry: Pick<Registry, 'data' | 'putClient' | 'removeClient' | 'flush'>,
  request: AccountRequest,
): Promise<AccountAnswer> {
  if (request.type === 'account-list') {
    const accounts = Object.entries(registry.data.clients).map(([name, { secret: _secret, ...rest }]) => ({
      name,
      ...rest,
    }))
    return { type: 'accounts', accounts }
  }
  if (request.type === 'account-put') registry.putClient(request.name, request.entry)
  else if (!registry.removeClient(request.name)) {
    throw new LinliError('ACCOUNT_UNKNOWN', `there is no account ${request.name}; linli client list names them`, {
      kind: 'caller',
    })
  }
  await registry.flush()
  return { type: 'account-changed' }
}

/** The same, with a line in the audit log before an account changes, and one about how that went. */
export async function auditedAccounts(
  audit: Pick<Audit, 'record'>,
  registry: Parameters<typeof atAccounts>[0],
  request: AccountRequest,
): Promise<AccountAnswer> {
  if (request.type === 'account-list') return atAccounts(registry, request)
  const { secret: _secret, ...detail } = request.type === 'account-put' ? request.entry : { secret: '' }
  const entry = {
    kind: 'credential',
    action: request.type,
    actor: 'installer:linli-client',
    source: 'command-line',
    target: request.name,
    detail,
  } as const
  await audit.record({ ...entry, outcome: 'asked' })
  try {
    const answer = await atAccounts(registry, request)
    await audit.record({ ...entry, outcome: 'succeeded' })
    return answer
  } catch (error) {
    const code = error instanceof LinliError ? error.code : 'REGISTRY_IO'
    await audit.record({ ...entry, outcome: 'failed', code })
    throw error
  }
}

const ROLES: readonly string[] = ['gateway', 'camera', 'platform', 'home-assistant'] satisfies Array<
  ClientEntry['role']
>

/** Undefined: the request is about something else. @throws {LinliError} SCHEMA_VIOLATION */
export function accountRequest(value: unknown): AccountRequest | undefined {
  const { type, name, entry } = (value ?? {}) as { type?: unknown; name?: unknown; entry?: unknown }
  if (type === 'account-list') return { type }
  if (type === 'account-remove' && typeof name === 'string') return { type, name }
  if (type === 'account-put' && typeof name === 'string' && isEntry(entry)) return { type, name, entry }
  if (typeof type !== 'string' || !type.startsWith('account-')) return undefined
  throw new LinliError('SCHEMA_VIOLATION', `not a whole request about accounts: ${type}`, { kind: 'caller' })
}

function isEntry(value: unknown): value is ClientEntry {
  const { role, secret, gateway, camera } = (value ?? {}) as Record<string, unknown>
  const isTextOrAbsent = (one: unknown) => one === undefined || typeof one === 'string'
  return (
    typeof role === 'string' &&
    ROLES.includes(role) &&
    typeof secret === 'string' &&
    isTextOrAbsent(gateway) &&
    isTextOrAbsent(camera)
  )
}
