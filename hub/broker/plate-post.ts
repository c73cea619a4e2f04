import type { Client } from 'aedes'
import { plateFilterOwner } from '../contract/plate.ts'
import { gatewayPath, type Topic } from '../contract/topic.ts'

/**
 * Brings a plate to the gateway that it is for, past the broker's own routing: no other filter can match it, no session
 * queues it, nothing retains it. A gateway that is away or does not read gets none: a plate is worth nothing later.
 */
export interface PlatePost {
  /** A subscription that was granted; the latest subscriber of a gateway's plates gets them. */
  subscribed(client: Client, filter: string): void
  unsubscribed(client: Client, filters: readonly string[]): void
  gone(client: Client): void
  /** @returns false when nobody is there to take it */
  hand(topic: Topic, topicName: string, payload: Uint8Array): boolean
}

/** Aedes delivers with this itself; its public `publish` would disturb the numbers by which it tells duplicates. */
interface Deliverer {
  deliver0(packet: object, done: () => void): void
}

export function createPlatePost(): PlatePost {
  /** By gateway path. */
  const takers = new Map<string, Client>()

  function forget(client: Client, owner: string): void {
    if (takers.get(owner) === client) takers.delete(owner)
  }

  return {
    subscribed(client, filter) {
      const owner = plateFilterOwner(filter)
      if (owner !== undefined) takers.set(owner, client)
    },
    unsubscribed(client, filters) {
      for (const filter of filters) {
        const owner = plateFilterOwner(filter)
        if (owner !== undefined) forget(client, owner)
      }
    },
    gone(client) {
      for (const owner of [...takers.keys()]) forget(client, owner)
    },
    hand(topic, topicName, payload) {
      const taker = takers.get(gatewayPath(topic, topic.gateway))
      if (!taker?.connected) return false
      const packet = { cmd: 'publish', topic: topicName, payload, qos: 0, retain: false, dup: false }
      ;(taker as unknown as Deliverer).deliver0(packet, () => undefined)
      return true
    },
  }
}
