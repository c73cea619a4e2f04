import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { LinliError, reasonOf } from '../../../hub/contract/errors.ts'

/**
 * The few calls that the kernel's GPIO devices need. What fails returns the negative errno, as in the kernel itself.
 */
export interface GpioKernel {
  /** Every GPIO chip, e.g. /dev/gpiochip0. */
  chips(): string[]
  /** @returns a file descriptor or -errno */
  open(path: string): number
  /** @returns 0 or -errno; the kernel writes its answer into `argument` */
  ioctl(fd: number, request: number, argument: Buffer): number
  /** Never waits. @returns bytes read, or -errno: -EAGAIN when there is nothing */
  read(fd: number, bytes: Buffer): number
  /** Calls when there may be something to read, without a thread that waits. @returns what ends it, before `close` */
  watch(fd: number, onReadable: () => void): () => void
  close(fd: number): void
  /** CLOCK_MONOTONIC, which edges are dated with. */
  now_ns(): bigint
  /** A parameter of a kernel module, e.g. `Y`; undefined when there is none. */
  parameter(module: string, name: string): string | undefined
}

const { errno } = osConstants
export const EAGAIN = errno.EAGAIN

/** @throws {LinliError} GPIO_UNSUPPORTED where there is no Linux or no native code for this processor */
export async function openGpioKernel(): Promise<GpioKernel> {
  if (process.platform !== 'linux')
    throw new LinliError('GPIO_UNSUPPORTED', 'GPIO lines need Linux', { kind: 'caller' })
  let koffi: typeof import('koffi').default
  let ioctl: (fd: number, request: number, argument: Buffer) => number
  try {
    koffi = (await import('koffi')).default
    ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, ulong request, _Inout_ uint8_t *argument)')
  } catch (cause) {
    throw new LinliError('GPIO_UNSUPPORTED', `cannot reach the kernel: ${reasonOf(cause)}`, { kind: 'fault', cause })
  }
  return {
    chips: () =>
      readdirSync('/dev')
        .filter((name) => /^gpiochip\d+$/.test(name))
        .map((name) => `/dev/${name}`),
    open: (path) => orErrno(() => openSync(path, constants.O_RDWR | constants.O_NONBLOCK)),
    ioctl: (fd, request, argument) => (ioctl(fd, request, argument) < 0 ? -koffi.errno() : 0),
    read: (fd, bytes) => orErrno(() => readSync(fd, bytes)),
    watch(fd, onReadable) {
      // uv_poll: the descriptor becomes non-blocking and joins the event loop's own set. koffi calls back beside Node's
      // own bookkeeping, so that promises settled there would wait for whatever runs next: an immediate is proper ground.
      let due: NodeJS.Immediate | undefined
      const handle = koffi.node.poll(fd, { readable: true }, () => {
        due ??= setImmediate(() => {
          due = undefined
          onReadable()
        })
      })
      return () => {
        clearImmediate(due)
        handle.close()
      }
    },
    close: (fd) => closeSync(fd),
    now_ns: () => process.hrtime.bigint(),
    parameter(module, name) {
      try {
        return readFileSync(`/sys/module/${module}/parameters/${name}`, 'utf8').trim()
      } catch {
        return undefined
      }
    },
  }
}

function orErrno(call: () => number): number {
  try {
    return call()
  } catch (error) {
    const { errno: number } = error as NodeJS.ErrnoException
    return number === undefined || number >= 0 ? -errno.EIO : number
  }
}
