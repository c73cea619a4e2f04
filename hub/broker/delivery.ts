import type { Duplex } from 'node:stream'
import type { Client, PublishPacket } from 'aedes'
import { mayReceive, type Principal } from '../auth/access.ts'
import { grantedQos, matches } from './mended-persistence.ts'

/** What is decided about each message on its way to one subscriber: whether it may have it, with which QoS, and whether it keeps up. */

export type PrincipalClient = Client & { principal?: Principal }

/** Not in Aedes' types. */
type SubscribedClient = PrincipalClient & {
  subscriptions: Record<string, { qos: number }>
  deliver0: (packet: PublishPacket, done: () => void) => void
  /** Messages of QoS 1 and 2 on their way to it. */
  unacknowledged?: number
}

export interface Delivery {
  /** The message as this client gets it, or null. */
  forward<P extends PublishPacket>(client: Client, packet: P): P | null
  /** One of its messages was acknowledged. */
  acknowledged(client: Client): void
  /** To be called for each client before it subscribes. */
  prepare(client: Client): void
}

export function createDelivery(
  deps: { shed: (principal: Principal | undefined) => void; overrun: (client: Client) => void },
  limits: { in_flight_max: number },
): Delivery {
  return {
    forward(given, packet) {
      const client = given as SubscribedClient
      const { principal } = client
      if (!principal || !mayReceive(principal, packet.topic)) return null
      if (packet.qos === 0) {
        if (!(client.conn as Duplex).writableNeedDrain) return packet
        deps.shed(principal)
        return null
      }
      client.unacknowledged = (client.unacknowledged ?? 0) + 1
      if (client.unacknowledged > limits.in_flight_max) {
        deps.overrun(client)
        return null
      }
      if (!packet.retain && packet.qos !== 2) return packet
      const granted = grantedQos(client.subscriptions, packet.topic)
      return granted < packet.qos ? { ...packet, qos: granted as 0 | 1 } : packet
    },
    acknowledged(client) {
      const counted = client as SubscribedClient
      counted.unacknowledged = Math.max(0, (counted.unacknowledged ?? 0) - 1)
    },
    prepare(given) {
      const client = given as SubscribedClient
      const deliver0 = client.deliver0
      client.deliver0 = (packet, done) => {
        if (packet.qos > 0 && hasHigher(client, packet.topic)) setImmediate(done)
        else deliver0(packet, done)
      }
    },
  }
}

/**
 * MQTT-3.3.5-1: of overlapping subscriptions the highest QoS counts. Aedes delivers by the one that it comes to first and takes
 * the other for a repetition, so the one with QoS 0 steps back.
 */
function hasHigher(client: SubscribedClient, topic: string): boolean {
  for (const filter of Object.keys(client.subscriptions)) {
    if ((client.subscriptions[filter]?.qos ?? 0) > 0 && matches(filter, topic)) return true
  }
  return false
}
