import { createFilterTree } from './filters.ts'
import type { StoredSession } from './records.ts'
import type { Session } from './session.ts'

/** Who has a persistent session, and who wants what. */

export interface Subscription {
  qos: 0 | 1 | 2
  rh?: number
  rap?: boolean
  nl?: boolean
  subscriptionIdentifier?: number
}

/** One persistent session. */
export interface Subscriber {
  readonly n: number
  readonly id: string
  /** The account it belongs to. */
  readonly owner: string
  readonly session: Session
  readonly subscriptions: Map<string, Subscription>
  /** QoS 2 packet ids of its own PUBLISHes between PUBREC and PUBREL; settles when the id is on disk. */
  readonly incoming: Map<number, Promise<void>>
  connected: boolean
  /** When it was connected last, milliseconds since 1970. */
  seen_ms: number
  /** The connection that it has now; called when there is something to send. */
  wake: (() => void) | undefined
  /** Topics with a new retained message since a subscription began that is being written; counts those. */
  subscribing: { count: number; fresh: Set<string> }
  isGone: boolean
  /** By the rights that its account had when it connected last; since a restart not known before it comes. */
  mayReceive: (topic: string) => boolean
  /** Made for the connection that is coming up: not present before it (MQTT-3.2.2-3). */
  isNew: boolean
}

export interface Match {
  subscriber: Subscriber
  filter: string
  subscription: Subscription
}

export interface Book {
  readonly subscribers: ReadonlyMap<string, Subscriber>
  /** Subscriptions at QoS 1 and 2. */
  readonly size: number
  enter(stored: StoredSession, session: Session): Subscriber
  strike(subscriber: Subscriber): void
  subscribe(subscriber: Subscriber, filter: string, subscription: Subscription): void
  unsubscribe(subscriber: Subscriber, filter: string): void
  /** At QoS 1 and 2. */
  matching(topic: string): Match[]
  /** Who gets a message of this QoS, with the most it was granted (MQTT-3.3.5-1). */
  wanting(topic: string, qos: 1 | 2): Array<{ subscriber: Subscriber; qos: 1 | 2 }>
}

export function createBook(): Book {
  const subscribers = new Map<string, Subscriber>()
  const tree = createFilterTree<Match>()

  function subscribe(subscriber: Subscriber, filter: string, subscription: Subscription): void {
    subscriber.subscriptions.set(filter, subscription)
    if (subscription.qos > 0) tree.set(filter, subscriber.id, { subscriber, filter, subscription })
    else tree.remove(filter, subscriber.id)
  }

  return {
    subscribers,
    get size() {
      return tree.size
    },
    enter({ n, id, owner, connected, seen_ms, subscriptions }, session) {
      const subscriber: Subscriber = {
        n,
        id,
        owner,
        session,
        subscriptions: new Map(),
        incoming: new Map(),
        connected,
        seen_ms,
        wake: undefined,
        subscribing: { count: 0, fresh: new Set() },
        isGone: false,
        mayReceive: () => true,
        isNew: false,
      }
      subscribers.set(id, subscriber)
      for (const [filter, qos] of subscriptions) subscribe(subscriber, filter, { qos })
      return subscriber
    },
    strike(subscriber) {
      subscriber.isGone = true
      for (const filter of subscriber.subscriptions.keys()) tree.remove(filter, subscriber.id)
      subscriber.subscriptions.clear()
      if (subscribers.get(subscriber.id) === subscriber) subscribers.delete(subscriber.id)
    },
    subscribe,
    unsubscribe(subscriber, filter) {
      subscriber.subscriptions.delete(filter)
      tree.remove(filter, subscriber.id)
    },
    matching: (topic) => tree.match(topic),
    wanting(topic, qos) {
      const found = new Map<Subscriber, 1 | 2>()
      for (const { subscriber, subscription } of tree.match(topic)) {
        if (!subscriber.mayReceive(topic)) continue
        const granted = Math.min(qos, Math.max(found.get(subscriber) ?? 0, subscription.qos))
        found.set(subscriber, granted === 2 ? 2 : 1)
      }
      return [...found].map(([subscriber, granted]) => ({ subscriber, qos: granted }))
    },
  }
}

export function storedSession(subscriber: Subscriber): StoredSession {
  const { n, id, owner, connected, seen_ms, subscriptions } = subscriber
  return {
    n,
    id,
    owner,
    connected,
    seen_ms,
    subscriptions: [...subscriptions].map(([filter, { qos }]) => [filter, qos]),
  }
}
