import type { CredentialCode, CredentialsDelta } from '../../hub/contract/credentials.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import type { Folder } from '../../hub/journal/folder.ts'
import { changeLine, changesName, isChangesName, readChanges } from './changes-file.ts'
import { applyDelta, checkDelta } from './delta.ts'
import { NOWHERE, type Position, positionOf } from './position.ts'
import { readSnapshot, type Snapshot, snapshotChunks } from './snapshot-file.ts'
import { type CredentialStore, createCredentialStore } from './store.ts'

/**
 * The credentials on disk: a snapshot, the changes since, and the same of the one before it. At every moment of every
 * write either the old or the new is whole under its name. One call at a time.
 */
export interface Vault {
  /** What was found, the last good one if the newest is damaged, or nothing. Never rejects. */
  load(): Promise<Snapshot>
  /** On disk when it resolves. Rejects with CREDENTIALS_IO. */
  saveSnapshot(position: Position, store: CredentialStore): Promise<void>
  /**
   * Puts a change behind the last snapshot; on disk when it resolves. Rejects with CREDENTIALS_IO.
   * @param after the store with the change in it, written whole when the changes have become many
   */
  saveDelta(delta: CredentialsDelta, after: () => CredentialStore): Promise<void>
}

const NEWEST = 'snapshot'
const LAST_GOOD = 'snapshot.last-good'
/** Changes up to this size are read again at each start; a whole snapshot of 50,000 is 8 MB. */
const CHANGES_BYTES_MAX = 1024 * 1024

export function createVault(folder: Folder, onFault: (fault: LinliError) => void): Vault {
  /** The snapshot that the changes are behind, and the bytes of them; undefined: the next save has to be a whole one. */
  let base: { position: Position; changes_bytes: number } | undefined
  /** The changes behind either snapshot: none of them may be deleted. */
  let newestChanges: string | undefined
  let lastGoodChanges: string | undefined

  async function loadFrom(name: string): Promise<(Snapshot & { changes: string }) | { damaged: string } | undefined> {
    try {
      const content = await folder.read(name)
      if (!content) return undefined
      const snapshot = await readSnapshot(content)
      if ('damaged' in snapshot) return snapshot
      const changes = changesName(snapshot.position)
      return { ...(await withChanges(snapshot, changes)), changes }
    } catch (error) {
      return { damaged: reasonOf(error) }
    }
  }

  async function withChanges({ position: start, store }: Snapshot, name: string): Promise<Snapshot> {
    const content = (await folder.read(name)) ?? Buffer.alloc(0)
    const { deltas, isCut } = readChanges(content)
    let position = start
    let isBroken = isCut
    for (const delta of deltas) {
      const check = checkDelta(delta, position, store)
      if (check === 'known') continue
      isBroken ||= check !== 'fits'
      if (check !== 'fits') break
      applyDelta(delta, store)
      position = positionOf(delta)
    }
    if (isCut)
      onFault(fault('CREDENTIALS_DAMAGED', `${name} ends in a line that is not whole; what was before it holds`))
    base = isBroken ? undefined : { position: start, changes_bytes: content.length }
    return { position, store }
  }

  /** Rename, so that one who looks for the reason still finds it. */
  async function setAside(name: string, reason: string): Promise<void> {
    onFault(fault('CREDENTIALS_DAMAGED', `${name} is damaged (${reason}); it was set aside as ${name}.damaged`))
    await folder.rename(name, `${name}.damaged`).catch(() => undefined)
  }

  async function load(): Promise<Snapshot> {
    // A process that was killed may have left names that are not on disk yet; what is built on them would go with them.
    await folder.syncNames().catch((error) => onFault(fault('CREDENTIALS_IO', reasonOf(error))))
    for (const name of [NEWEST, LAST_GOOD]) {
      const found = await loadFrom(name)
      if (!found) continue
      if (!('damaged' in found)) {
        if (name === NEWEST) newestChanges = found.changes
        else lastGoodChanges = found.changes
        return found
      }
      await setAside(name, found.damaged)
    }
    base = undefined
    return { position: NOWHERE, store: createCredentialStore() }
  }

  async function saveSnapshot(position: Position, store: CredentialStore): Promise<void> {
    base = undefined
    await folder.write(`${NEWEST}.new`, snapshotChunks(position, store))
    await folder.sync(`${NEWEST}.new`)
    await folder.remove(`${LAST_GOOD}.new`)
    // A second name rather than a copy: at every moment either name leads to a whole file.
    if (await folder.link(NEWEST, `${LAST_GOOD}.new`)) {
      await folder.rename(`${LAST_GOOD}.new`, LAST_GOOD)
      lastGoodChanges = newestChanges
    }
    await folder.rename(`${NEWEST}.new`, NEWEST)
    await folder.syncNames()
    const changes = changesName(position)
    newestChanges = changes
    for (const name of await folder.names())
      if (isChangesName(name) && (name !== lastGoodChanges || name === changes)) await folder.remove(name)
    base = { position, changes_bytes: 0 }
  }

  async function saveDelta(delta: CredentialsDelta, after: () => CredentialStore): Promise<void> {
    const line = changeLine(delta)
    if (!base || base.changes_bytes + line.length > CHANGES_BYTES_MAX) return saveSnapshot(positionOf(delta), after())
    const kept = base
    const name = changesName(kept.position)
    base = undefined
    await folder.append(name, line)
    await folder.sync(name)
    // The first change made the file: its name has to be on disk too.
    if (kept.changes_bytes === 0) await folder.syncNames()
    base = { ...kept, changes_bytes: kept.changes_bytes + line.length }
  }

  const saving = async (save: Promise<void>) => {
    try {
      await save
    } catch (error) {
      throw new LinliError('CREDENTIALS_IO', `the credentials cannot be written: ${reasonOf(error)}`, {
        kind: 'fault',
        cause: error,
      })
    }
  }
  return {
    load,
    saveSnapshot: (position, store) => saving(saveSnapshot(position, store)),
    saveDelta: (delta, after) => saving(saveDelta(delta, after)),
  }
}

function fault(code: CredentialCode, message: string): LinliError {
  return new LinliError(code, message, { kind: 'fault' })
}
