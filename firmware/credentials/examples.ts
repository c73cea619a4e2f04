import {
  type Credential,
  type CredentialsDelta,
  credentialId,
  keyId,
  normalForm,
  SetDigest,
  type SnapshotPart,
  textOf,
} from '../../hub/contract/credentials.ts'

/** Credentials, and a hub of a few lines that tells of them: for tests. */

export const KEY = Uint8Array.from({ length: 32 }, (_, at) => at)
export const KEY_ID = keyId(KEY)

export function card(number: number, rights: Partial<Credential> = {}): Credential {
  return normalForm({
    id: credentialId(KEY, 'card', `h10301:1:${number}`),
    kind: 'card',
    class: 'resident',
    gates: ['door-1'],
    antipassback: 'none',
    ...rights,
  })
}

/** A random credential without what a schema cannot forbid. */
export function consistent({ until_s, pin, duresspin, duress, ...rest }: Credential): Credential {
  const ownPin = rest.kind === 'card' ? pin : undefined
  return normalForm({
    ...rest,
    ...(until_s === undefined || until_s <= (rest.from_s ?? 0) ? {} : { until_s }),
    ...(ownPin === undefined ? {} : { pin: ownPin }),
    ...(ownPin === undefined || duresspin === undefined || duresspin === ownPin ? {} : { duresspin }),
    ...(rest.kind === 'pin' && duress ? { duress } : {}),
  })
}

/** What a hub would say, version by version. */
export function createTeller(epoch = 1) {
  const all = new Map<string, Credential>()
  let version = 0
  const digest = () => {
    const set = new SetDigest()
    for (const one of all.values()) set.toggle(textOf(one))
    return set.hex
  }
  return {
    all,
    get position() {
      return { key: KEY_ID, epoch, version, digest: digest() }
    },
    change(put: Credential[], gone: string[] = []): CredentialsDelta {
      const from = { from: version, fromdigest: digest() }
      for (const id of gone) all.delete(id)
      for (const one of put) all.set(one.id, one)
      version++
      return { type: 'delta', ...this.position, ...from, put, gone }
    },
    snapshot(parts = 1): SnapshotPart[] {
      const list = [...all.values()]
      const size = Math.ceil(list.length / parts)
      return Array.from({ length: parts }, (_, at) => ({
        type: 'snapshot',
        ...this.position,
        count: list.length,
        part: at + 1,
        parts,
        put: list.slice(at * size, (at + 1) * size),
      }))
    },
  }
}
