import koffi from 'koffi'
import { SimError } from '../error.ts'

// ioctl requests and flags of asm-generic (x86-64, arm64, armv7): include/uapi/asm-generic/{ioctls,termbits}.h
const TIOCSPTLCK = 0x40045431
const TIOCGPTN = 0x80045430
const TCGETS2 = 0x802c542a
const TCSETS2 = 0x402c542b
const CS8 = 0o60
const CREAD = 0o200
const CLOCAL = 0o4000
/** The speed stands as a plain number in c_ispeed and c_ospeed. */
const BOTHER = 0o10000
/** struct termios2: four 32-bit flags, c_line, c_cc[19], c_ispeed, c_ospeed. */
const TERMIOS2_BYTES = 44
const CFLAG_OFFSET = 8
const VMIN_OFFSET = 17 + 6
const ISPEED_OFFSET = 36
const OSPEED_OFFSET = 40

type Ioctl = (fd: number, request: number, argument: Uint8Array) => number
let cached: Ioctl | undefined

/** Loaded at the first use, so that virtual time needs no native code. */
function ioctl(fd: number, request: number, argument: Uint8Array): void {
  cached ??= koffi.load(null).func('int ioctl(int fd, ulong request, _Inout_ uint8_t *argument)') as Ioctl
  if (cached(fd, request, argument) === 0) return
  throw new SimError('SIM_PORT_UNAVAILABLE', `terminal ioctl 0x${request.toString(16)} failed, errno ${koffi.errno()}`)
}

/** Unlocks the slave of a pty master and says where it is: unlockpt and ptsname without libc. */
export function unlockSlave(master: number): string {
  const word = Buffer.alloc(4)
  ioctl(master, TIOCSPTLCK, word)
  ioctl(master, TIOCGPTN, word)
  return `/dev/pts/${word.readUInt32LE()}`
}

/** Raw bytes both ways (no echo, no line editing, no signals), at a speed in baud. */
export function setRaw(fd: number, baud: number): void {
  const termios = Buffer.alloc(TERMIOS2_BYTES)
  termios.writeUInt32LE(CS8 | CREAD | CLOCAL | BOTHER, CFLAG_OFFSET)
  termios[VMIN_OFFSET] = 1
  termios.writeUInt32LE(baud, ISPEED_OFFSET)
  termios.writeUInt32LE(baud, OSPEED_OFFSET)
  ioctl(fd, TCSETS2, termios)
}

/** The output speed of a terminal in baud; asked on a pty's master it is what the client set on the slave. */
export function getSpeed(fd: number): number {
  const termios = Buffer.alloc(TERMIOS2_BYTES)
  ioctl(fd, TCGETS2, termios)
  return termios.readUInt32LE(OSPEED_OFFSET)
}
