import type { Availability } from '../contract/availability.ts'
import type { Result } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import type { LinliEvent } from '../contract/event.ts'
import { type Address, addressPath, formatTopic } from '../contract/topic.ts'
import type { Entry } from '../journal/types.ts'

/**
 * What comes from one device, for an installer who stands in front of it: each message when it is on the hub's disk, and when
 * each upstream acknowledged it. Kept only while somebody looks.
 */

export type Seen =
  | { type: 'event'; id: string; name: string; event: LinliEvent }
  | { type: 'readings'; id: string; event: LinliEvent }
  | { type: 'state'; state: unknown }
  | { type: 'availability'; availability: Availability }
  | { type: 'result'; result: Result }
  /** `after_ms`: since it was on the hub's disk, by the hub's monotonic clock; 0 when the upstream had it by then. */
  | { type: 'acknowledged'; id: string; upstream: string; after_ms: number }

/** `at_ms`: wall clock of the hub. */
export type Sighting = Seen & { number: number; at_ms: number }

export interface Watch {
  heard(message: Message): void
  acknowledged(upstream: string, entry: Pick<Entry, 'topic' | 'payload'>): void
  /** The number of the newest sighting: where to look on from. */
  begin(): number
  /** Resolves with what came from a device after a number, when there is something, or with nothing after `wait_ms`. */
  next(address: Address, after: number, wait_ms: number): Promise<Sighting[]>
}

/** Sightings of all devices; an installer is at one, and asks again and again. */
const KEPT_MAX = 2_000
/** Nobody has asked for this long: nobody looks. */
const LOOKING_MS = 60_000

export function createWatch(deps: { now_ms: () => number; monotonic_ms: () => number }): Watch {
  let kept: Array<Sighting & { path: string }> = []
  /** Events that an upstream may still acknowledge, by topic and id. */
  const waiting = new Map<string, { path: string; since_ms: number }>()
  /** Upstreams that had an event before the hub said that it is on its disk. */
  const early = new Map<string, string[]>()
  const lookers = new Set<() => void>()
  let number = 0
  let isEmpty = true
  let asked_ms = Number.NEGATIVE_INFINITY

  function isLooking(): boolean {
    if (lookers.size > 0 || deps.monotonic_ms() - asked_ms < LOOKING_MS) {
      isEmpty = false
      return true
    }
    if (isEmpty) return false
    isEmpty = true
    kept = []
    waiting.clear()
    early.clear()
    return false
  }

  function see(path: string, seen: Seen): void {
    number++
    kept.push({ ...seen, number, at_ms: deps.now_ms(), path })
    if (kept.length > KEPT_MAX) kept = kept.slice(-KEPT_MAX / 2)
    for (const looker of lookers) looker()
  }

  function look(address: Address, after: number): Sighting[] {
    const path = addressPath(address)
    return kept.filter((one) => one.number > after && one.path === path).map(({ path: _, ...sighting }) => sighting)
  }

  return {
    heard(message) {
      if (!isLooking()) return
      const seen = seenIn(message)
      if (!seen) return
      const path = addressPath(message.topic)
      see(path, seen)
      if (seen.type !== 'event' && seen.type !== 'readings') return
      const key = keyOf(formatTopic(message.topic), seen.id)
      if (waiting.size >= KEPT_MAX) waiting.clear()
      waiting.set(key, { path, since_ms: deps.monotonic_ms() })
      for (const upstream of early.get(key) ?? [])
        see(path, { type: 'acknowledged', id: seen.id, upstream, after_ms: 0 })
      early.delete(key)
    },
    acknowledged(upstream, { topic, payload }) {
      const id = isLooking() ? idIn(payload) : undefined
      if (id === undefined) return
      const key = keyOf(topic, id)
      const found = waiting.get(key)
      if (!found) {
        if (early.size >= KEPT_MAX) early.clear()
        early.set(key, [...(early.get(key) ?? []), upstream])
        return
      }
      const after_ms = Math.round(deps.monotonic_ms() - found.since_ms)
      see(found.path, { type: 'acknowledged', id, upstream, after_ms })
    },
    begin() {
      asked_ms = deps.monotonic_ms()
      return number
    },
    next(address, after, wait_ms) {
      asked_ms = deps.monotonic_ms()
      if (wait_ms === 0) return Promise.resolve(look(address, after))
      return new Promise((resolve) => {
        const end = (sightings: Sighting[]) => {
          clearTimeout(timer)
          lookers.delete(looker)
          asked_ms = deps.monotonic_ms()
          resolve(sightings)
        }
        const looker = () => {
          const sightings = look(address, after)
          if (sightings.length > 0) end(sightings)
        }
        const timer = setTimeout(() => end([]), wait_ms)
        // A hub that stops does not wait for who looks.
        timer.unref()
        lookers.add(looker)
        looker()
      })
    },
  }
}

function seenIn(message: Message): Seen | undefined {
  switch (message.kind) {
    case 'event':
      return { type: 'event', id: message.event.id, name: message.topic.type, event: message.event }
    case 'telemetry':
      return { type: 'readings', id: message.event.id, event: message.event }
    case 'state':
      return { type: 'state', state: message.state }
    case 'availability':
      return { type: 'availability', availability: message.availability }
    case 'result':
      return { type: 'result', result: message.result }
    default:
      return undefined
  }
}

function keyOf(topic: string, id: string): string {
  return `${topic} ${id}`
}

function idIn(payload: Uint8Array): string | undefined {
  try {
    const { id } = JSON.parse(Buffer.from(payload).toString('utf8')) as { id?: unknown }
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}
