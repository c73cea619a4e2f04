import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { PASSPHRASE_CHARS_MIN } from '../../backup/seal.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { word } from './words.ts'

/** The passphrase of a backup: from a file, the environment or the terminal; never from the arguments, which everybody can list. */

const VARIABLE = 'LINLI_BACKUP_PASSPHRASE'

/** @param isNew asked for twice, and long enough. @throws {LinliError} PASSPHRASE_INVALID */
export async function passphraseOf(file: string | undefined, isNew: boolean): Promise<string> {
  const found = await given(file)
  const passphrase = found ?? (await ask(word('passphrase')))
  if (isNew && passphrase.length < PASSPHRASE_CHARS_MIN) throw invalid(word('short'))
  if (isNew && found === undefined && (await ask(word('again'))) !== passphrase) throw invalid(word('differs'))
  return passphrase
}

async function given(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return process.env[VARIABLE]
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw invalid(reasonOf(error))
  })
  return text.replace(/\r?\n$/, '')
}

function ask(question: string): Promise<string> {
  if (!process.stdin.isTTY) throw invalid(word('nowhere'))
  process.stderr.write(`${question}: `)
  // What is typed is not shown.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output, terminal: true })
  return new Promise((resolve, reject) => {
    terminal.once('SIGINT', () => {
      terminal.close()
      reject(invalid(word('nowhere')))
    })
    terminal.question('', (answer) => {
      terminal.close()
      process.stderr.write('\n')
      resolve(answer)
    })
  })
}

function invalid(message: string): LinliError {
  return new LinliError('PASSPHRASE_INVALID', message, { kind: 'caller' })
}
