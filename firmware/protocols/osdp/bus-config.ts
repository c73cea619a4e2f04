import { LinliError } from '../../../hub/contract/errors.ts'
import { BROADCAST } from './frame.ts'
import { type Aes, DEFAULT_KEY, equalBytes, KEY_BYTES } from './secure-channel.ts'
import type { ReaderUnit, Security, SessionConfig } from './session-state.ts'

/** One RS-485 line and the readers on it. */

export interface ReaderConfig {
  /** 0–126, set on the reader. */
  address: number
  security: Security
  check?: 'crc' | 'checksum'
  /** The reader that belongs here; learnt from the first that comes online, if not given. */
  expected?: ReaderUnit
}

export interface BusConfig {
  /** Bits per second of the port. */
  baud: number
  readers: ReaderConfig[]
  timing?: Partial<BusTiming>
}

export interface BusTiming {
  /** From the end of a command to the first byte of its reply (the standard: 200 ms). */
  replyTimeout_ms: number
  /** Start of one poll of a reader to the start of the next; 0 polls as fast as the line can. */
  pollInterval_ms: number
  /** A session without a valid reply for this long is lost (the standard: 8 s). */
  sessionLost_ms: number
  /** Silence between a reply and the next command; two characters, if not given. */
  turnaround_ms: number
  backoffFirst_ms: number
  backoffMax_ms: number
}

const defaults: Omit<BusTiming, 'turnaround_ms'> = {
  replyTimeout_ms: 200,
  pollInterval_ms: 50,
  sessionLost_ms: 8000,
  backoffFirst_ms: 1000,
  backoffMax_ms: 10_000,
}
const BITS_PER_BYTE = 10
const TURNAROUND_CHARACTERS = 2

export const wireTime_ms = (baud: number, bytes: number) => (bytes * BITS_PER_BYTE * 1000) / baud

export function timingOf(config: BusConfig): BusTiming {
  return { ...defaults, turnaround_ms: wireTime_ms(config.baud, TURNAROUND_CHARACTERS), ...config.timing }
}

/** @throws {LinliError} OSDP_CONFIG with the path of the bad field */
export function checkConfig(config: BusConfig): void {
  const refuse = (path: string, message: string) => {
    throw new LinliError('OSDP_CONFIG', message, { kind: 'caller', path })
  }
  if (!(config.baud > 0)) refuse('/baud', 'the speed of the line must be positive')
  const taken = new Set<number>()
  config.readers.forEach(({ address, security }, index) => {
    const at = `/readers/${index}`
    if (!Number.isInteger(address) || address < 0 || address >= BROADCAST)
      refuse(`${at}/address`, 'an address is a whole number from 0 to 126')
    if (taken.has(address)) refuse(`${at}/address`, `two readers cannot share the address ${address} on one line`)
    taken.add(address)
    if (security.mode !== 'secure') return
    security.keys.forEach((key, which) => {
      checkKey(key, `${at}/security/keys/${which}`)
    })
  })
}

/** @throws {LinliError} OSDP_CONFIG */
export function checkKey(key: Uint8Array, path: string): void {
  const refuse = (message: string) => {
    throw new LinliError('OSDP_CONFIG', message, { kind: 'caller', path })
  }
  if (key.length !== KEY_BYTES) refuse(`a key has ${KEY_BYTES} bytes`)
  if (equalBytes(key, DEFAULT_KEY)) refuse('the default key is known to everybody; make a key for this site')
}

export function sessionConfig(reader: ReaderConfig, timing: BusTiming, aes: Aes): SessionConfig {
  return {
    address: reader.address,
    security: reader.security,
    aes,
    check: reader.check ?? 'crc',
    ...(reader.expected ? { expected: reader.expected } : {}),
    pollInterval_ms: timing.pollInterval_ms,
    sessionLost_ms: timing.sessionLost_ms,
    backoff: { first_ms: timing.backoffFirst_ms, max_ms: timing.backoffMax_ms },
  }
}
