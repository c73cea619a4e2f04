import { closeSync, openSync, writeSync } from 'node:fs'
import type { Libc } from './libc.ts'

/** The watchdog of the box (Documentation/watchdog/watchdog-api.rst): once opened it restarts the box unless it is fed. */
export interface HardwareWatchdog {
  /** What the hardware has made of the time that was asked for. */
  readonly timeout_s: number
  feed(): void
  /** Lets it rest. A process that ends without this leaves it running. */
  disarm(): void
}

/** _IOWR('W', 6, int) */
const WDIOC_SETTIMEOUT = 0xc0045706
/** The magic close: a driver that was told so stops when it is closed behind it. */
const MAGIC_CLOSE = 'V'

/** @throws when it cannot be opened: not there, not allowed, or somebody else has it */
export function openHardwareWatchdog(path: string, timeout_s: number, libc: Libc): HardwareWatchdog {
  const fd = openSync(path, 'w')
  return {
    timeout_s: libc.ioctl(fd, WDIOC_SETTIMEOUT, timeout_s) ?? timeout_s,
    feed: () => void writeSync(fd, '\0'),
    disarm() {
      writeSync(fd, MAGIC_CLOSE)
      closeSync(fd)
    },
  }
}
