import { Decrypter, Encrypter } from 'age-encryption'
import { LinliError, reasonOf } from '../contract/errors.ts'

/**
 * A backup is an age file (https://age-encryption.org/v1) for a passphrase: `age -d` opens it too, on any machine. Every 64 KiB is
 * authenticated and so is the end, so that nothing of it can be changed, swapped or cut off without being noticed.
 */

/** scrypt with N = 2^16, r = 8: 64 MB and a second on a small box; age itself would take 256 MB. */
const SCRYPT_LOG_N = 16
export const PASSPHRASE_CHARS_MIN = 10
const WRONG_PASSPHRASE = 'no identity matched'

export async function sealed(plain: AsyncIterable<Uint8Array>, passphrase: string): Promise<AsyncIterable<Uint8Array>> {
  const to = new Encrypter()
  to.setScryptWorkFactor(SCRYPT_LOG_N)
  to.setPassphrase(passphrase)
  return to.encrypt(ReadableStream.from(plain) as ReadableStream<Uint8Array>)
}

/** What comes is genuine, piece by piece; that it is all of it is known at the end. @throws {LinliError} BACKUP_PASSPHRASE, BACKUP_DAMAGED */
export async function* opened(bytes: AsyncIterable<Uint8Array>, passphrase: string): AsyncGenerator<Uint8Array> {
  const from = new Decrypter()
  from.addPassphrase(passphrase)
  try {
    yield* await from.decrypt(ReadableStream.from(bytes) as ReadableStream<Uint8Array>)
  } catch (error) {
    if (reasonOf(error).includes(WRONG_PASSPHRASE))
      throw new LinliError('BACKUP_PASSPHRASE', 'the passphrase is not the one of this backup', { kind: 'caller' })
    throw damaged(`it was changed, cut off, or is no backup (${reasonOf(error)})`)
  }
}

export function damaged(why: string): LinliError {
  return new LinliError('BACKUP_DAMAGED', `the backup cannot be used: ${why}; take another copy of it`, {
    kind: 'caller',
  })
}
