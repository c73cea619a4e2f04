import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ReadStream } from 'node:tty'
import { SimError } from '../error.ts'
import type { SerialEndpoint } from './endpoint.ts'
import { getSpeed, setRaw, unlockSlave } from './termios.ts'

const OPEN_FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK

interface Pair {
  master: number
  /** Held open, or the master reads EIO as soon as the client closes. */
  slave: number
  reader: ReadStream
  device: string
}

/**
 * A serial line as the kernel shows it: a pty behind a symlink that stays the same, like /dev/serial/by-id, while the
 * /dev/pts number may change with every replug.
 *
 * The master is non-blocking and sits in the event loop's epoll set (a tty stream), so fifty boards take no thread of
 * the pool. Writes that the full kernel buffer refuses are lost, as on a UART that nobody reads.
 * @param initialBaud the speed a client finds if it sets none
 */
export function createPtyEndpoint(path: string, initialBaud: number): SerialEndpoint {
  let pair: Pair | undefined
  let listener: (bytes: Uint8Array) => void = () => {}
  let held = false

  function plug(): void {
    if (pair) return
    pair = openPair(initialBaud)
    pair.reader.on('data', (bytes: Buffer) => listener(bytes))
    // After the plug is pulled the stream may still report EIO: there is nothing left to lose.
    pair.reader.on('error', () => {})
    if (held) pair.reader.pause()
    try {
      link(path, pair.device)
    } catch (cause) {
      unplug()
      throw cause
    }
  }

  function unplug(): void {
    if (!pair) return
    const { reader, slave, device } = pair
    pair = undefined
    unlink(path, device)
    reader.destroy()
    closeSync(slave)
  }

  return {
    path,
    get plugged() {
      return pair !== undefined
    },
    plug,
    unplug,
    write(bytes) {
      if (!pair) return 0
      try {
        return writeSync(pair.master, bytes)
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === 'EAGAIN' || code === 'EIO') return 0
        throw cause
      }
    },
    receive(next) {
      listener = next
    },
    holdHost(next) {
      if (held === next) return
      held = next
      if (held) pair?.reader.pause()
      else pair?.reader.resume()
    },
    hostBaud: () => (pair ? getSpeed(pair.master) : undefined),
  }
}

function openPair(baud: number): Pair {
  const opened: number[] = []
  const open = (path: string): number => {
    const fd = openSync(path, OPEN_FLAGS)
    opened.push(fd)
    return fd
  }
  try {
    const master = open('/dev/ptmx')
    const device = unlockSlave(master)
    const slave = open(device)
    setRaw(slave, baud)
    return { master, slave, reader: new ReadStream(master), device }
  } catch (cause) {
    for (const fd of opened) closeSync(fd)
    throw new SimError('SIM_PORT_UNAVAILABLE', `no pty: ${(cause as Error).message}`)
  }
}

/** Replaces a link that an earlier run left behind, but never a real file. */
function link(path: string, device: string): void {
  try {
    makeFolder(dirname(path))
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found && !found.isSymbolicLink()) {
      throw new SimError('SIM_PORT_UNAVAILABLE', `port ${path}: there is a file that is not a link`)
    }
    const fresh = `${path}.${process.pid}.new`
    symlinkSync(device, fresh)
    renameSync(fresh, path)
  } catch (cause) {
    if (cause instanceof SimError) throw cause
    throw new SimError('SIM_PORT_UNAVAILABLE', `port ${path}: ${(cause as Error).message}`)
  }
}

/** Level by level: the recursive mkdir of Node 26 never returns where the kernel answers ENOENT, as under /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

/** Removes the link only while it is still ours: another simulator may have taken the path. */
function unlink(path: string, device: string): void {
  try {
    if (readlinkSync(path) === device) unlinkSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    // Gone already, or a real file that made plugging fail.
    if (code !== 'ENOENT' && code !== 'EINVAL' && code !== 'ENOTDIR') throw cause
  }
}
