import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { type Static, Type } from '../contract/type.ts'
import type { LinkSecrets } from '../journal/shipper/mqtt-link.ts'

/**
 * Passwords and certificates stand in files of their own and are read at each try to connect: what was renewed is used
 * without a restart, and what is wrong is said as the reason why the upstream is away, while the hub works on.
 */

const FileName = Type.String({ minLength: 1, maxLength: 4_000 })

export const SecretFiles = {
  login: Type.Object(
    { username: Type.String({ minLength: 1, maxLength: 200 }), passwordfile: Type.Optional(FileName) },
    { additionalProperties: false },
  ),
  /** File names are meant from the folder of the configuration. */
  tls: Type.Object(
    {
      cafile: Type.Optional(FileName),
      certfile: Type.Optional(FileName),
      keyfile: Type.Optional(FileName),
      servername: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
    },
    { additionalProperties: false },
  ),
} as const

interface Names {
  login: Static<typeof SecretFiles.login> | undefined
  tls: Static<typeof SecretFiles.tls> | undefined
}

/** More than any password or chain of certificates needs. */
const BYTES_MAX = 256 * 1024
const OTHERS_MASK = 0o077
const PEM = 'a certificate in PEM (-----BEGIN CERTIFICATE-----)'

/** The reader throws UPSTREAM_SECRET, which never holds what stands in a file. */
export function secretsReader(folder: string, { login, tls }: Names): () => LinkSecrets {
  const at = (name: string): string => resolve(folder, name)
  return () => ({
    ...(login ? { username: login.username } : {}),
    ...(login?.passwordfile === undefined ? {} : { password: readPassword(at(login.passwordfile)) }),
    ...(tls ? { tls: readTls(tls, at) } : {}),
  })
}

function readPassword(file: string): string {
  const password = read(file, 'the password', 'private').replace(/\r?\n$/, '')
  if (password === '') throw wrong(file, 'is empty: it has to hold the password')
  return password
}

function readTls(names: NonNullable<Names['tls']>, at: (name: string) => string): NonNullable<LinkSecrets['tls']> {
  const { cafile, certfile, keyfile, servername } = names
  const found: NonNullable<LinkSecrets['tls']> = servername === undefined ? {} : { servername }
  if (cafile !== undefined) {
    found.ca = read(at(cafile), 'the CA certificate', 'public')
    parsed(() => new X509Certificate(found.ca ?? ''), at(cafile), PEM)
  }
  if (certfile === undefined || keyfile === undefined) return found
  found.cert = read(at(certfile), 'the client certificate', 'public')
  found.key = read(at(keyfile), 'the key of the client certificate', 'private')
  const certificate = certificateOf(found.cert, at(certfile))
  if (!certificate.checkPrivateKey(keyOf(found.key, at(keyfile))))
    throw wrong(
      at(keyfile),
      `is not the key of the certificate in ${at(certfile)}: give the pair that belongs together`,
    )
  return found
}

function read(file: string, what: string, who: 'private' | 'public'): string {
  try {
    const { mode, size } = statSync(file)
    if (size > BYTES_MAX) throw wrong(file, `has ${size} bytes; ${what} has at most ${BYTES_MAX}`)
    if (who === 'private' && (mode & OTHERS_MASK) !== 0)
      throw wrong(file, `can be read by others (mode ${(mode & 0o777).toString(8)}): run chmod 600 ${file}`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof LinliError) throw error
    throw wrong(file, `cannot be read (${reasonOf(error)}): it has to hold ${what}`)
  }
}

/** Of the first in the file, which in a chain is our own. */
function certificateOf(pem: string, file: string): X509Certificate {
  const certificate = parsed(() => new X509Certificate(pem), file, PEM)
  const now = new Date()
  if (certificate.validToDate < now)
    throw wrong(file, `expired on ${certificate.validToDate.toISOString()}: put a renewed certificate into its place`)
  if (certificate.validFromDate > now)
    throw wrong(
      file,
      `is valid from ${certificate.validFromDate.toISOString()} on: the clock of this machine is probably wrong`,
    )
  return certificate
}

function keyOf(pem: string, file: string): KeyObject {
  return parsed(() => createPrivateKey(pem), file, 'a private key in PEM without a passphrase')
}

function parsed<T>(parse: () => T, file: string, what: string): T {
  try {
    return parse()
  } catch {
    // The reason would quote OpenSSL and help nobody.
    throw wrong(file, `does not hold ${what}`)
  }
}

function wrong(file: string, what: string): LinliError {
  return new LinliError('UPSTREAM_SECRET', `${file} ${what}`, { kind: 'fault' })
}
