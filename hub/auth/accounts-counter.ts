import type { Audit } from '../audit/audit.ts'
import { LinliError } from '../contract/errors.ts'
import type { ClientEntry, Registry } from '../registry/registry.ts'
import { checkGrants, type Grants, NO_GRANTS, withGrants, withoutGrants } from './grants.ts'

/** What `linli client` asks: of a hub that runs at its counter, of one that stands still directly. */

export type AccountRequest =
  | { type: 'account-put'; name: string; entry: ClientEntry }
  | { type: 'account-remove'; name: string }
  | { type: 'account-grant' | 'account-revoke'; name: string; grants: Grants }
  | { type: 'account-list' }
export type Account = { name: string } & Omit<ClientEntry, 'secret'>
export type AccountAnswer = { type: 'account-changed' } | { type: 'accounts'; accounts: Account[] }

/**
 * Resolves when it is on disk; connections of an account that changed have ended by then, and whoever comes back is asked
 * again. @throws {LinliError} ACCOUNT_UNKNOWN, GRANT_UNKNOWN, GRANT_INVALID
 */
export async function atAccounts(
  registry: Pick<Registry, 'data' | 'client' | 'putClient' | 'removeClient' | 'flush'>,
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
  else if (request.type === 'account-remove') {
    if (!registry.removeClient(request.name)) throw unknown(request.name)
  } else regrant(registry, request)
  await registry.flush()
  return { type: 'account-changed' }
}

function regrant(
  registry: Pick<Registry, 'client' | 'putClient'>,
  { type, name, grants }: AccountRequest & { type: 'account-grant' | 'account-revoke' },
): void {
  const entry = registry.client(name)
  if (!entry) throw unknown(name)
  if (entry.role !== 'platform') {
    const message = `${name} has the role ${entry.role}, whose rights are fixed; grants are for platforms`
    throw new LinliError('GRANT_INVALID', message, { kind: 'caller' })
  }
  const change = type === 'account-grant' ? withGrants : withoutGrants
  registry.putClient(name, { ...entry, grants: change(entry.grants ?? NO_GRANTS, grants) })
}

function unknown(name: string): LinliError {
  return new LinliError('ACCOUNT_UNKNOWN', `there is no account ${name}; linli client list names them`, {
    kind: 'caller',
  })
}

/** The same, with a line in the audit log before an account changes, and one about how that went. */
export async function auditedAccounts(
  audit: Pick<Audit, 'record'>,
  registry: Parameters<typeof atAccounts>[0],
  request: AccountRequest,
): Promise<AccountAnswer> {
  if (request.type === 'account-list') return atAccounts(registry, request)
  const detail = detailOf(request)
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

function detailOf(request: Exclude<AccountRequest, { type: 'account-list' }>): object {
  if (request.type === 'account-remove') return {}
  if (request.type !== 'account-put') return { grants: request.grants }
  const { secret: _secret, ...detail } = request.entry
  return detail
}

const ROLES: readonly string[] = ['gateway', 'camera', 'platform', 'home-assistant'] satisfies Array<
  ClientEntry['role']
>

/** Undefined: the request is about something else. @throws {LinliError} SCHEMA_VIOLATION */
export function accountRequest(value: unknown): AccountRequest | undefined {
  const { type, name, entry, grants } = (value ?? {}) as Record<'type' | 'name' | 'entry' | 'grants', unknown>
  if (type === 'account-list') return { type }
  if (type === 'account-remove' && typeof name === 'string') return { type, name }
  if (type === 'account-put' && typeof name === 'string' && isEntry(entry)) return { type, name, entry }
  if ((type === 'account-grant' || type === 'account-revoke') && typeof name === 'string')
    return { type, name, grants: grantsOf(grants) }
  if (typeof type !== 'string' || !type.startsWith('account-')) return undefined
  throw new LinliError('SCHEMA_VIOLATION', `not a whole request about accounts: ${type}`, { kind: 'caller' })
}

/** @throws {LinliError} GRANT_INVALID */
function grantsOf(value: unknown): Grants {
  const checked = checkGrants(value)
  if (!checked.ok) throw checked.error
  return checked.value
}

function isEntry(value: unknown): value is ClientEntry {
  const { role, secret, gateway, camera, grants } = (value ?? {}) as Record<string, unknown>
  const isTextOrAbsent = (one: unknown) => one === undefined || typeof one === 'string'
  return (
    typeof role === 'string' &&
    ROLES.includes(role) &&
    typeof secret === 'string' &&
    isTextOrAbsent(gateway) &&
    isTextOrAbsent(camera) &&
    (grants === undefined || checkGrants(grants).ok)
  )
}
