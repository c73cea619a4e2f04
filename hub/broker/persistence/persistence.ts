import { Readable } from 'node:stream'
import type { Subscriber, Subscription } from './book.ts'
import { createFilterTree } from './filters.ts'
import type { RetainedPacket } from './keeping.ts'
import type { BrokerClient, Queues } from './queues.ts'
import type { StoredWill } from './records.ts'
import type { Sessions } from './sessions.ts'

/**
 * The persistence that Aedes asks: memory for it, with the sessions behind. Every function answers with the state of the
 * moment, because Aedes loses messages when an answer comes late (its issues 994 and 955); it waits only where a promise
 * of MQTT does.
 */

/** Aedes' packets, as far as they pass through here. */
export interface Packet {
  cmd?: string
  topic: string
  payload: Uint8Array | string
  qos: 0 | 1 | 2
  retain: boolean
  dup?: boolean
  messageId?: number | undefined
  brokerId?: string
  brokerCounter?: number
  clientId?: string
}
type Acknowledgement = Pick<Packet, 'cmd' | 'messageId'>
type Named = Subscription & { topic: string }
type Client = BrokerClient
/** Of no session: its name is no filter that anybody may have. Shows that there is a session without subscriptions. */
export const NO_SUBSCRIPTION: Named = { topic: '$linli/session', qos: 0 }

export class Persistence {
  readonly #sessions: Sessions
  readonly #queues: Queues
  readonly #wills = new Map<string, { will: Packet; client: Client }>()
  /** Of clients whose session ends with their connection. */
  readonly #incoming = new WeakMap<Client, Map<number, Packet>>()
  /** QoS 2 PUBLISHes of sessions, as long as the process lasts. */
  readonly #incomingPackets = new WeakMap<Subscriber, Map<number, Packet>>()
  /** Subscriptions that were authorised, and what writes them. */
  readonly #authorised = new WeakMap<object, Promise<void> | undefined>()
  broker: { id: string } = { id: '' }

  constructor(sessions: Sessions, queues: Queues) {
    this.#sessions = sessions
    this.#queues = queues
  }

  async setup(broker: { id: string }): Promise<void> {
    this.broker = broker
  }

  async destroy(): Promise<void> {}

  // ---- retained messages

  async storeRetained(packet: Packet): Promise<void> {
    // The order of these is that of the journal, which Aedes does not know.
    if (this.#sessions.isKept(packet.payload)) return
    this.#sessions.retain({ ...packet, payload: bytesOf(packet.payload) })
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter])
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(retainedMatching(this.#sessions.retained, filters))
  }

  // ---- subscriptions

  /** Aedes stores a whole SUBSCRIBE for each filter of it that was authorised: only those are meant. */
  authorised(subscription: object): void {
    this.#authorised.set(subscription, undefined)
  }

  async addSubscriptions(client: Client, subscriptions: readonly Named[]): Promise<void> {
    const subscriber = this.#open(client)
    if (!client.conn) return this.#sessions.subscribe(subscriber, subscriptions)
    const meant = subscriptions.filter((one) => this.#authorised.has(one))
    const added = meant.filter((one) => this.#authorised.get(one) === undefined)
    if (added.length > 0) {
      const written = this.#sessions.subscribe(subscriber, added)
      written.catch(() => undefined)
      for (const one of added) this.#authorised.set(one, written)
    }
    await Promise.all(meant.map((one) => this.#authorised.get(one)))
  }

  async removeSubscriptions(client: Client, filters: readonly string[]): Promise<void> {
    const subscriber = this.#find(client)
    if (subscriber) await this.#sessions.unsubscribe(subscriber, filters)
  }

  async subscriptionsByClient(client: Client): Promise<Named[]> {
    const subscriber = this.#find(client)
    if (!subscriber) return []
    const found = [...subscriber.subscriptions].map(([topic, subscription]) => ({ topic, ...subscription }))
    return found.length > 0 || subscriber.isNew || subscriber.owner === '' ? found : [NO_SUBSCRIPTION]
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    const { subscribers, size } = this.#sessions.book
    const clientsCount = [...subscribers.values()].filter(({ subscriptions }) => subscriptions.size > 0).length
    return { subsCount: size, clientsCount }
  }

  async subscriptionsByTopic(topic: string): Promise<Array<Named & { clientId: string }>> {
    return this.#sessions.book
      .matching(topic)
      .map(({ subscriber, filter, subscription }) => ({ clientId: subscriber.id, topic: filter, ...subscription }))
  }

  getClientList(topic: string): Readable {
    const { subscribers } = this.#sessions.book
    return Readable.from(
      [...subscribers.values()].filter(({ subscriptions }) => subscriptions.has(topic)).map((one) => one.id),
    )
  }

  /** MQTT-3.1.2-6: a clean session begins, and with it everything before ends. */
  async cleanSubscriptions(client: Client): Promise<void> {
    const subscriber = this.#find(client)
    if (subscriber) await this.#sessions.remove(subscriber)
  }

  // ---- what sessions are owed

  async outgoingEnqueue(subscription: { clientId: string; qos?: number }, packet: Packet): Promise<void> {
    await this.outgoingEnqueueCombi([subscription], packet)
  }

  async outgoingEnqueueCombi(
    subscriptions: ReadonlyArray<{ clientId: string; qos?: number }>,
    packet: Packet,
  ): Promise<void> {
    if (this.#sessions.isKept(packet.payload)) return
    const granted = new Map<string, number>()
    for (const { clientId, qos = packet.qos } of subscriptions)
      granted.set(clientId, Math.max(qos, granted.get(clientId) ?? 0))
    await Promise.all(
      [...granted].map(([id, most]) => {
        const qos = Math.min(most, packet.qos)
        if (qos === 0) return undefined
        const { topic, payload } = packet
        const message = { topic, payload: bytesOf(payload), retain: packet.retain, packet: copyOf(packet) }
        return this.#sessions.enqueue(this.#open({ id }), { ...message, qos: qos === 2 ? 2 : 1 })
      }),
    )
  }

  /** PUBREC of a subscriber, or the id under which a packet was sent. */
  async outgoingUpdate(client: Client, packet: Packet): Promise<void> {
    const subscriber = this.#find(client)
    if (!subscriber || packet.messageId === undefined) throw new Error('no such packet')
    if (packet.cmd === 'pubrel') {
      // An unknown id is answered with PUBREL too: the exchange would never end otherwise.
      await this.#sessions.received(subscriber, packet.messageId)
      subscriber.wake?.()
      return
    }
    const item = subscriber.session.pending().find((one) => {
      const known = one.message.packet as Packet | undefined
      return known?.brokerId === packet.brokerId && known?.brokerCounter === packet.brokerCounter
    })
    if (!item) throw new Error('no such packet')
    subscriber.session.assign(item, packet.messageId)
  }

  async outgoingClearMessageId(client: Client, packet: Packet | number): Promise<object | undefined> {
    const packet_id = typeof packet === 'number' ? packet : packet.messageId
    if (packet_id === undefined) return undefined
    const acknowledged = this.#queues.acknowledge(client, packet_id)
    return acknowledged?.packet && { ...acknowledged.packet, messageId: packet_id }
  }

  outgoingStream(client: Client): Readable {
    // A connected one is served by queues.ts.
    const subscriber = client.conn ? undefined : this.#find(client)
    if (!subscriber) return Readable.from([])
    const { session } = subscriber
    const pubrels: Acknowledgement[] = [...session.released].map((messageId) => ({ cmd: 'pubrel', messageId }))
    const publishes = session.pending().map(({ message, packet_id, qos, sent }) => ({
      cmd: 'publish',
      ...message,
      qos,
      dup: sent,
      ...message.packet,
      messageId: packet_id,
    }))
    return Readable.from([...pubrels, ...publishes.map(({ packet: _, ...publish }) => publish)])
  }

  // ---- QoS 2 from clients

  async incomingStorePacket(client: Client, packet: Packet & { messageId: number }): Promise<void> {
    const stored = { ...copyOf(packet), messageId: packet.messageId }
    // What it says is in the journal; a broker's memory is not for keeping it a second time.
    if (this.#sessions.isKept(packet.payload)) stored.payload = ''
    this.#packetsOf(client).set(packet.messageId, stored)
    if (client.clean === true) return
    await this.#sessions.storeIncoming(this.#open(client), packet.messageId, false)
  }

  async incomingGetPacket(client: Client, packet: Acknowledgement): Promise<Packet | Acknowledgement> {
    const { messageId = 0 } = packet
    const found = this.#packetsOf(client).get(messageId)
    const subscriber = client.clean === true ? undefined : this.#find(client)
    if (client.clean === true ? !found : !subscriber?.incoming.has(messageId)) throw new Error('no such packet')
    await subscriber?.incoming.get(messageId)
    return found ?? { messageId }
  }

  async incomingDelPacket(client: Client, packet: Acknowledgement): Promise<void> {
    const { messageId = 0 } = packet
    this.#packetsOf(client).delete(messageId)
    const subscriber = client.clean === true ? undefined : this.#find(client)
    if (subscriber) await this.#sessions.releaseIncoming(subscriber, [messageId])
  }

  async cleanIncoming(client: Client): Promise<void> {
    this.#incoming.delete(client)
    const subscriber = client.clean === true ? undefined : this.#find(client)
    if (subscriber) await this.#sessions.releaseIncoming(subscriber, [...subscriber.incoming.keys()])
  }

  /** A PUBLISH that is here already; settles when that is on disk. */
  knownIncoming(client: Client, packet_id: number): Promise<void> | undefined {
    if (client.clean === true) return this.#incoming.get(client)?.has(packet_id) ? Promise.resolve() : undefined
    return this.#find(client)?.incoming.get(packet_id)
  }

  #packetsOf(client: Client): Map<number, Packet> {
    const subscriber = client.clean === true ? undefined : this.#open(client)
    const known = subscriber ? this.#incomingPackets.get(subscriber) : this.#incoming.get(client)
    if (known) return known
    const packets = new Map<number, Packet>()
    if (subscriber) this.#incomingPackets.set(subscriber, packets)
    else this.#incoming.set(client, packets)
    return packets
  }

  // ---- wills

  async putWill(client: Client, will: Packet): Promise<void> {
    will.brokerId = this.broker.id
    will.clientId = client.id
    this.#wills.set(client.id, { will, client })
    this.#sessions.wills.delete(client.id)
    const { principal } = client
    if (!principal) return
    const { topic, payload, qos, retain } = will
    const stored: StoredWill = { topic, payload: Buffer.from(payload).toString('base64'), qos, retain, principal }
    await this.#sessions.store.record(`will/${client.id}`, stored)
  }

  async getWill(client: Client): Promise<Packet | undefined> {
    return this.#wills.get(client.id)?.will
  }

  async delWill(client: Client): Promise<Packet | undefined> {
    const known = this.#wills.get(client.id)
    if (!known) return undefined
    // A connection that took over has stored its own will before the one it ends is through with its.
    const isOfAnother = client.conn === undefined && known.client.conn !== undefined && known.client.closed === false
    if (isOfAnother) return undefined
    this.#wills.delete(client.id)
    if (known.client.principal) await this.#sessions.store.record(`will/${client.id}`, undefined)
    return known.will
  }

  streamWill(brokers: Record<string, unknown> = {}): Readable {
    const wills = [...this.#wills.values()].map(({ will }) => will)
    return Readable.from(wills.filter(({ brokerId = '' }) => brokers[brokerId] === undefined))
  }

  // ----

  #find(client: Client): Subscriber | undefined {
    return this.#sessions.book.subscribers.get(client.id)
  }

  #open(client: Client): Subscriber {
    return this.#sessions.open(client.id, client.principal?.name ?? '').subscriber
  }
}

function* retainedMatching(
  retained: ReadonlyMap<string, RetainedPacket>,
  filters: readonly string[],
): Generator<RetainedPacket> {
  const wanted = createFilterTree<true>()
  for (const filter of filters) wanted.set(filter, '', true)
  for (const packet of retained.values()) if (wanted.match(packet.topic).length > 0) yield packet
}

function bytesOf(payload: Uint8Array | string): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}

function copyOf(packet: Packet): Packet {
  const { cmd = 'publish', topic, payload, qos, retain, dup = false, brokerId, brokerCounter = 0 } = packet
  return { cmd, brokerId: brokerId ?? '', brokerCounter, topic, payload, qos, retain, dup, messageId: undefined }
}
