import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LinliError, reasonOf } from '../contract/errors.ts'

/** The site's key: without it nobody can tell which card a credential is. It stays on this machine and on the gateways. */

const KEY_FILE = 'credentials.key'
/** As long as the hash that it keys (RFC 2104 §3). */
const KEY_BYTES = 32

export function siteKeyFile(dataDir: string): string {
  return join(dataDir, KEY_FILE)
}

/**
 * Reads the key, or makes one when there is none.
 * @throws {LinliError} CREDENTIALS_KEY when the file is there and is no key: a new one would make all credentials unknown
 */
export function openSiteKey(dataDir: string): { key: Uint8Array; isNew: boolean } {
  const file = siteKeyFile(dataDir)
  const known = read(file)
  if (known) return { key: known, isNew: false }
  const isNew = make(dataDir, file)
  const key = read(file)
  if (!key) throw new LinliError('CREDENTIALS_KEY', `${file} disappeared`, { kind: 'fault' })
  return { key, isNew }
}

function read(file: string): Uint8Array | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LinliError('CREDENTIALS_KEY', `cannot read ${file}: ${reasonOf(error)}`, { kind: 'fault', cause: error })
  }
  if (!new RegExp(`^[0-9a-f]{${2 * KEY_BYTES}}$`).test(text)) {
    const message = `${file} is not a site key (${2 * KEY_BYTES} hex digits): restore it from a backup or from a gateway`
    throw new LinliError('CREDENTIALS_KEY', message, { kind: 'caller' })
  }
  return Buffer.from(text, 'hex')
}

/** By way of a link, so that the name never leads to half a key, and of two who make one at once the first wins. */
function make(dataDir: string, file: string): boolean {
  const spare = `${file}.${process.pid}.new`
  try {
    const handle = openSync(spare, 'w', 0o600)
    writeSync(handle, `${randomBytes(KEY_BYTES).toString('hex')}\n`)
    fsyncSync(handle)
    closeSync(handle)
    const isOurs = linked(spare, file)
    unlinkSync(spare)
    const folder = openSync(dataDir, 'r')
    fsyncSync(folder)
    closeSync(folder)
    return isOurs
  } catch (error) {
    throw new LinliError('CREDENTIALS_KEY', `cannot write ${file}: ${reasonOf(error)}`, { kind: 'fault', cause: error })
  }
}

function linked(spare: string, file: string): boolean {
  try {
    linkSync(spare, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
