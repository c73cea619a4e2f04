import { createHash } from 'node:crypto'
import { type Decoded, LinliError } from '../contract/errors.ts'
import { parseJsonText } from '../contract/json-text.ts'
import { type Folder, replaceFile } from '../journal/folder.ts'
import { migrate, SITE_FORMAT, type SiteFormat } from './migrations.ts'
import { SITE_CODE, type SiteConfig } from './schema.ts'

/**
 * `site.json` is for people to edit, so that its checksum stands beside it and not in it. Three files in the data folder:
 * `site.json`; `site.json.sha256`, what Linli last wrote or took over (`sha256sum -c` reads it); `site.json.last-good`, a
 * copy of what is in use. The rename of the first is the moment of a change; the two others follow it, and are put right
 * at the next look when the power went in between.
 */

export const SITE_FILE = 'site.json'
const CHECKSUM_FILE = `${SITE_FILE}.sha256`
const LAST_GOOD_FILE = `${SITE_FILE}.last-good`
/** Of a site with 5,000 devices it is 2 MB. */
const SITE_BYTES_MAX = 16 * 1024 * 1024

export type SiteFolder = Pick<Folder, 'read' | 'write' | 'sync' | 'rename' | 'syncNames'>

export interface SiteRead {
  config: SiteConfig
  /** What `config` was read from, byte for byte. */
  text: string
  /** Somebody else than Linli wrote the file since: by hand, or Linli when the power went. */
  isEdited: boolean
  /** Version of the file, when it is an older one. */
  migratedFrom: number | undefined
  /** Why `site.json` is not what is in use, but the last good one. */
  mistake: LinliError | undefined
}

/**
 * Reads without writing anything. Undefined: there is no site here.
 * @throws {LinliError} SITE_INVALID when neither the file nor its last good copy can be used
 */
export async function readSite(folder: SiteFolder, format: SiteFormat = SITE_FORMAT): Promise<SiteRead | undefined> {
  const [current, lastGood, sum] = [
    await folder.read(SITE_FILE),
    await folder.read(LAST_GOOD_FILE),
    await folder.read(CHECKSUM_FILE),
  ]
  if (current === undefined && lastGood === undefined) return undefined
  const isKnown = (bytes: Buffer) => sum?.toString('latin1').startsWith(digest(bytes)) === true
  const decoded = current === undefined ? missing() : decodeSite(current, format)
  if (decoded.ok) {
    const isEdited = current !== undefined && !(isKnown(current) && lastGood?.equals(current) === true)
    return { ...decoded.value, isEdited, mistake: undefined }
  }
  const copy = lastGood && decodeSite(lastGood, format)
  if (!copy?.ok) throw decoded.error
  return { ...copy.value, isEdited: false, migratedFrom: undefined, mistake: decoded.error }
}

/** Bytes of the file → site. The error has the field, what it may be, and the line. */
export function decodeSite(
  bytes: Uint8Array,
  format: SiteFormat = SITE_FORMAT,
): Decoded<Pick<SiteRead, 'config' | 'text' | 'migratedFrom'>> {
  if (bytes.length > SITE_BYTES_MAX) return mistake(1, `the file is larger than ${SITE_BYTES_MAX} bytes`)
  const text = Buffer.from(bytes).toString('utf8')
  if (text.trim() === '') return mistake(1, 'the file is empty')
  const json = parseJsonText(text)
  if (!json.ok) return mistake(json.line, `not valid JSON: ${json.what}`)
  const { value, lineOf } = json.value
  const migrated = migrate(value, format)
  if (migrated.ok) return { ok: true, value: { ...migrated.value, text } }
  const { path, message } = migrated.error
  return mistake(path === undefined ? 1 : lineOf(path), message, path)
}

function missing(): Decoded<never> {
  return mistake(undefined, 'the file is missing')
}

function mistake(line: number | undefined, what: string, path?: string): { ok: false; error: LinliError } {
  const message = line === undefined ? `${SITE_FILE}: ${what}` : `${SITE_FILE} line ${line}: ${what}`
  const options = path === undefined ? ({ kind: 'caller' } as const) : ({ kind: 'caller', path } as const)
  return { ok: false, error: new LinliError(SITE_CODE, message, options) }
}

export function formatSite(config: SiteConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`
}

/** Makes `config` the site. Whenever the power goes, the site is the old or the new one. */
export async function writeSite(folder: SiteFolder, config: SiteConfig): Promise<string> {
  const text = formatSite(config)
  await replaceFile(folder, SITE_FILE, text)
  await takeOver(folder, text)
  return text
}

/** What stands in `site.json` is in use from now on. */
export async function takeOver(folder: SiteFolder, text: string): Promise<void> {
  await replaceFile(folder, LAST_GOOD_FILE, text)
  await replaceFile(folder, CHECKSUM_FILE, `${digest(Buffer.from(text, 'utf8'))}  ${SITE_FILE}\n`)
}

/** The file of an older version stays beside the new one. */
export async function keepOld(folder: SiteFolder, text: string, version: number): Promise<void> {
  await replaceFile(folder, `${SITE_FILE}.v${version}`, text)
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
