import type { TimeQuality } from '../../hub/contract/event.ts'
import { type Moment, momentNow } from '../moment.ts'

/** How far the wall clock can be trusted, asked of the kernel now and then. */
export interface TimeQualityWatch {
  now(): TimeQuality
  /** Both clocks side by side when the wall clock was first known to be right; undefined before that. */
  readonly synced: Moment | undefined
  /** Asks by itself from now on. */
  start(changed: (quality: TimeQuality) => void): void
  close(): void
}

/** The kernel's answer changes over minutes. */
const ASK_EVERY_MS = 10_000
/** Without an event that asks: often while the clock waits to be set, seldom afterwards. */
const WATCH_EVERY_MS = { unsynced: 10_000, synced: 600_000, holdover: 60_000 }

/**
 * @param clockSynced whether the clock follows a time source; undefined when that cannot be known (counts as not)
 */
export function createTimeQuality(clockSynced: () => boolean | undefined): TimeQualityWatch {
  let quality: TimeQuality = 'unsynced'
  let askedAt_ms = Number.NEGATIVE_INFINITY
  let synced: Moment | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let told: TimeQuality | undefined

  function now(): TimeQuality {
    const moment = momentNow()
    if (moment.monotonic_ms - askedAt_ms >= ASK_EVERY_MS) {
      askedAt_ms = moment.monotonic_ms
      if (clockSynced() === true) {
        quality = 'synced'
        synced ??= moment
      } else if (quality === 'synced') quality = 'holdover'
    }
    return quality
  }

  function watch(changed: (quality: TimeQuality) => void): void {
    timer = setTimeout(() => {
      const found = now()
      watch(changed)
      if (found !== told) {
        told = found
        changed(found)
      }
    }, WATCH_EVERY_MS[quality])
  }

  return {
    now,
    get synced() {
      return synced
    },
    start(changed) {
      told = now()
      watch(changed)
    },
    close: () => clearTimeout(timer),
  }
}
