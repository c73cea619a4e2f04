import type {
  CredentialCode,
  CredentialsDelta,
  CredentialsHave,
  CredentialsUpdate,
  SnapshotPart,
} from '../../hub/contract/credentials.ts'
import type { LinliError } from '../../hub/contract/errors.ts'
import type { Folder } from '../../hub/journal/folder.ts'
import { createAssembly } from './assembly.ts'
import { applyDelta, checkDelta } from './delta.ts'
import { isOlder, isSame, type Position, positionOf } from './position.ts'
import type { CredentialStore } from './store.ts'
import { createVault } from './vault.ts'

/** The gateway's copy of the credentials: in memory, on disk, and exact as of a version of the hub. */
export interface Replica {
  readonly store: CredentialStore
  readonly position: Position
  have(): CredentialsHave
  /** One after the other, in the order of the calls. Never rejects. */
  apply(update: CredentialsUpdate): Promise<Applied>
}

export type Applied =
  /** `isKept` false: it holds, but the disk failed, and after a restart it has to be told again. */
  | { status: 'applied'; isKept: boolean; gone: readonly string[] | 'all-unknown' }
  | { status: 'known' }
  | { status: 'pending'; missing: number }
  | { status: 'refused'; code: CredentialCode; message: string }

export interface ReplicaDeps {
  folder: Folder
  onFault(fault: LinliError): void
}

/** 4 MB of updates. */
const WAITING_MAX = 64

export async function createReplica(deps: ReplicaDeps, keys: ReadonlySet<string>): Promise<Replica> {
  const vault = createVault(deps.folder, deps.onFault)
  const assembly = createAssembly()
  let { position, store } = await vault.load()
  let needs: CredentialCode | 'nothing-yet' | undefined = keys.has(position.key)
    ? undefined
    : position.version === 0
      ? 'nothing-yet'
      : 'CREDENTIALS_KEY'
  let waiting = 0
  let before: Promise<unknown> = Promise.resolve()

  function refuse(code: CredentialCode, message: string): Applied {
    // What is older than what is here is no reason to fetch anything.
    if (code !== 'CREDENTIALS_STALE' && code !== 'CREDENTIALS_BUSY') needs = code
    return { status: 'refused', code, message }
  }

  /** A revocation has to hold at once, whatever the disk says. */
  async function keep(save: Promise<void>): Promise<boolean> {
    try {
      await save
      return true
    } catch (error) {
      deps.onFault(error as LinliError)
      return false
    }
  }

  async function takePart(part: SnapshotPart): Promise<Applied> {
    const coming = positionOf(part)
    if (isOlder(coming, position))
      return refuse('CREDENTIALS_STALE', `version ${coming.version} is older than ${position.version}`)
    if (needs === undefined && isSame(coming, position)) return { status: 'known' }
    const added = assembly.add(part)
    if (added.status === 'refused') return refuse(added.code, added.message)
    if (added.status === 'pending') return added
    const isKept = await keep(vault.saveSnapshot(added.position, added.store))
    position = added.position
    store = added.store
    needs = undefined
    return { status: 'applied', isKept, gone: 'all-unknown' }
  }

  async function takeDelta(delta: CredentialsDelta): Promise<Applied> {
    const check = checkDelta(delta, position, store)
    if (check === 'known') return { status: 'known' }
    if (check !== 'fits') return refuse(check.code, check.message)
    assembly.drop()
    let isDone = false
    const done = () => {
      if (!isDone) applyDelta(delta, store)
      isDone = true
      return store
    }
    const isKept = await keep(vault.saveDelta(delta, done))
    done()
    position = positionOf(delta)
    return { status: 'applied', isKept, gone: delta.gone }
  }

  function take(update: CredentialsUpdate): Promise<Applied> | Applied {
    if (!keys.has(update.key)) return refuse('CREDENTIALS_KEY', `this gateway has no site key ${update.key}`)
    return update.type === 'snapshot' ? takePart(update) : takeDelta(update)
  }

  return {
    get store() {
      return store
    },
    get position() {
      return position
    },
    have: () => ({
      ...position,
      need: needs === undefined ? 'changes' : 'snapshot',
      ...(needs === undefined || needs === 'nothing-yet' ? {} : { code: needs }),
    }),
    apply(update) {
      if (waiting >= WAITING_MAX)
        return Promise.resolve(refuse('CREDENTIALS_BUSY', `${WAITING_MAX} updates are waiting already`))
      waiting++
      const applied = before.then(() => take(update)).finally(() => waiting--)
      before = applied.catch(() => undefined)
      return applied
    },
  }
}
