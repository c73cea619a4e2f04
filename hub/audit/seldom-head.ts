import type { Audit } from './audit.ts'
import type { Head } from './chain.ts'

/** Whoever rewrites the audit log has this long until a platform knows better. */
const HEAD_EVERY_MS = 15 * 60_000

/** The head for the hub's state. Each command is a line of the log, so it is renewed seldom. */
export function seldomHead(audit: Pick<Audit, 'head'>): () => { audit?: Head } {
  let told: Head | undefined
  let told_ms = 0
  return () => {
    const now_ms = performance.now()
    if (told === undefined || now_ms - told_ms >= HEAD_EVERY_MS) {
      const { sequence, hash } = audit.head()
      if (sequence === 0) return {}
      told = { sequence, hash }
      told_ms = now_ms
    }
    return { audit: told }
  }
}
