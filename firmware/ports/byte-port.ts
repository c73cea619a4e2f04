/**
 * A serial line. A connection is one opening of it: what is written to a connection either goes out on that opening or
 * never, so that no old command can fire after the line comes back.
 */
export interface BytePort {
  readonly path: string
  /** @throws {LinliError} SERIAL_NOT_FOUND, SERIAL_PERMISSION, SERIAL_BUSY or SERIAL_FAILED */
  open(): Promise<ByteConnection>
}

export interface ByteConnection {
  readonly isOpen: boolean
  /** @returns false when the bytes were dropped: the line is closed, or does not take bytes any more */
  write(bytes: Uint8Array): boolean
  /** Ends the connection; resolves when the line is free again. Never rejects, and may be called more than once. */
  close(): Promise<void>
  onData(listener: (bytes: Uint8Array) => void): void
  /** Called once, with the reason, however the connection ended; also when it had already ended. */
  onClose(listener: (reason: string) => void): void
}

export interface BytePortSettings {
  path: string
  /** Bits per second. */
  baud: number
  /** None if not given; always eight data bits. */
  parity?: 'none' | 'even' | 'odd'
  /** One if not given. */
  stopBits?: 1 | 2
}

export type BytePortFactory = (settings: BytePortSettings) => BytePort
