import { LinliError } from '../contract/errors.ts'
import type { CredentialSource } from './source.ts'

/** What the command line asks about credentials: of a hub that runs at its counter, of one that stands still directly. */

export type CredentialRequest = { type: 'change'; put: unknown[]; gone: string[] } | { type: 'list' }
export interface Listed {
  id: string
  kind: string
  class: string
}
export type CredentialAnswer =
  | { type: 'changed'; version: number; unknown: string[] }
  | { type: 'listed'; credentials: Listed[] }

/** What both ways to the credentials do: the socket of a running hub, and the journal of one that stands still. */
export async function atCredentials(
  source: Pick<CredentialSource, 'change' | 'get' | 'all'>,
  request: CredentialRequest,
): Promise<CredentialAnswer> {
  if (request.type === 'list') {
    const credentials = [...source.all()].map(({ id, kind, class: klass }) => ({ id, kind, class: klass }))
    return { type: 'listed', credentials }
  }
  const unknown = request.gone.filter((id) => !source.get(id))
  const version = await source.change(request)
  return { type: 'changed', version, unknown }
}

/** @throws {LinliError} SCHEMA_VIOLATION */
export function credentialRequest(value: unknown): CredentialRequest {
  const { type, put, gone } = (value ?? {}) as { type?: unknown; put?: unknown; gone?: unknown }
  if (type === 'list') return { type }
  const isText = (value: unknown): value is string => typeof value === 'string'
  if (type === 'change' && Array.isArray(put) && Array.isArray(gone) && gone.every(isText)) return { type, put, gone }
  throw new LinliError('SCHEMA_VIOLATION', 'neither "list" nor "change" with put and gone', { kind: 'caller' })
}
