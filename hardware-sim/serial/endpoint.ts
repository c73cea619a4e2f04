/**
 * The simulator's end of a serial line that a host (the gateway) opens at the other end.
 * What stands behind it, a pty or a pair in memory, is invisible to lines, boards and devices.
 */
export interface SerialEndpoint {
  /** Where the host finds the line. */
  readonly path: string
  readonly plugged: boolean
  /** Makes the line appear at `path`. @throws SimError SIM_PORT_UNAVAILABLE */
  plug(): void
  /** Pulls the plug: an open host sees a disconnect, `path` goes away. */
  unplug(): void
  /** Bytes towards the host. What nobody takes is dropped, as a UART does; the number taken is returned. */
  write(bytes: Uint8Array): number
  /** Who gets the bytes that the host writes. */
  receive(listener: (bytes: Uint8Array) => void): void
  /** While held back the host's bytes wait at the host, as they do while a UART's transmitter is busy. */
  holdHost(held: boolean): void
  /** The speed that the host has set, in baud; undefined while it never set one. */
  hostBaud(): number | undefined
}
