import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { LinliError } from '../contract/errors.ts'

/**
 * A secret costs 50 ms and 16 MiB to check (secret.ts), on the threads that files wait for too: so few are checked at
 * once and few wait. Whoever was let in with the same secret before is known at once, so that a flood of wrong ones keeps no
 * gateway out.
 */

/** Node has four such threads; two stay for files and names. */
const CHECKED_AT_ONCE = 2
/** Some five seconds' worth on a Pi. */
const WAITING_MAX = 200
/** Accounts whose last good secret is known, as a MAC under a key that dies with this process. */
const KNOWN_MAX = 10_000

export type Verify = (secret: string, stored: string) => Promise<boolean>

/** @returns {Verify} that rejects with LOGIN_BUSY when too many wait */
export function createLoginQueue(verify: Verify): Verify {
  const key = randomBytes(32)
  /** By what is stored: a changed account is another one. */
  const known = new Map<string, Buffer>()
  const waiting: Array<() => void> = []
  let checking = 0

  async function turn(): Promise<void> {
    if (checking < CHECKED_AT_ONCE) {
      checking++
      return
    }
    if (waiting.length >= WAITING_MAX)
      throw new LinliError('LOGIN_BUSY', 'too many clients are logging in at once; this one is to try again', {
        kind: 'fault',
      })
    // Whoever ends hands its place over.
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  function done(): void {
    const next = waiting.shift()
    if (next) next()
    else checking--
  }

  return async (secret, stored) => {
    const mac = createHmac('sha256', key).update(secret).digest()
    const before = known.get(stored)
    if (before && timingSafeEqual(before, mac)) return true
    await turn()
    try {
      const good = await verify(secret, stored)
      if (good) {
        if (known.size >= KNOWN_MAX) known.clear()
        known.set(stored, mac)
      }
      return good
    } finally {
      done()
    }
  }
}
