import { CREDENTIALS_MAX, type CredentialsHave, SetDigest } from '../../hub/contract/credentials.ts'

/** What exactly a copy of the credentials is a copy of. */
export type Position = Pick<CredentialsHave, 'key' | 'epoch' | 'version' | 'digest'>

/** Of a gateway that was never told anything: the key is nobody's. */
export const NOWHERE: Position = { key: '00000000', epoch: 0, version: 0, digest: new SetDigest().hex }

/** Whether `a` is older; the same version is not. */
export function isOlder(a: Position, b: Position): boolean {
  return a.epoch !== b.epoch ? a.epoch < b.epoch : a.version < b.version
}

export function isSame(a: Position, b: Position): boolean {
  return a.key === b.key && a.epoch === b.epoch && a.version === b.version && a.digest === b.digest
}

export function positionOf({ key, epoch, version, digest }: Position): Position {
  return { key, epoch, version, digest }
}

/** More of them than a store takes are a mistake, whatever they say. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= CREDENTIALS_MAX
}
