import { createHash } from 'node:crypto'
import { type FileHandle, link, open, readFile, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Adapter } from 'lowdb'
import { LinliError, reasonOf } from '../contract/errors.ts'

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

export function durableJson<T>(file: string, events: DurableJsonEvents): Adapter<T> {
  const lastGood = `${file}.last-good`
  return {
    async read() {
      const current = await readSealed<T>(file)
      if (current.ok) return current.data
      const copy = await readSealed<T>(lastGood)
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
      const damagedCopy = `${file}.damaged-${new Date().toISOString().replaceAll(':', '')}`
      await rename(file, damagedCopy)
      events.onFallback({ file, damagedCopy, reason: current.reason })
      return copy.data
    },

    async write(data) {
      const sealed: Sealed<T> = { sha256: digest(data), data }
      await replaceDurably(file, `${JSON.stringify(sealed, null, 2)}\n`, () => keepCopy(file, lastGood))
    },
  }
}

/** A power cut leaves the old file or the new one. @param before it becomes the file of this name */
export async function replaceDurably(file: string, text: string, before?: () => Promise<void>): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.new`)
  await writeDurably(temporary, text)
  await before?.()
  await rename(temporary, file)
  await syncDirectory(dirname(file))
}

function digest(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex')
}

type Read<T> = { ok: true; data: T } | { ok: false; reason: string | undefined }

/** `reason` undefined means: there is no such file. */
async function readSealed<T>(file: string): Promise<Read<T>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { ok: false, reason: undefined }
    throw new LinliError('REGISTRY_UNREADABLE', `cannot read ${file}: ${reasonOf(error)}`, {
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

async function writeDurably(file: string, text: string): Promise<void> {
  const handle: FileHandle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A hard link, so that at every moment either name leads to a whole file. */
async function keepCopy(file: string, copy: string): Promise<void> {
  const spare = `${copy}.new`
  try {
    await ignoreMissing(unlink(spare))
    await link(file, spare)
    await rename(spare, copy)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function ignoreMissing(action: Promise<void>): Promise<void> {
  try {
    await action
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
