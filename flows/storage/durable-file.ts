import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Files that a power cut leaves whole: write a temporary file, fsync it, rename it over the old one, fsync the folder.
 * Readable by their owner only: flows and sessions are what somebody needs to take over the estate's automation.
 */

const OWNER_ONLY = 0o600

const writing = new Map<string, Promise<void>>()

/** Writes of one file come one after another: two logins at once both save the sessions. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const before = writing.get(file) ?? Promise.resolve()
  const mine = before.catch(() => {}).then(() => writeNow(file, text))
  writing.set(file, mine)
  try {
    await mine
  } finally {
    if (writing.get(file) === mine) writing.delete(file)
  }
}

async function writeNow(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = join(dirname(file), `.${basename(file)}.new`)
  const handle = await open(temporary, 'w', OWNER_ONLY)
  try {
    // A temporary file left by a power cut keeps its old mode.
    await handle.chmod(OWNER_ONLY)
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  await syncFolder(dirname(file))
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The text of a file; undefined when there is none. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export type OnDamaged = (details: { file: string; reason: string }) => void

/**
 * A JSON object from a file; `{}` when there is none. A damaged file is set aside under `*.damaged`, so that the flows
 * still start.
 */
export async function readJsonObject(file: string, onDamaged: OnDamaged): Promise<Record<string, unknown>> {
  const text = await readIfThere(file)
  if (text === undefined) return {}
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    throw new Error('not a JSON object')
  } catch (error) {
    await rename(file, `${file}.damaged`)
    onDamaged({ file, reason: (error as Error).message })
    return {}
  }
}
