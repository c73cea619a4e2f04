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

/** n_tty's read buffer, and a generous transmit buffer. */
const READ_BUFFER_BYTES = 4096
const WRITE_BUFFER_BYTES = 65_536

/** One opening of the line by the host. */
class Connection implements MemoryConnection {
  readonly #endpoint: MemoryEndpoint
  readonly #data: ((bytes: Uint8Array) => void)[] = []
  readonly #closed: ((reason: { disconnected: boolean }) => void)[] = []
  #waiting: Uint8Array[] = []
  #waiting_bytes = 0

  constructor(endpoint: MemoryEndpoint) {
    this.#endpoint = endpoint
  }

  on(event: 'data' | 'close', listener: (argument: never) => void): void {
    if (event === 'close') {
      this.#closed.push(listener as (reason: { disconnected: boolean }) => void)
      return
    }
    this.#data.push(listener as (bytes: Uint8Array) => void)
    const waiting = this.#waiting
    this.#waiting = []
    this.#waiting_bytes = 0
    for (const bytes of waiting) this.deliver(bytes)
  }

  write(bytes: Uint8Array): boolean {
    return this.#endpoint.fromHost(this, bytes)
  }

  close(): void {
    this.#endpoint.end(this, false)
  }

  deliver(bytes: Uint8Array): number {
    for (const listener of this.#data) listener(bytes)
    if (this.#data.length > 0) return bytes.length
    if (this.#waiting_bytes + bytes.length > READ_BUFFER_BYTES) return 0
    this.#waiting.push(bytes)
    this.#waiting_bytes += bytes.length
    return bytes.length
  }

  ended(disconnected: boolean): void {
    for (const listener of this.#closed) listener({ disconnected })
  }
}

/** A serial line without a kernel, for virtual time: the host can open, close and reopen it, and be unplugged. */
export class MemoryEndpoint implements SerialEndpoint {
  readonly path: string
  readonly host: MemoryPort
  #plugged = false
  #connection: Connection | undefined
  #hostBaud: number | undefined
  #listener: (bytes: Uint8Array) => void = () => {}
  #held = false
  #outgoing: Uint8Array[] = []
  #outgoing_bytes = 0

  constructor(path: string) {
    this.path = path
    const endpoint = this
    this.host = {
      path,
      get plugged() {
        return endpoint.plugged
      },
      open: ({ baud }) => this.#open(baud),
    }
  }

  get plugged(): boolean {
    return this.#plugged
  }

  plug(): void {
    this.#plugged = true
  }

  unplug(): void {
    this.#plugged = false
    this.#outgoing = []
    this.#outgoing_bytes = 0
    if (this.#connection) this.end(this.#connection, true)
  }

  write(bytes: Uint8Array): number {
    return this.#connection?.deliver(Uint8Array.from(bytes)) ?? 0
  }

  receive(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener
  }

  holdHost(held: boolean): void {
    this.#held = held
    while (!this.#held) {
      const bytes = this.#outgoing.shift()
      if (!bytes) return
      this.#outgoing_bytes -= bytes.length
      this.#listener(bytes)
    }
  }

  hostBaud(): number | undefined {
    return this.#hostBaud
  }

  /** Only for the connection itself. */
  fromHost(from: Connection, bytes: Uint8Array): boolean {
    if (this.#connection !== from || this.#outgoing_bytes + bytes.length > WRITE_BUFFER_BYTES) return false
    const copy = Uint8Array.from(bytes)
    if (this.#held) {
      this.#outgoing.push(copy)
      this.#outgoing_bytes += copy.length
    } else this.#listener(copy)
    return true
  }

  /** Only for the connection itself. */
  end(ended: Connection, disconnected: boolean): void {
    if (this.#connection !== ended) return
    this.#connection = undefined
    ended.ended(disconnected)
  }

  #open(baud: number): MemoryConnection {
    if (!this.#plugged) throw Object.assign(new Error(`${this.path}: no such device`), { code: 'ENOENT' })
    if (this.#connection) throw Object.assign(new Error(`${this.path}: already open`), { code: 'EBUSY' })
    this.#hostBaud = baud
    this.#connection = new Connection(this)
    return this.#connection
  }
}
