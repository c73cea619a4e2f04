import { type Credential, decodeCredential } from '../contract/credentials.ts'
import { decodeJson } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import type { CompactedLane, Entry } from '../journal/types.ts'

/** How the credentials stand in the hub's journal: one entry for each id, and one for the epoch. */

/**
 * In the journal and not in a file of the registry's kind: a change appends one entry, where the file would be written
 * anew with all fifty thousand.
 */
export const CREDENTIAL_LANE: CompactedLane = { name: 'credential', kind: 'compacted' }

/** No id of a credential has this length. */
export const EPOCH_KEY = 'epoch'

export type Stored = { type: 'credential'; credential: Credential } | { type: 'epoch'; epoch: number }

export function readEntry({ key, payload }: Entry): Stored | undefined {
  const json = decodeJson(payload)
  if (!json.ok) return undefined
  if (key === EPOCH_KEY) {
    const { epoch } = (json.value ?? {}) as { epoch?: unknown }
    return Number.isSafeInteger(epoch) ? { type: 'epoch', epoch: epoch as number } : undefined
  }
  const credential = decodeCredential(json.value)
  return credential.ok && credential.value.id === key ? { type: 'credential', credential: credential.value } : undefined
}

export function epochPayload(epoch: number): Uint8Array {
  return encodeJson({ epoch })
}
