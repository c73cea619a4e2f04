import { randomBytes } from 'node:crypto'
import { LinliError } from '../contract/errors.ts'

/** Secrets that people log in with. Length is what counts (NIST SP 800-63B 3.1.1): no rules about kinds of characters. */

export const SECRET_CHARS_MIN = 12
export const SECRET_CHARS_MAX = 200

/** One that can be read out over the phone: 20 characters, 80 bits. */
export function newPersonSecret(): string {
  return randomBytes(10)
    .toString('hex')
    .replace(/(.{5})(?=.)/g, '$1-')
}

/** The same text typed on another keyboard or system may be made of other code points. */
export function normalSecret(typed: string): string {
  return typed.normalize('NFKC')
}

/** @throws {LinliError} SECRET_WEAK */
export function checkSecret(secret: string, name: string): void {
  const chars = [...secret].length
  if (chars < SECRET_CHARS_MIN || chars > SECRET_CHARS_MAX)
    throw weak(`${SECRET_CHARS_MIN}–${SECRET_CHARS_MAX} characters, for example four words / 密码须 12–200 个字符`)
  if (new Set(secret).size < 5 || secret.toLowerCase().replaceAll(name.toLowerCase(), '').length < SECRET_CHARS_MIN / 2)
    throw weak('that is too easy to guess: it repeats itself or the name / 密码太容易猜到')
}

function weak(message: string): LinliError {
  return new LinliError('SECRET_WEAK', message, { kind: 'caller' })
}
