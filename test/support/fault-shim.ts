import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Faults of the operating system for one program: its fsync fails or is slow, its wall clock jumps. See fault-shim.c. */
export interface FaultShim {
  /** For the program that is to suffer. */
  readonly env: NodeJS.ProcessEnv
  /** `EIO` from now on for every fsync and fdatasync of the program, or no longer. Nothing is written through. */
  failFsync(failing: boolean): void
  /** Each fsync takes this much longer; an SD card's takes about 20 ms. */
  delayFsync(delay_ms: number): void
  /** The program's wall clock against the true one; its monotonic clock stays. */
  shiftClock(offset_ms: number): void
  /** How many fsyncs were refused so far: without one a fault was none. */
  failedFsyncs(): number
  close(): void
}

const EIO = 5
/** Layout of `struct orders`, little endian. */
const AT = { clockOffset_ns: 0, fsyncErrno: 8, fsyncDelay_us: 12, fsyncsFailed: 16, end: 24 } as const

/** Compiles the shim with the system's `cc` (Debian: gcc, libc6-dev) into `dir`. */
export function createFaultShim(dir: string, name: string): FaultShim {
  const library = join(dir, 'fault-shim.so')
  const source = fileURLToPath(new URL('fault-shim.c', import.meta.url))
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, source, '-ldl'])
  const path = join(dir, `${name}.faults`)
  const file = openSync(path, 'w+')
  writeSync(file, Buffer.alloc(AT.end))
  const put = (at: number, bytes: Buffer) => {
    writeSync(file, bytes, 0, bytes.length, at)
  }
  const int32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return bytes
  }
  return {
    env: { LD_PRELOAD: library, LINLI_FAULTS: path },
    failFsync: (failing) => put(AT.fsyncErrno, int32(failing ? EIO : 0)),
    delayFsync: (delay_ms) => put(AT.fsyncDelay_us, int32(Math.round(delay_ms * 1000))),
    shiftClock(offset_ms) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(Math.round(offset_ms)) * 1_000_000n)
      put(AT.clockOffset_ns, bytes)
    },
    failedFsyncs() {
      const bytes = Buffer.alloc(8)
      readSync(file, bytes, 0, 8, AT.fsyncsFailed)
      return Number(bytes.readBigInt64LE())
    },
    close: () => closeSync(file),
  }
}
