import type { TimeQuality } from '../../hub/contract/event.ts'

/** How far the wall clock can be trusted, asked of the kernel now and then. */

/** The kernel's answer changes over minutes. */
const ASK_EVERY_MS = 10_000

/**
 * @param clockSynced whether the clock follows a time source; undefined when that cannot be known (counts as not)
 */
export function createTimeQuality(clockSynced: () => boolean | undefined): () => TimeQuality {
  let quality: TimeQuality = 'unsynced'
  let askedAt_ms = Number.NEGATIVE_INFINITY
  return () => {
    const now_ms = performance.now()
    if (now_ms - askedAt_ms >= ASK_EVERY_MS) {
      askedAt_ms = now_ms
      if (clockSynced() === true) quality = 'synced'
      else if (quality === 'synced') quality = 'holdover'
    }
    return quality
  }
}
