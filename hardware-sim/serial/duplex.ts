import type { SerialEndpoint } from './endpoint.ts'

/** What a host holds of an open line in memory. */
export interface MemoryConnection {
  /** Bytes from the device. Until the first listener comes they wait, up to the size of a kernel's tty buffer. */
  on(event: 'data', listener: (bytes: Uint8Array) => void): void
  /** `disconnected` tells a pulled plug from the host's own close. */
  on(event: 'close', listener: (reason: { disconnected: boolean }) => void): void
  /** @returns false if the line is closed or its buffer full; then nothing was taken. */
  write(bytes: Uint8Array): boolean
  close(): void
}

/** The host's side of a line in memory: what a serial port's path is on a real machine. */
export interface MemoryPort {
  readonly path: string
  readonly plugged: boolean
  /** @throws Error with code ENOENT while unplugged, EBUSY while open, as the kernel would. */
  open(options: { baud: number }): MemoryConnection
}

export interface MemoryEndpoint extends SerialEndpoint {
  readonly host: MemoryPort
}

/** n_tty's read buffer, and a generous transmit buffer. */
const READ_BUFFER_BYTES = 4096
const WRITE_BUFFER_BYTES = 65_536

interface Link {
  baud: number
  waiting: Uint8Array[]
  waiting_bytes: number
  data: ((bytes: Uint8Array) => void)[]
  closed: ((reason: { disconnected: boolean }) => void)[]
}

/** A serial line without a kernel, for virtual time: the host can open, close and reopen it, and be unplugged. */
export function createMemoryEndpoint(path: string): MemoryEndpoint {
  let plugged = false
  let link: Link | undefined
  let hostBaud: number | undefined
  let listener: (bytes: Uint8Array) => void = () => {}
  let held = false
  let outgoing: Uint8Array[] = []
  let outgoing_bytes = 0

  function endLink(ended: Link, disconnected: boolean): void {
    if (link !== ended) return
    link = undefined
    for (const notify of ended.closed) notify({ disconnected })
  }

  function fromHost(from: Link, bytes: Uint8Array): boolean {
    if (link !== from || outgoing_bytes + bytes.length > WRITE_BUFFER_BYTES) return false
    const copy = Uint8Array.from(bytes)
    if (held) {
      outgoing.push(copy)
      outgoing_bytes += copy.length
    } else listener(copy)
    return true
  }

  function open({ baud }: { baud: number }): MemoryConnection {
    if (!plugged) throw Object.assign(new Error(`${path}: no such device`), { code: 'ENOENT' })
    if (link) throw Object.assign(new Error(`${path}: already open`), { code: 'EBUSY' })
    const opened: Link = { baud, waiting: [], waiting_bytes: 0, data: [], closed: [] }
    link = opened
    hostBaud = baud
    return {
      on(event: 'data' | 'close', notify: never) {
        if (event === 'close') {
          opened.closed.push(notify)
          return
        }
        opened.data.push(notify)
        const waiting = opened.waiting.splice(0)
        opened.waiting_bytes = 0
        for (const bytes of waiting) (notify as (bytes: Uint8Array) => void)(bytes)
      },
      write: (bytes) => fromHost(opened, bytes),
      close: () => endLink(opened, false),
    }
  }

  return {
    path,
    host: {
      path,
      get plugged() {
        return plugged
      },
      open,
    },
    get plugged() {
      return plugged
    },
    plug() {
      plugged = true
    },
    unplug() {
      plugged = false
      outgoing = []
      outgoing_bytes = 0
      if (link) endLink(link, true)
    },
    write(bytes) {
      if (!link) return 0
      const copy = Uint8Array.from(bytes)
      if (link.data.length > 0) {
        for (const notify of link.data) notify(copy)
        return copy.length
      }
      if (link.waiting_bytes + copy.length > READ_BUFFER_BYTES) return 0
      link.waiting.push(copy)
      link.waiting_bytes += copy.length
      return copy.length
    },
    receive(next) {
      listener = next
    },
    holdHost(next) {
      held = next
      while (!held && outgoing.length > 0) {
        const bytes = outgoing.shift() as Uint8Array
        outgoing_bytes -= bytes.length
        listener(bytes)
      }
    },
    hostBaud: () => hostBaud,
  }
}
