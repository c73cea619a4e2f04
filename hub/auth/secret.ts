import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/**
 * Secrets of MQTT accounts, hashed with scrypt (RFC 7914). N = 2¹⁴, r = 8, p = 1 is the RFC's interactive setting
 * (§2): about 50 ms and 16 MiB on a Pi, paid once per connect.
 */
const COST = { N: 16384, r: 8, p: 1 } as const
const KEY_BYTES = 32

export function newSecret(): string {
  return randomBytes(24).toString('base64url')
}

export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(secret, salt)
  return stored(salt, key)
}

function stored(salt: Buffer, key: Buffer): string {
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString('base64')}$${key.toString('base64')}`
}

/** What no secret fits, and takes as long to find out. */
export function unfittingHash(): string {
  return stored(randomBytes(16), randomBytes(KEY_BYTES))
}

/** False for a wrong secret and for a stored value that is not ours. */
export async function verifySecret(secret: string, stored: string): Promise<boolean> {
  const [scheme, n, r, p, salt, key] = stored.split('$')
  if (scheme !== 'scrypt' || Number(n) !== COST.N || Number(r) !== COST.r || Number(p) !== COST.p || !salt || !key)
    return false
  const expected = Buffer.from(key, 'base64')
  const actual = await derive(secret, Buffer.from(salt, 'base64'))
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

function derive(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, COST, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
