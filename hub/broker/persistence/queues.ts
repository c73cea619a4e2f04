import type { Duplex } from 'node:stream'
import type { Principal } from '../../auth/access.ts'
import type { Subscriber } from './book.ts'
import type { Holder } from './bounds.ts'
import { createSender, type Sender } from './sender.ts'
import { createSession, gradeOf } from './session.ts'
import type { Sessions } from './sessions.ts'

/**
 * QoS 1 and 2 go to subscribers past Aedes, which would write to every socket at once, wait for the slowest, and send a
 * session what is new before what has waited. A client of a clean session gets the same queue, but not on disk: with too
 * much waiting its connection ends, which is how it learns of it.
 */

/** What is used of Aedes' client. */
export interface BrokerClient {
  id: string
  clean?: boolean
  conn?: Duplex
  closed?: boolean
  principal?: Principal
}

export interface Queues {
  /** CONNACK is out. */
  connected(client: BrokerClient): void
  gone(client: BrokerClient): void
  /** A message at this QoS, 1 or 2, for this client. */
  forward(client: BrokerClient, packet: ForwardPacket, qos: 1 | 2): void
  /** A subscription of a session is not allowed any more; what waits because of it alone is not delivered. */
  revoked(client: BrokerClient, filter: string): void
  /** PUBACK or PUBCOMP. */
  acknowledge(client: BrokerClient, packet_id: number): { packet: object | undefined } | undefined
}

interface ForwardPacket {
  topic: string
  payload: Uint8Array | string
  retain: boolean
}

interface Connection {
  holder: Holder
  subscriber: Subscriber | undefined
  sender: Sender
  /** Positions of a session that is not on disk. */
  last: number
}

/** Why a subscriber's connection is ended: the label of the metric, and what the log says. */
export const CUTS = {
  queue: { cause: 'queue-bytes', reason: 'more than queue_bytes_max wait for a subscriber without a session' },
  stalled: { cause: 'stalled', reason: 'a subscriber took nothing for stall_ms_max' },
} as const
export type Cut = (typeof CUTS)[keyof typeof CUTS]

export function createQueues(sessions: Sessions, onCut: (client: BrokerClient, cut: Cut) => void): Queues {
  const { limits, bounds } = sessions
  const connections = new WeakMap<BrokerClient, Connection>()
  const cut = new WeakSet<BrokerClient>()

  function end(client: BrokerClient, why: Cut): void {
    if (cut.has(client)) return
    cut.add(client)
    onCut(client, why)
    client.conn?.destroy(new Error(why.reason))
  }

  function connect(client: BrokerClient, subscriber: Subscriber | undefined): Connection | undefined {
    const { conn } = client
    if (!conn || client.closed) return undefined
    const holder: Holder = subscriber ?? {
      id: client.id,
      session: createSession(),
      overflow: () => end(client, CUTS.queue),
    }
    const ready = subscriber && sessions.connect(subscriber)
    if (!ready) bounds.add(holder)
    const sender = createSender(
      {
        session: holder.session,
        connection: conn,
        ...(ready ? { ready } : {}),
        onSent: () => subscriber && sessions.moved(subscriber),
        onStalled: () => end(client, CUTS.stalled),
      },
      limits,
    )
    const connection = { holder, subscriber, sender, last: 0 }
    connections.set(client, connection)
    if (subscriber) subscriber.wake = sender.wake
    return connection
  }

  /** A clean session gets its queue with the first message for it: most clients never need one. */
  function connectionOf(client: BrokerClient): Connection | undefined {
    return connections.get(client) ?? connect(client, undefined)
  }

  return {
    connected(client) {
      const subscriber = client.clean === false ? sessions.book.subscribers.get(client.id) : undefined
      if (!subscriber) return
      // What it waits for may not be its account's any more.
      subscriber.session.dropUnless(subscriber.mayReceive)
      connect(client, subscriber)
    },
    gone(client) {
      const connection = connections.get(client)
      if (!connection) return
      connections.delete(client)
      const { subscriber, sender, holder } = connection
      sender.close()
      if (subscriber) sessions.disconnect(subscriber, sender.wake)
      else bounds.remove(holder)
    },
    forward(client, { topic, payload, retain }, qos) {
      // What a persistent session wants was put into its queue with the commit.
      if (client.clean === false) return
      // What is retained is read piece by piece: a newer one may have gone out since.
      if (retain && sessions.retained.get(topic)?.payload !== payload) return
      const connection = connectionOf(client)
      if (!connection) return
      const { session } = connection.holder
      connection.last += 1
      session.push({
        message: { topic, payload: typeof payload === 'string' ? Buffer.from(payload) : payload, retain },
        grade: gradeOf(topic),
        position: connection.last,
        qos,
        ordinal: session.number(),
        sent: false,
      })
      bounds.check(connection.holder)
      connection.sender.wake()
    },
    revoked(client, filter) {
      const subscriber = client.clean === false ? sessions.book.subscribers.get(client.id) : undefined
      if (!subscriber?.subscriptions.has(filter)) return
      sessions.unsubscribe(subscriber, [filter]).catch(() => undefined)
    },
    acknowledge(client, packet_id) {
      const connection = connections.get(client)
      const subscriber =
        connection?.subscriber ?? (client.clean === true ? undefined : sessions.book.subscribers.get(client.id))
      const acknowledged = (connection?.holder.session ?? subscriber?.session)?.acknowledge(packet_id)
      if (subscriber) sessions.moved(subscriber)
      connection?.sender.wake()
      return acknowledged && { packet: acknowledged.item?.message.packet }
    },
  }
}
