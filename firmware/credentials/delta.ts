import {
  CREDENTIALS_MAX,
  type CredentialCode,
  type CredentialsDelta,
  SetDigest,
  textOf,
} from '../../hub/contract/credentials.ts'
import { isOlder, isSame, type Position, positionOf } from './position.ts'
import type { CredentialStore } from './store.ts'

/** Whether a delta leads from what is here to what it says, found out before anything is touched. */
export type DeltaCheck = 'fits' | 'known' | { code: CredentialCode; message: string }

export function checkDelta(delta: CredentialsDelta, here: Position, store: CredentialStore): DeltaCheck {
  if (isSame(positionOf(delta), here)) return 'known'
  if (delta.epoch === here.epoch && isOlder(positionOf(delta), here))
    return { code: 'CREDENTIALS_STALE', message: `version ${delta.version} is older than ${here.version}` }
  const start: Position = { key: delta.key, epoch: delta.epoch, version: delta.from, digest: delta.fromdigest }
  if (!isSame(start, here))
    return {
      code: 'CREDENTIALS_GAP',
      message: `the changes begin at version ${delta.from} of epoch ${delta.epoch}; the gateway has ${here.version} of ${here.epoch}`,
    }
  const digest = new SetDigest(here.digest)
  let count = store.count
  for (const id of delta.gone) {
    const before = store.get(id)
    if (!before) continue
    digest.toggle(textOf(before))
    count--
  }
  for (const credential of delta.put) {
    const before = store.get(credential.id)
    if (before) digest.toggle(textOf(before))
    else count++
    digest.toggle(textOf(credential))
  }
  if (digest.hex !== delta.digest)
    return { code: 'CREDENTIALS_DIGEST', message: `version ${delta.version} does not have the digest that it claims` }
  if (count > CREDENTIALS_MAX || !store.hasRoomFor(delta.put))
    return { code: 'CREDENTIALS_LIMIT', message: `${count} credentials with their gates and schedules do not fit` }
  return 'fits'
}

/** Only after `checkDelta` said that it fits. */
export function applyDelta(delta: CredentialsDelta, store: CredentialStore): void {
  for (const id of delta.gone) store.remove(id)
  for (const credential of delta.put) store.put(credential)
}
