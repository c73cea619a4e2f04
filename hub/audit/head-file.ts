import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { checker } from '../contract/schema.ts'
import { Type } from '../contract/type.ts'
import type { Head } from './chain.ts'

/** The last line of the audit log, kept beside the journal: whoever cuts off the end of one has the other to explain. */

const HEAD_FILE = 'audit-head.json'
const StoredHead = Type.Object({
  sequence: Type.Integer({ minimum: 0 }),
  hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
})
const checkHead = checker(StoredHead)

export async function writeHead(dataDir: string, head: Head): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, HEAD_FILE)
  const handle = await open(`${file}.new`, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(head)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** `missing` before the first line, and when somebody took it away; `damaged` is for people to look at. */
export async function readHead(dataDir: string): Promise<Head | 'missing' | 'damaged'> {
  let bytes: Buffer
  try {
    bytes = await readFile(join(dataDir, HEAD_FILE))
  } catch {
    return 'missing'
  }
  const json = decodeJson(bytes)
  const head = json.ok ? checkHead(json.value) : json
  return head.ok ? head.value : 'damaged'
}
