import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { failed } from './failure.ts'

/** Pictures on disk, named by their content, for as long as they are kept. */
export interface PictureStore {
  /** On disk when it resolves. @throws {LinliError} PICTURE_UNKEPT */
  put(picture: Uint8Array): Promise<string>
  /** Undefined: it is kept no more, or never was. @throws {LinliError} PICTURE_DAMAGED */
  get(sha256: string): Promise<Buffer | undefined>
  /** Removes what is too old, and the oldest of what is too much. Returns how many. */
  tidy(limits: { age_ms_max: number; bytes_max: number }): Promise<number>
}

const NAME = /^[0-9a-f]{64}\.jpg$/
/** Faces: nobody else's to read. */
const OWNER_ONLY = { folder: 0o700, file: 0o600 }

export function createPictureStore(folder: string, deps: { now_ms: () => number }): PictureStore {
  const at = (sha256: string) => join(folder, `${sha256}.jpg`)

  async function write(sha256: string, picture: Uint8Array): Promise<void> {
    await mkdir(folder, { recursive: true, mode: OWNER_ONLY.folder })
    const { bavail, bsize } = await statfs(folder)
    if (bavail * bsize < FREE_BYTES_MIN) throw new Error('the disk is nearly full, and alarms need the rest')
    // Two cameras may give the same picture at the same time.
    const spare = join(folder, `.${sha256}.${process.hrtime.bigint()}.new`)
    try {
      const file = await open(spare, 'wx', OWNER_ONLY.file)
      try {
        await file.writeFile(picture)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(spare, at(sha256))
    } catch (error) {
      await rm(spare, { force: true })
      throw error
    }
    const names = await open(folder, 'r')
    try {
      await names.sync()
    } finally {
      await names.close()
    }
  }

  return {
    async put(picture) {
      const sha256 = createHash('sha256').update(picture).digest('hex')
      try {
        await write(sha256, picture)
      } catch (error) {
        throw failed('PICTURE_UNKEPT', reasonOf(error))
      }
      return sha256
    },
    async get(sha256) {
      const file = at(sha256)
      if (!NAME.test(`${sha256}.jpg`)) return undefined
      const picture = await readFile(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      })
      if (picture && createHash('sha256').update(picture).digest('hex') !== sha256)
        throw new LinliError('PICTURE_DAMAGED', `${file} is not what was written there`, { kind: 'fault' })
      return picture
    },
    async tidy({ age_ms_max, bytes_max }) {
      const names = await readdir(folder).catch(() => [])
      const found = await Promise.all(
        names.map(async (name) => {
          const { size, mtimeMs } = await stat(join(folder, name))
          return { name, size, taken_ms: mtimeMs }
        }),
      )
      let bytes = found.reduce((sum, { size }) => sum + size, 0)
      let removed = 0
      for (const { name, size, taken_ms } of found.sort((one, other) => one.taken_ms - other.taken_ms)) {
        const age_ms = deps.now_ms() - taken_ms
        // What a power cut left half written has another name.
        const isLeftOver = !NAME.test(name) && age_ms > LEFT_OVER_MS
        if (!isLeftOver && age_ms <= age_ms_max && bytes <= bytes_max) continue
        await rm(join(folder, name), { force: true })
        bytes -= size
        removed += 1
      }
      return removed
    },
  }
}

const LEFT_OVER_MS = 60_000
/** The journal is on this disk too. */
const FREE_BYTES_MIN = 200_000_000
