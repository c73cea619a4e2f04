import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'

/**
 * Something made once and kept on disk under the key of what it was made of, so that the next start has it at once. The
 * checksum before it finds what a power cut or a hand has damaged: that is made anew, and nothing is lost but time.
 */

/** An update, and the version that it may be taken back to, twice over. */
const KEPT_MAX = 4
const DIGEST_BYTES = 32

/** @param folder undefined: nothing is kept */
export async function keptOr<T>(
  folder: string | undefined,
  kind: string,
  key: string,
  make: () => Promise<T>,
): Promise<T> {
  if (folder === undefined) return make()
  const file = join(folder, `${kind}-${key}`)
  const kept = await readKept<T>(file)
  if (kept !== undefined) return kept
  const made = await make()
  // Where nothing can be kept (a full or read-only disk) each start makes it for itself.
  await keep(file, made)
    .then(() => leaveNewest(folder, kind))
    .catch(() => undefined)
  return made
}

async function readKept<T>(file: string): Promise<T | undefined> {
  const bytes = await readFile(file).catch(() => undefined)
  if (!bytes) return undefined
  const body = bytes.subarray(DIGEST_BYTES)
  return digest(body).equals(bytes.subarray(0, DIGEST_BYTES)) ? (deserialize(body) as T) : undefined
}

async function keep(file: string, made: unknown): Promise<void> {
  const body = serialize(made)
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 })
  // Two hubs of one user may do this at the same time.
  const temporary = `${file}.${randomUUID()}`
  try {
    await writeFile(temporary, Buffer.concat([digest(body), body]), { mode: 0o600 })
    await rename(temporary, file)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Also takes away what a kill has left half written. */
async function leaveNewest(folder: string, kind: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${kind}-`))
  const dated = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })))
  dated.sort((a, b) => b.at - a.at)
  await Promise.all(dated.slice(KEPT_MAX).map(({ name }) => rm(join(folder, name), { force: true })))
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
