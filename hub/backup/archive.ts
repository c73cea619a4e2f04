import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { checker } from '../contract/schema.ts'
import { Type } from '../contract/type.ts'
import { damaged } from './seal.ts'

/**
 * What is inside a backup: files, one behind the other. Each has a head, JSON with four bytes (big-endian) for its length before it,
 * and then its bytes. The first head says what this is, the last one how many files there are.
 */

export const VERSION = 1
const HEAD_BYTES_MAX = 4_096
const FILES_MAX = 10_000
/** Segments of letters, digits and . _ - that do not begin with a point more than once: nothing that leads out of a folder. */
const PATH = '^(?!.*(^|/)\\.\\.?(/|$))[A-Za-z0-9._@-]{1,100}(/[A-Za-z0-9._@-]{1,100}){0,8}$'

const Begin = Type.Object({
  format: Type.Literal('linli-backup'),
  version: Type.Integer(),
  made: Type.String({ maxLength: 40 }),
})
const File = Type.Object({ path: Type.String({ pattern: PATH }), bytes: Type.Integer({ minimum: 0 }) })
const End = Type.Object({ files: Type.Integer({ minimum: 0, maximum: FILES_MAX }) })
const checkBegin = checker(Begin)
const checkFile = checker(File)
const checkEnd = checker(End)

export interface Source {
  /** In the backup. */
  path: string
  /** On the disk. */
  file: string
}

export function isArchivable(path: string): boolean {
  return checkFile({ path, bytes: 0 }).ok
}

export async function* pack(sources: readonly Source[], made: string): AsyncGenerator<Uint8Array> {
  yield head({ format: 'linli-backup', version: VERSION, made })
  for (const { path, file } of sources) {
    // One handle: by its name it may be another file a moment later.
    const handle = await open(file)
    try {
      const { size } = await handle.stat()
      yield head({ path, bytes: size })
      let sent = 0
      if (size > 0)
        for await (const chunk of handle.createReadStream({ end: size - 1, autoClose: false })) {
          sent += (chunk as Buffer).length
          yield chunk as Buffer
        }
      if (sent !== size) throw new Error(`${file} became shorter while it was read`)
    } finally {
      await handle.close()
    }
  }
  yield head({ files: sources.length })
}

/**
 * Into a folder that is there and empty; each file is on disk before the next. The last head makes it whole.
 * @returns the paths and when it was made
 * @throws {LinliError} BACKUP_DAMAGED, BACKUP_NEWER
 */
export async function unpack(
  bytes: AsyncIterable<Uint8Array>,
  folder: string,
): Promise<{ paths: string[]; made: string }> {
  const from = createIntake(bytes)
  const begin = checkBegin(await nextHead(from))
  if (!begin.ok) throw damaged('it is no backup of Linli')
  if (begin.value.version !== VERSION)
    throw damaged(`it is of version ${begin.value.version}, this release reads ${VERSION}`)
  const paths: string[] = []
  for (;;) {
    const found = await nextHead(from)
    const end = checkEnd(found)
    if (end.ok) {
      if (end.value.files !== paths.length || !(await from.isAtEnd()))
        throw damaged('files are missing, or there are more')
      return { paths, made: begin.value.made }
    }
    const file = checkFile(found)
    if (!file.ok) throw damaged(`it names a file that must not be (${file.error.message})`)
    if (paths.length >= FILES_MAX || paths.includes(file.value.path))
      throw damaged(`${file.value.path} is there twice, or too much is`)
    paths.push(file.value.path)
    await write(join(folder, file.value.path), from.body(file.value.bytes))
  }
}

async function write(file: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(file, 'wx', 0o600)
  try {
    for await (const chunk of body) await handle.appendFile(chunk)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function head(value: object): Buffer {
  const text = Buffer.from(JSON.stringify(value))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text])
}

async function nextHead(from: Intake): Promise<unknown> {
  const length = (await from.take(4)).readUInt32BE()
  if (length > HEAD_BYTES_MAX) throw damaged('a head in it is too long')
  const json = decodeJson(await from.take(length))
  if (!json.ok) throw damaged('a head in it cannot be read')
  return json.value
}

interface Intake {
  take(bytes: number): Promise<Buffer>
  body(bytes: number): AsyncGenerator<Buffer>
  isAtEnd(): Promise<boolean>
}

function createIntake(bytes: AsyncIterable<Uint8Array>): Intake {
  const source = bytes[Symbol.asyncIterator]()
  let rest = Buffer.alloc(0)
  /** False at the end. */
  async function more(): Promise<boolean> {
    const next = await source.next()
    if (next.done) return false
    rest = Buffer.concat([rest, next.value])
    return true
  }
  async function* body(wanted: number): AsyncGenerator<Buffer> {
    for (let left = wanted; left > 0; ) {
      if (rest.length === 0 && !(await more())) throw damaged('it ends too early')
      const part = rest.subarray(0, left)
      rest = rest.subarray(part.length)
      left -= part.length
      yield part
    }
  }
  return {
    body,
    async take(wanted) {
      const parts: Buffer[] = []
      for await (const part of body(wanted)) parts.push(part)
      return Buffer.concat(parts)
    },
    async isAtEnd() {
      return rest.length === 0 && !(await more())
    },
  }
}
