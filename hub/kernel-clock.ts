import { reasonOf } from './contract/errors.ts'
import type { TimeQuality } from './contract/event.ts'

/**
 * How far this machine's clock can be trusted, asked of the kernel (adjtimex(2)): its own truth, whichever daemon sets it.
 * A gateway asks the same by an adapter of its own (firmware/adapters/kernel-clock.ts): neither side imports the other.
 */

/** adjtimex(2) RETURN VALUE: clock not synchronized (STA_UNSYNC is set). */
const TIME_ERROR = 5
/** struct timex is 208 bytes on 64-bit kernels and less on 32-bit ones; zeroed, it only reads (modes = 0). */
const TIMEX_BYTES = 512
/** The kernel's answer changes over minutes. */
const ASK_EVERY_MS = 10_000

/** @returns whether the clock follows a time source; undefined when that cannot be known */
export async function openKernelClock(onFault: (message: string) => void): Promise<() => boolean | undefined> {
  if (process.platform !== 'linux') return () => undefined
  try {
    const { default: koffi } = await import('koffi')
    const adjtimex = koffi.load('libc.so.6').func('int adjtimex(void *buf)')
    const buffer = Buffer.alloc(TIMEX_BYTES)
    return () => {
      buffer.fill(0)
      const state = adjtimex(buffer) as number
      return state < 0 ? undefined : state !== TIME_ERROR
    }
  } catch (error) {
    onFault(`cannot ask the kernel whether the clock is set, so it counts as unsynced: ${reasonOf(error)}`)
    return () => undefined
  }
}

/** `holdover`: it followed a source since the start, and does no longer. What cannot be known counts as not following. */
export function createTimeQuality(isSynced: () => boolean | undefined): () => TimeQuality {
  let quality: TimeQuality = 'unsynced'
  let askedAt_ms = Number.NEGATIVE_INFINITY
  return () => {
    const now_ms = performance.now()
    if (now_ms - askedAt_ms < ASK_EVERY_MS) return quality
    askedAt_ms = now_ms
    if (isSynced() === true) quality = 'synced'
    else if (quality === 'synced') quality = 'holdover'
    return quality
  }
}
