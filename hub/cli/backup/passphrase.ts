import { readFile } from 'node:fs/promises'
import { PASSPHRASE_CHARS_MIN } from '../../backup/seal.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { askHidden } from '../ask-hidden.ts'
import { word } from './words.ts'

/** The passphrase of a backup: from a file, the environment or the terminal; never from the arguments, which everybody can list. */

const VARIABLE = 'LINLI_BACKUP_PASSPHRASE'
const nowhere = () => invalid(word('nowhere'))

/** @param isNew asked for twice, and long enough. @throws {LinliError} PASSPHRASE_INVALID */
export async function passphraseOf(file: string | undefined, isNew: boolean): Promise<string> {
  const found = await given(file)
  const passphrase = found ?? (await askHidden(word('passphrase'), nowhere))
  if (isNew && passphrase.length < PASSPHRASE_CHARS_MIN) throw invalid(word('short'))
  if (isNew && found === undefined && (await askHidden(word('again'), nowhere)) !== passphrase)
    throw invalid(word('differs'))
  return passphrase
}

async function given(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return process.env[VARIABLE]
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw invalid(reasonOf(error))
  })
  return text.replace(/\r?\n$/, '')
}

function invalid(message: string): LinliError {
  return new LinliError('PASSPHRASE_INVALID', message, { kind: 'caller' })
}
