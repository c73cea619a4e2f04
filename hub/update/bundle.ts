import { execFile } from 'node:child_process'
import { createHash, sign, verify } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import { VERSION } from './layout.ts'

/** A version to carry to a box: `NAME.tar.gz`, and beside it `NAME.json` that says what it is, signed in `NAME.sig`. */

const Manifest = Type.Object(
  {
    version: Type.String({ pattern: VERSION.source }),
    arch: Type.String({ maxLength: 20 }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    unpacked_bytes: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false },
)
export type Manifest = Static<typeof Manifest>
const check = checker(Manifest, 'BUNDLE_INVALID')

/** Beside what is unpacked: a hub must not run into a full disk because of an update. */
const SPARE_BYTES = 200 * 1024 * 1024
/** What a box runs; tests, benchmarks and the history of the repository stay behind. */
const PARTS = [
  'package.json',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'hub',
  'firmware',
  'flows',
  'hardware-sim',
  'node_modules',
]

/** @param key PEM of the publisher's Ed25519 private key; undefined: it is not signed */
export async function pack(
  app: string,
  out: string,
  key: string | undefined,
): Promise<{ file: string; manifest: Manifest }> {
  const { version } = JSON.parse(await readFile(join(app, 'package.json'), 'utf8')) as { version: string }
  const name = join(out, `linli-${version}-${process.arch}`)
  const file = `${name}.tar.gz`
  await run('tar', [
    '--create',
    '--gzip',
    `--file=${file}`,
    `--directory=${app}`,
    '--exclude=*.test.ts',
    '--exclude=.cache',
    ...PARTS,
  ])
  const listed = await run('tar', ['--list', '--verbose', `--file=${file}`])
  const unpacked_bytes = listed.split('\n').reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2] ?? 0), 0)
  const manifest: Manifest = { version, arch: process.arch, sha256: await sha256Of(file), unpacked_bytes }
  const text = `${JSON.stringify(manifest)}\n`
  await writeFile(`${name}.json`, text)
  if (key === undefined) await rm(`${name}.sig`, { force: true })
  else await writeFile(`${name}.sig`, sign(null, Buffer.from(text), key).toString('base64'))
  return { file, manifest }
}

/**
 * What the bundle says of itself, once it is known to be true.
 * @param publisher PEM of the publisher's public key; undefined: only the checksum is looked at
 * @throws {LinliError} BUNDLE_INVALID, BUNDLE_UNTRUSTED, BUNDLE_DAMAGED, BUNDLE_ARCH
 */
export async function inspect(file: string, publisher: string | undefined): Promise<Manifest> {
  const name = file.replace(/\.tar\.gz$/, '')
  const bytes = await readFile(`${name}.json`).catch((error: unknown) => {
    throw refused('BUNDLE_INVALID', `what belongs to ${file} is missing: ${reasonOf(error)}`)
  })
  if (publisher !== undefined) {
    const signature = await readFile(`${name}.sig`, 'utf8').catch(() => '')
    if (!isSigned(bytes, signature, publisher))
      throw refused('BUNDLE_UNTRUSTED', `${name}.json is not signed by the publisher whom this box trusts`)
  }
  const json = decodeJson(bytes)
  const checked = json.ok ? check(json.value) : json
  if (!checked.ok) throw refused('BUNDLE_INVALID', `${name}.json: ${checked.error.message}`)
  const manifest = checked.value
  if (manifest.arch !== process.arch)
    throw refused('BUNDLE_ARCH', `the bundle is for ${manifest.arch}, this box is ${process.arch}`)
  if ((await sha256Of(file)) !== manifest.sha256)
    throw refused('BUNDLE_DAMAGED', `${file} is not what ${name}.json says: copy it again`)
  return manifest
}

/** @throws {LinliError} UPDATE_ROOM */
export async function checkRoom(base: string, { unpacked_bytes }: Manifest): Promise<void> {
  const { bavail, bsize } = await statfs(base)
  const needed = unpacked_bytes + SPARE_BYTES
  if (bavail * bsize >= needed) return
  const message = `${base} has ${Math.round((bavail * bsize) / 1e6)} MB left and ${Math.round(needed / 1e6)} MB are needed: make room`
  throw new LinliError('UPDATE_ROOM', message, { kind: 'fault' })
}

/** All of it is on disk when it resolves. tar itself takes no path out of the folder. */
export async function unpack(file: string, into: string): Promise<void> {
  await run('tar', ['--extract', '--gzip', `--file=${file}`, `--directory=${into}`, '--no-same-owner'])
  await run('sync', ['--file-system', into])
}

function isSigned(bytes: Buffer, signature: string, publisher: string): boolean {
  try {
    return verify(null, bytes, publisher, Buffer.from(signature, 'base64'))
  } catch {
    return false
  }
}

async function sha256Of(file: string): Promise<string> {
  await stat(file).catch((error: unknown) => {
    throw refused('BUNDLE_INVALID', reasonOf(error))
  })
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      reject(new LinliError('UPDATE_FAILED', `${program}: ${stderr.trim() || reasonOf(error)}`, { kind: 'fault' }))
    })
  })
}

function refused(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}
