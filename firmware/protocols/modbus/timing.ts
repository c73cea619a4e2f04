import { LinliError } from '../../../hub/contract/errors.ts'

/** The times of one line (Modbus over serial line v1.02, §2.4.1 and §2.5.1.1). */

export interface BusConfig {
  /** For logs and messages. */
  id: string
  /** Bits per second. */
  baud: number
  /** Even if not given, as the standard has it; many cheap units come with none. */
  parity?: 'none' | 'even' | 'odd'
  /** Two without parity if not given, one with it, so that a byte has 11 bits (§2.5.1). */
  stopBits?: 1 | 2
  /** From the end of a request to the first byte of its reply; 200 if not given. */
  timeout_ms?: number
  /** How long after its time a reply may still come in; 500 if not given. A unit that did not answer is asked again after this. */
  late_ms?: number
  /** Failed attempts in a row after the first that a unit may have before it counts as away; 2 if not given. */
  retries?: number
  /** Whether the adapter repeats what it sends; found out if not given. */
  echo?: boolean
}

export interface BusTiming {
  byte_ms: number
  /** Silence between two frames. */
  silence_ms: number
  timeout_ms: number
  late_ms: number
  retries: number
  echo: boolean | undefined
}

/** Bytes of a frame may come this far apart: USB adapters pass them on every 16 ms. */
export const GAP_MS = 20
/** Above this speed the silence no longer shrinks (§2.5.1.1). */
const FIXED_SILENCE_ABOVE_BAUD = 19_200
const SILENCE_MS_MIN = 1.75
const SILENCE_CHARACTERS = 3.5
/** Start bit and data bits. */
const PLAIN_BITS = 9
const DEFAULTS = { timeout_ms: 200, late_ms: 500, retries: 2 } as const

/** @throws {LinliError} BUS_CONFIG with the path of the bad field */
export function timingOf(config: BusConfig): BusTiming {
  const { baud, parity = 'even', stopBits = parity === 'none' ? 2 : 1 } = config
  if (!(baud > 0))
    throw new LinliError('BUS_CONFIG', 'the speed of a line is positive', { kind: 'caller', path: '/baud' })
  const byte_ms = ((PLAIN_BITS + (parity === 'none' ? 0 : 1) + stopBits) * 1000) / baud
  return {
    byte_ms,
    silence_ms: baud > FIXED_SILENCE_ABOVE_BAUD ? SILENCE_MS_MIN : SILENCE_CHARACTERS * byte_ms,
    timeout_ms: config.timeout_ms ?? DEFAULTS.timeout_ms,
    late_ms: config.late_ms ?? DEFAULTS.late_ms,
    retries: config.retries ?? DEFAULTS.retries,
    echo: config.echo,
  }
}
