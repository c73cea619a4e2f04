import { describe, expect, it } from 'vitest'
import { hashSecret, newSecret, verifySecret } from './secret.ts'

describe('account secrets', () => {
  it('verifies the right secret only', async () => {
    const secret = newSecret()
    const stored = await hashSecret(secret)
    expect(stored).not.toContain(secret)
    expect(await verifySecret(secret, stored)).toBe(true)
    expect(await verifySecret(`${secret}x`, stored)).toBe(false)
    expect(await verifySecret('', stored)).toBe(false)
  })

  it('salts: the same secret never hashes to the same value', async () => {
    expect(await hashSecret('a')).not.toBe(await hashSecret('a'))
  })

  it.each(['', 'plain', 'scrypt$1$1$1$YQ==$YQ==', 'scrypt$16384$8$1$$'])(
    'refuses a stored value that is not ours: %s',
    async (stored) => {
      expect(await verifySecret('plain', stored)).toBe(false)
    },
  )
})
