import { type Allowance, isFull, newAllowance, takeOne } from './allowance.ts'
import type { FrontLimits } from './limits.ts'
import { REFUSALS, type Refusal } from './refusal.ts'

/** Who may connect from where: how many at once, and how fast. */

export interface Addresses {
  /** Counts the connection unless it is refused. */
  admit(address: string, now_ms: number): Refusal | undefined
  left(address: string): void
  count(): number
}

interface Entry {
  open: number
  connects: Allowance
}

/** Addresses without a connection are forgotten when their allowance is full again, or when there are this many. */
const ADDRESSES_MAX = 4_096

export function createAddresses(limits: FrontLimits): Addresses {
  const entries = new Map<string, Entry>()
  const rate = { per_s: limits.connects_per_s, burst: limits.connects_burst }
  let open = 0

  function entryOf(address: string, now_ms: number): Entry {
    const found = entries.get(address)
    if (found) return found
    if (entries.size >= ADDRESSES_MAX) forget(now_ms)
    const made = { open: 0, connects: newAllowance(rate, now_ms) }
    entries.set(address, made)
    return made
  }

  function forget(now_ms: number): void {
    const idle = [...entries].filter(([, entry]) => entry.open === 0)
    const full = idle.filter(([, entry]) => isFull(rate, entry.connects, now_ms))
    for (const [address] of full.length > 0 ? full : idle) entries.delete(address)
  }

  return {
    admit(address, now_ms) {
      const limited = limits.loopback_limited || !isLoopback(address)
      const entry = entryOf(address, now_ms)
      if (limited && !takeOne(rate, entry.connects, now_ms)) return REFUSALS.connectRate
      if (open >= limits.connections_max) return REFUSALS.connections
      if (limited && entry.open >= limits.connections_per_address_max) return REFUSALS.connectionsOfAddress
      entry.open++
      open++
      return undefined
    },
    left(address) {
      const entry = entries.get(address)
      if (entry) entry.open--
      open--
    },
    count: () => open,
  }
}

/** In memory there is no address; that is this machine too. */
export const IN_MEMORY = 'memory'

function isLoopback(address: string): boolean {
  return address === IN_MEMORY || address.startsWith('127.') || address === '::1'
}

/** The address that limits count: an IPv4 address however it is written, and the /64 that one IPv6 host has to itself. */
export function addressKey(remote: string | undefined): string {
  if (remote === undefined) return IN_MEMORY
  const plain = remote.split('%')[0] as string
  if (plain.startsWith('::ffff:') && plain.includes('.')) return plain.slice('::ffff:'.length)
  if (!plain.includes(':') || plain === '::1') return plain
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}
