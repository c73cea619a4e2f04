import type { CredentialCode, SnapshotPart } from '../../hub/contract/credentials.ts'
import { isSame, type Position, positionOf } from './position.ts'
import { type CredentialStore, createCredentialStore } from './store.ts'

/**
 * A snapshot that is coming in, in parts, in any order, some of them twice. Only one at a time: a part of another begins
 * a new one, because the hub sends one only when it has given up the one before.
 */
export interface Assembly {
  add(part: SnapshotPart): Added
  /** Parts that are still to come; 0 when nothing is coming in. */
  readonly missing: number
  drop(): void
}

export type Added =
  | { status: 'pending'; missing: number }
  | { status: 'whole'; position: Position; store: CredentialStore }
  | { status: 'refused'; code: CredentialCode; message: string }

export function createAssembly(): Assembly {
  let coming:
    | { position: Position; count: number; parts: number; store: CredentialStore; seen: Set<number> }
    | undefined

  function refuse(code: CredentialCode, message: string): Added {
    coming = undefined
    return { status: 'refused', code, message }
  }

  return {
    get missing() {
      return coming ? coming.parts - coming.seen.size : 0
    },
    drop() {
      coming = undefined
    },
    add(part) {
      const position = positionOf(part)
      const { count, parts } = part
      if (!coming || !isSame(coming.position, position) || coming.count !== count || coming.parts !== parts)
        coming = { position, count, parts, store: createCredentialStore(count), seen: new Set() }
      const { store, seen } = coming
      if (!seen.has(part.part)) {
        seen.add(part.part)
        if (!part.put.every((credential) => store.put(credential)))
          return refuse('CREDENTIALS_LIMIT', 'the snapshot has more than a gateway holds')
      }
      if (seen.size < parts) return { status: 'pending', missing: parts - seen.size }
      if (store.count !== count || store.digest !== position.digest)
        return refuse('CREDENTIALS_DIGEST', `the parts of version ${position.version} do not make what its digest says`)
      coming = undefined
      return { status: 'whole', position, store }
    },
  }
}
