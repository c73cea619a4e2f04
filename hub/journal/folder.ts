import { link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * A folder as files that survive need it: the single steps, so that a test can cut the power after each. Nothing is
 * sure to be on disk before its `sync`, no name before `syncNames`.
 */
export interface Folder {
  /** The whole content; undefined when there is no such file. */
  read(name: string): Promise<Buffer | undefined>
  /** A new file, or the old one emptied first. */
  write(name: string, chunks: Iterable<string>): Promise<void>
  append(name: string, text: string): Promise<void>
  sync(name: string): Promise<void>
  /** Over whatever has the new name. */
  rename(from: string, to: string): Promise<void>
  /** A second name for the same file; false when there is no such file. */
  link(from: string, to: string): Promise<boolean>
  /** Nothing happens when there is no such file. */
  remove(name: string): Promise<void>
  names(): Promise<string[]>
  syncNames(): Promise<void>
}

/** Hashes are no secrets, but whoever has the key can try cards against them. */
const OWNER_ONLY = 0o600

/** The whole file is the old or the new one whenever the power goes. */
export async function replaceFile(
  folder: Pick<Folder, 'write' | 'sync' | 'rename' | 'syncNames'>,
  name: string,
  text: string,
): Promise<void> {
  const temporary = `.${name}.new`
  await folder.write(temporary, [text])
  await folder.sync(temporary)
  await folder.rename(temporary, name)
  await folder.syncNames()
}

/** A folder of the file system, made when missing. */
export async function openFolder(path: string): Promise<Folder> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 })
  if (made !== undefined) await syncFolder(dirname(path))
  return folderAt(path)
}

/** A folder of the file system that is there, or without any file when it is not. */
export function folderAt(path: string): Folder {
  const at = (name: string) => join(path, name)
  return {
    read: (name) => orMissing(readFile(at(name)), undefined),
    async write(name, chunks) {
      const handle = await open(at(name), 'w', OWNER_ONLY)
      try {
        for (const chunk of chunks) await handle.appendFile(chunk)
      } finally {
        await handle.close()
      }
    },
    async append(name, text) {
      const handle = await open(at(name), 'a', OWNER_ONLY)
      try {
        await handle.appendFile(text)
      } finally {
        await handle.close()
      }
    },
    async sync(name) {
      const handle = await open(at(name), 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
    rename: (from, to) => rename(at(from), at(to)),
    link: (from, to) =>
      orMissing(
        link(at(from), at(to)).then(() => true),
        false,
      ),
    remove: (name) => orMissing(unlink(at(name)), undefined),
    names: () => readdir(path),
    syncNames: () => syncFolder(path),
  }
}

async function orMissing<T, M>(action: Promise<T>, missing: M): Promise<T | M> {
  try {
    return await action
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return missing
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
