import { reasonOf } from '../../hub/contract/errors.ts'
import type { Logger } from '../ports/logger.ts'

/**
 * Whether the kernel's clock follows a time source, by adjtimex(2): the kernel's own truth, whichever daemon sets it
 * (systemd-timesyncd, chrony, ntpd, PTP). The kernel drops the mark by itself when the daemon is silent for hours.
 */

/** adjtimex(2) RETURN VALUE: clock not synchronized (STA_UNSYNC is set). */
const TIME_ERROR = 5
/** struct timex is 208 bytes on 64-bit kernels and less on 32-bit ones; zeroed, it only reads (modes = 0). */
const TIMEX_BYTES = 512

export async function openKernelClock(log: Logger): Promise<() => boolean | undefined> {
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
    log.warn({ error: reasonOf(error) }, 'cannot ask the kernel whether the clock is set: events say unsynced')
    return () => undefined
  }
}
