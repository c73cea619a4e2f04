import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isArchivable, pack, unpack } from './archive.ts'
import { opened, sealed } from './seal.ts'

/** What a backup holds comes back as it was, and nothing else comes back. */

const PASSPHRASE = 'a long passphrase'
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-archive-'))
  mkdirSync(join(dir, 'out'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function* chunksOf(bytes: Uint8Array, length = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}
const head = (value: object) => {
  const text = Buffer.from(JSON.stringify(value))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text])
}
const BEGIN = head({ format: 'linli-backup', version: 1, made: 'now' })
const restoreFrom = (bytes: Uint8Array, length?: number) => unpack(chunksOf(bytes, length), join(dir, 'out'))

describe('the files of a backup', () => {
  const sources = () =>
    ['a.json', 'empty', 'authority/ca.key'].map((path, at) => {
      const file = join(dir, `file-${at}`)
      writeFileSync(file, path === 'empty' ? '' : Buffer.alloc(70_000, path))
      return { path, file }
    })
  it.each([1, 7, 100_000])('come back, only for their owner, however they are cut (%d bytes)', async (length) => {
    const bytes = await whole(pack(sources(), 'now'))
    const small = length === 1 ? await whole(pack(sources().slice(1, 2), 'now')) : bytes
    const { paths } = await restoreFrom(small, length)
    for (const path of paths) {
      const back = readFileSync(join(dir, 'out', path))
      expect(back.equals(path === 'empty' ? Buffer.alloc(0) : Buffer.alloc(70_000, path))).toBe(true)
      expect(statSync(join(dir, 'out', path)).mode & 0o777).toBe(0o600)
    }
    expect(paths).toContain('empty')
  })
  it.each(['../evil', '/etc/evil', 'a/../../evil', './evil', 'a//b', '..', 'a\\..\\b', 'a\0b', '', 'a/b/'])(
    'never have the path %j',
    async (path) => {
      expect(isArchivable(path)).toBe(false)
      const bytes = Buffer.concat([BEGIN, head({ path, bytes: 1 }), Buffer.from('x'), head({ files: 1 })])
      await expect(restoreFrom(bytes)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
      expect(readdirSync(join(dir, 'out'))).toEqual([])
      expect(readdirSync(dir)).not.toContain('evil')
    },
  )
  it('are refused when some are missing, twice there, too long, or of another version', async () => {
    const file = Buffer.concat([head({ path: 'a', bytes: 1 }), Buffer.from('x')])
    for (const bytes of [
      [BEGIN, file],
      [BEGIN, file, head({ files: 2 })],
      [BEGIN, file, head({ files: 1 }), Buffer.from('more')],
      [BEGIN, file, file, head({ files: 2 })],
      [BEGIN, head({ path: 'a', bytes: 1e15 }), Buffer.from('x')],
      [head({ format: 'linli-backup', version: 2, made: 'now' })],
      [Buffer.from([0xff, 0xff, 0xff, 0xff])],
      [],
    ]) {
      rmSync(join(dir, 'out'), { recursive: true })
      mkdirSync(join(dir, 'out'))
      await expect(restoreFrom(Buffer.concat(bytes))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
    }
  })
})

describe('a sealed backup', () => {
  it('opens with its passphrase, and with no other; changed or cut off it does not', async () => {
    const plain = Buffer.alloc(200_000, 'linli')
    const bytes = await whole(await sealed(chunksOf(plain), PASSPHRASE))
    expect(bytes.subarray(0, 21).toString()).toBe('age-encryption.org/v1')
    expect(bytes.includes('linlilinli')).toBe(false)
    expect((await whole(opened(chunksOf(bytes), PASSPHRASE))).equals(plain)).toBe(true)
    await expect(whole(opened(chunksOf(bytes), 'another passphrase'))).rejects.toMatchObject({
      code: 'BACKUP_PASSPHRASE',
    })
    // Cut between two of age's chunks of 64 KiB as well.
    const headBytes = bytes.length - 200_000 - 4 * 16
    for (const length of [0, 30, headBytes + 65_552, bytes.length - 1])
      await expect(
        whole(opened(chunksOf(bytes.subarray(0, length)), PASSPHRASE)),
        String(length),
      ).rejects.toMatchObject({
        code: 'BACKUP_DAMAGED',
      })
    const changed = Buffer.from(bytes)
    changed[bytes.length - 100] = (changed[bytes.length - 100] ?? 0) ^ 1
    await expect(whole(opened(chunksOf(changed), PASSPHRASE))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
  })
})
