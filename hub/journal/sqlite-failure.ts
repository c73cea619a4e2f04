import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Failure } from './backend.ts'

/** What SQLite's result codes (https://www.sqlite.org/rescode.html) mean to a journal. */

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26

/** The primary result code; the extended one carries more in its higher bits. -1: not an error of SQLite. */
function resultCode(error: unknown): number {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return -1
  return error.errcode & 0xff
}

export const isBusy = (error: unknown): boolean => resultCode(error) === SQLITE_BUSY

export function isDamage(error: unknown): boolean {
  const code = resultCode(error)
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

/** What SQLite would throw, for damage that it does not notice. */
export function damaged(message: string): Error {
  return Object.assign(new Error(message), { errcode: SQLITE_CORRUPT })
}

export const FULL: Failure = {
  code: 'JOURNAL_FULL',
  message: 'the disk is full: free some room, the journal goes on by itself',
}

export function failureOf(error: unknown): Failure {
  if (resultCode(error) === SQLITE_FULL) return FULL
  if (isDamage(error)) return { code: 'JOURNAL_DAMAGED', message: `the file is damaged: ${reasonOf(error)}` }
  return { code: 'JOURNAL_IO', message: `the disk failed: ${reasonOf(error)}` }
}

export function errorOf(failure: Failure): LinliError {
  return new LinliError(failure.code, failure.message, { kind: failure.code === 'JOURNAL_CONFIG' ? 'caller' : 'fault' })
}
