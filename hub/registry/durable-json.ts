import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { Adapter } from 'lowdb'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { type Folder, folderAt } from '../journal/folder.ts'

/**
 * A lowdb adapter that a power cut cannot empty: write a temporary file, fsync it, keep the old one as the last good
 * copy, rename, fsync the directory. lowdb's own writer renames without any fsync, which is how other hubs lost their
 * configuration. The content carries a checksum, so that a torn or hand-broken file is noticed instead of half read.
 */

interface Sealed<T> {
  sha256: string
  data: T
}

export interface DurableJsonEvents {
  /** The current file was damaged and set aside; the last good copy is in use. */
  onFallback(details: { file: string; damagedCopy: string; reason: string }): void
}

/** @param folder where the file lies, step by step, so that a test can cut the power between two */
export function durableJson<T>(
  file: string,
  events: DurableJsonEvents,
  folder: Folder = folderAt(dirname(file)),
): Adapter<T> {
  const name = basename(file)
  const copyName = `${name}.last-good`
  const lastGood = `${file}.last-good`
  return {
    async read() {
      const current = await readSealed<T>(folder, name)
      if (current.ok) return current.data
      const copy = await readSealed<T>(folder, copyName)
      if (current.reason === undefined && copy.ok) {
        // Only the copy exists: the power went between the two renames of an older version, or somebody deleted the file.
        events.onFallback({ file, damagedCopy: lastGood, reason: 'the file is missing' })
        return copy.data
      }
      if (current.reason === undefined) return null
      if (!copy.ok) {
        throw new LinliError(
          'REGISTRY_DAMAGED',
          `${file} is damaged (${current.reason}) and there is no good copy at ${lastGood}; restore a backup or move the file away to start empty`,
          { kind: 'fault' },
        )
      }
      const aside = `${name}.damaged-${new Date().toISOString().replaceAll(':', '')}`
      await folder.rename(name, aside)
      events.onFallback({ file, damagedCopy: join(dirname(file), aside), reason: current.reason })
      return copy.data
    },

    async write(data) {
      const sealed: Sealed<T> = { sha256: digest(data), data }
      const temporary = `.${name}.new`
      await folder.write(temporary, [`${JSON.stringify(sealed, null, 2)}\n`])
      await folder.sync(temporary)
      await keepCopy(folder, name, copyName)
      await folder.rename(temporary, name)
      await folder.syncNames()
    },
  }
}

function digest(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex')
}

type Read<T> = { ok: true; data: T } | { ok: false; reason: string | undefined }

/** `reason` undefined means: there is no such file. */
async function readSealed<T>(folder: Folder, name: string): Promise<Read<T>> {
  let text: string
  try {
    const bytes = await folder.read(name)
    if (bytes === undefined) return { ok: false, reason: undefined }
    text = bytes.toString('utf8')
  } catch (error) {
    throw new LinliError('REGISTRY_UNREADABLE', `cannot read ${name}: ${reasonOf(error)}`, {
      kind: 'fault',
      cause: error,
    })
  }
  try {
    const sealed = JSON.parse(text) as Sealed<T>
    if (sealed.sha256 !== digest(sealed.data)) return { ok: false, reason: 'checksum does not match' }
    return { ok: true, data: sealed.data }
  } catch (error) {
    return { ok: false, reason: text.length === 0 ? 'the file is empty' : reasonOf(error) }
  }
}

/** A hard link, so that at every moment either name leads to a whole file. */
async function keepCopy(folder: Folder, name: string, copy: string): Promise<void> {
  const spare = `${copy}.new`
  await folder.remove(spare)
  if (await folder.link(name, spare)) await folder.rename(spare, copy)
}
