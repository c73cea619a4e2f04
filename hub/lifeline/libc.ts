import { LinliError, reasonOf } from '../contract/errors.ts'

/** What watchdogs need of the C library and Node does not have: datagrams to a Unix socket, and ioctl. */
export interface Libc {
  /** One datagram, without waiting. @returns whether it was taken */
  tell(address: string, text: string): boolean
  /** @returns the number that the kernel gives back, undefined when it refuses */
  ioctl(fd: number, request: number, value: number): number | undefined
}

/** unix(7), socket(2), send(2) on Linux; the same on every processor that we run on. */
const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000

/** @throws {LinliError} LIBC_MISSING */
export async function openLibc(): Promise<Libc> {
  try {
    const { default: koffi } = await import('koffi')
    const libc = koffi.load('libc.so.6')
    const ioctl = libc.func('int ioctl(int fd, ulong request, _Inout_ uint8_t *argument)')
    const socket = libc.func('int socket(int domain, int type, int protocol)')
    const sendto = libc.func('int64 sendto(int fd, uint8_t *buf, size_t len, int flags, uint8_t *to, uint tolen)')
    const close = libc.func('int close(int fd)')
    return {
      tell(address, text) {
        const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number
        if (fd < 0) return false
        const bytes = Buffer.from(text, 'utf8')
        const to = socketAddress(address)
        const sent = Number(sendto(fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, to, to.length))
        close(fd)
        return sent === bytes.length
      },
      ioctl(fd, request, value) {
        const argument = Buffer.alloc(4)
        argument.writeInt32LE(value)
        return (ioctl(fd, request, argument) as number) < 0 ? undefined : argument.readInt32LE()
      },
    }
  } catch (cause) {
    const message = `cannot reach the C library, so no watchdog is fed: ${reasonOf(cause)}`
    throw new LinliError('LIBC_MISSING', message, { kind: 'fault', cause })
  }
}

/** struct sockaddr_un; `@` stands for the zero byte of an abstract name. */
function socketAddress(address: string): Buffer {
  const name = Buffer.from(address, 'utf8')
  if (address.startsWith('@')) name[0] = 0
  return Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), name])
}
