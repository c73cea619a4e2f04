import type { Duplex } from 'node:stream'
import type { Client, PublishPacket } from 'aedes'
import { mayReceive, type Principal } from '../auth/access.ts'
import { grantedQos } from './persistence/filters.ts'

/** What is decided about each message on its way to one subscriber: whether it may have it, with which QoS, and how it gets there. */

export type PrincipalClient = Client & { principal?: Principal }

/** Not in Aedes' types. */
type SubscribedClient = PrincipalClient & {
  subscriptions: Record<string, { qos: number }>
  duplicates: object
  /** Of the message that came to it last. */
  counted?: number | undefined
}

export interface Delivery {
  /** The message as Aedes is to send it, or null: not for this client, or not by Aedes. */
  forward<P extends PublishPacket>(client: Client, packet: P): P | null
  /** To be called for each client before it subscribes. */
  prepare(client: Client, brokerId: string): void
}

export function createDelivery(deps: {
  shed: (principal: Principal | undefined) => void
  /** QoS 1 and 2: waits for the subscriber's turn. */
  queue: (client: Client, packet: PublishPacket, qos: 1 | 2) => void
}): Delivery {
  return {
    forward(given, packet) {
      const client = given as SubscribedClient
      const { principal } = client
      if (!principal || !mayReceive(principal, packet.topic) || isAgain(client, packet)) return null
      // MQTT-3.3.5-1, MQTT-3.8.4-6: of all its filters that match the highest QoS counts.
      const qos = packet.qos === 0 ? 0 : Math.min(packet.qos, grantedQos(client.subscriptions, packet.topic))
      if (qos === 0) {
        if (!(client.conn as Duplex).writableNeedDrain) return packet.qos === 0 ? packet : { ...packet, qos }
        deps.shed(principal)
        return null
      }
      deps.queue(client, packet, qos === 2 ? 2 : 1)
      return null
    },
    prepare(given, brokerId) {
      // Aedes takes every message with a lower number than the last for a repetition: those that overtake would be lost.
      Object.defineProperty((given as SubscribedClient).duplicates, brokerId, { get: () => 0, set: () => undefined })
    },
  }
}

/** Aedes hands a message to all filters of a client in one go: the same number again is the same message by another filter. */
function isAgain(client: SubscribedClient, packet: PublishPacket): boolean {
  const { brokerId, brokerCounter } = packet as { brokerId?: string; brokerCounter?: number }
  // Retained messages have no number, and what is brought past the broker's routing has none.
  if (!brokerId || brokerCounter === undefined) return false
  if (client.counted === brokerCounter) return true
  client.counted = brokerCounter
  return false
}
