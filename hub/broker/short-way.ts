import type { Duplex } from 'node:stream'
import type { Principal } from '../auth/access.ts'
import type { Audience } from './audience.ts'
import type { PrincipalClient } from './delivery.ts'
import type { Taker } from './front/front.ts'
import type { InOrder } from './in-order.ts'
import type { Ingest, Verdict } from './ingest.ts'

/**
 * Messages of QoS 1 that nobody retains, from the front straight to the door: what Aedes does with each costs more than the door
 * itself, and leads nowhere when nobody on the spot has subscribed to it. The same door, order and PUBACK as by Aedes; those of
 * one turn leave in one write.
 */
export interface ShortWay {
  open(client: PrincipalClient): Taker
  /** Writes the PUBACKs that are due, so that one of Aedes' does not overtake them (MQTT-4.6.0-2). */
  flush(client: object): void
}

/** Not in Aedes' types. */
type AedesClient = PrincipalClient & {
  conn: Duplex
  _keepaliveInterval: number
  _keepaliveTimer: NodeJS.Timeout | null
  waitForDrain(done: () => void): void
  emit(event: 'error', error: unknown): void
}

interface Deps {
  ingest: Ingest
  inOrder: InOrder
  isHeard: Audience
  /** To whoever has subscribed on the spot. */
  publish: (message: { topic: string; payload: Uint8Array; retain: boolean; qos: 1 }) => Promise<void>
  /** What becomes of a message that is acknowledged and not for everybody. */
  swallowed: (verdict: Verdict, topic: string) => void
  failed: (client: PrincipalClient, principal: Principal, topic: string, error: unknown) => void
}

/** Bytes of a client's messages that are under way, before it is read from again: as much as comes in one piece. */
const OPEN_BYTES_MAX = 64 * 1024
const PUBACK = 0x40

export function createShortWay(deps: Deps): ShortWay {
  const lines = new WeakMap<object, { flush(): void }>()
  return {
    open(client) {
      const line = openLine(deps, client as AedesClient)
      lines.set(client, line)
      return line
    },
    flush: (client) => lines.get(client)?.flush(),
  }
}

function openLine(deps: Deps, client: AedesClient): Taker & { flush(): void } {
  const { ingest, inOrder } = deps
  const { conn } = client
  let open_bytes = 0
  let isBlocked = false
  /** Packet ids. */
  let due: number[] = []
  let topicBytes: Buffer = Buffer.alloc(0)
  let topicText = ''

  function isFull(): boolean {
    return isBlocked || open_bytes >= OPEN_BYTES_MAX
  }

  function readOn(): void {
    if (!client.closed) conn.emit('readable')
  }

  function flush(): void {
    const ids = due
    if (ids.length === 0) return
    due = []
    if (client.closed || conn.destroyed) return
    const packets = Buffer.allocUnsafe(4 * ids.length)
    let at = 0
    for (const id of ids) at = packets.writeUInt16BE(id, packets.writeUInt16BE((PUBACK << 8) | 2, at))
    if (conn.write(packets)) return
    // Whoever does not read its answers is not read from either, and ended as Aedes ends it.
    isBlocked = true
    client.waitForDrain(() => {
      isBlocked = false
      if (!isFull()) readOn()
    })
  }

  function done(bytes: number): void {
    const wasFull = isFull()
    open_bytes -= bytes
    if (wasFull && !isFull()) readOn()
  }

  /** A device says the same again and again. */
  function topicOf(bytes: Buffer): string {
    if (bytes.equals(topicBytes)) return topicText
    topicBytes = Buffer.from(bytes)
    topicText = bytes.toString('utf8')
    return topicText
  }

  function accept(principal: Principal, topic: string, payload: Buffer, id: number, bytes: number): void {
    open_bytes += bytes
    const settle = inOrder.place(client)
    ingest.accept(principal, { topic, payload, retain: false, qos: 1 }).then(
      (verdict) => settle(() => acknowledge(verdict, topic, id, bytes)),
      (error: unknown) =>
        settle(() => {
          deps.failed(client, principal, topic, error)
          // Aedes ends it, as after one of its own.
          client.emit('error', error)
          done(bytes)
        }),
    )
  }

  function acknowledge(verdict: Verdict, topic: string, id: number, bytes: number): void {
    if (due.length === 0) process.nextTick(flush)
    due.push(id)
    if (verdict.kind === 'deliver' && deps.isHeard(topic)) {
      const through = () => done(bytes)
      deps.publish({ topic, payload: verdict.payload, retain: false, qos: 1 }).then(through, through)
      return
    }
    if (verdict.kind !== 'deliver') deps.swallowed(verdict, topic)
    done(bytes)
  }

  return {
    isFull,
    flush,
    take(packets) {
      const { principal } = client
      if (!principal || client.closed) return
      if (client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
      for (let at = 0; at < packets.length; ) {
        const start = at
        let length = 0
        for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
          byte = packets[++at] as number
          length += (byte & 0x7f) << shift
        }
        const body = ++at
        const topicEnd = body + 2 + packets.readUInt16BE(body)
        at = body + length
        const topic = topicOf(packets.subarray(body + 2, topicEnd))
        accept(principal, topic, packets.subarray(topicEnd + 2, at), packets.readUInt16BE(topicEnd), at - start)
      }
    },
  }
}
