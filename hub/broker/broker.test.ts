import { connect, type Socket } from 'node:net'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Principal } from '../auth/access.ts'
import { encodeJson } from '../contract/encode.ts'
import { makeEvent } from '../contract/event.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import { createMemoryDisk, type MemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import type { Log } from '../journal/types.ts'
import { JOURNAL_LANES } from '../journal-lanes.ts'
import { type Broker, createBroker } from './broker.ts'
import { createIngest, type IngestEvents } from './ingest.ts'

/** The door and the broker together, over real sockets, with the journal in memory. */

const BUTTON: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'alarm-button',
  device: 'b1',
}
const TOPIC = formatTopic({ ...BUTTON, channel: 'evt', type: 'pressed' })
const WAIT = { timeout: 20_000, interval: 10 }

function pressed(sequence: number): Buffer {
  const stamp = { wall_ms: 1_700_000_000_000, monotonic_ms: 1, quality: 'synced' } as const
  const event = makeEvent({ address: BUTTON, bootid: 'b', sequence }, 'pressed', 'alarm', stamp, {
    press: sequence,
    atstart: false,
  })
  return Buffer.from(encodeJson(event))
}

describe('the broker', () => {
  let disk: MemoryDisk
  let log: Log
  let broker: Broker
  let port: number
  let principals: Map<string, Principal>
  let seen: { accepted: string[]; rejected: string[]; duplicates: number; lost: number; shed: number }
  const clients: MqttClient[] = []
  const sockets: Socket[] = []

  beforeEach(async () => {
    disk = createMemoryDisk()
    log = await openMemoryLog(disk, { lanes: JOURNAL_LANES })
    principals = new Map()
    seen = { accepted: [], rejected: [], duplicates: 0, lost: 0, shed: 0 }
    const events: IngestEvents = {
      accepted: (message) => seen.accepted.push(message.kind),
      passed: (message) => seen.accepted.push(message.kind),
      rejected: (_principal, _inbound, error) => seen.rejected.push(error.code),
      duplicate: () => seen.duplicates++,
      telemetryLost: () => seen.lost++,
      denied: () => {},
    }
    const ingest = createIngest({
      log,
      now_ms: Date.now,
      intercept: ({ kind }) => (kind === 'command' ? { kind: 'kept', first: Promise.resolve() } : { kind: 'continue' }),
      admit: () => undefined,
      refuse: () => undefined,
      events,
    })
    broker = await createBroker({
      ingest,
      authenticate: async ({ clientId }) =>
        principals.get(clientId) ?? (clientId.startsWith('stranger') ? undefined : { role: 'dev', name: clientId }),
      log: { info() {}, warn() {} },
      events: { connected() {}, disconnected() {}, shed: () => seen.shed++, refused() {}, throttled() {} },
    })
    port = (await broker.listen({ host: '127.0.0.1', port: 0 })).port
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true)
    for (const socket of sockets.splice(0)) socket.destroy()
    await broker.close()
    await log.close()
  })

  async function client(clientId: string): Promise<MqttClient> {
    const made = await mqtt.connectAsync({ host: '127.0.0.1', port, clientId, reconnectPeriod: 0, protocolVersion: 4 })
    clients.push(made)
    return made
  }

  it('refuses a stranger with return code 5', async () => {
    await expect(client('stranger')).rejects.toMatchObject({ code: 5 })
  })

  it('has a message in the journal when it is acknowledged', async () => {
    const publisher = await client('gw-1')
    await publisher.publishAsync(TOPIC, pressed(1), { qos: 1 })
    expect(log.stats().lanes.alarm).toMatchObject({ depth: 1 })
  })

  it('acknowledges a repeated event and passes it on once', async () => {
    const heard: number[] = []
    const subscriber = await client('listener')
    subscriber.on('message', (_topic, payload) =>
      heard.push((JSON.parse(payload.toString()) as { data: { press: number } }).data.press),
    )
    await subscriber.subscribeAsync('linli/#', { qos: 1 })
    const publisher = await client('gw-1')
    for (const sequence of [1, 1, 2, 1, 2, 3]) await publisher.publishAsync(TOPIC, pressed(sequence), { qos: 1 })
    await vi.waitFor(() => expect(heard).toEqual([1, 2, 3]), WAIT)
    expect(seen.duplicates).toBe(3)
  })

  it('MQTT-4.8.0-2: closes the connection unacknowledged when the disk refuses an alarm, and takes it when it is sent again', async () => {
    disk.full = 'all'
    const publisher = await client('gw-1')
    const closed = new Promise<void>((resolve) => publisher.once('close', () => resolve()))
    let acknowledged = false
    publisher.publish(TOPIC, pressed(1), { qos: 1 }, (error) => {
      acknowledged = !error
    })
    await closed
    expect(acknowledged).toBe(false)
    disk.full = 'no'
    const again = await client('gw-1')
    await again.publishAsync(TOPIC, pressed(1), { qos: 1 })
    expect(log.stats().lanes.alarm?.depth).toBe(1)
    expect(seen.duplicates).toBe(0)
  })

  it('drops and counts telemetry on a full disk instead of holding up the alarms behind it', async () => {
    disk.full = 'reserve'
    const pack = makeEvent(
      { address: BUTTON, bootid: 'b', sequence: 1 },
      'telemetry',
      'notice',
      { wall_ms: 1_700_000_000_000, monotonic_ms: 1, quality: 'synced' },
      [{ n: 'x', v: 1 }],
    )
    const publisher = await client('gw-1')
    await publisher.publishAsync(formatTopic({ ...BUTTON, channel: 'tele' }), Buffer.from(encodeJson(pack)), { qos: 1 })
    await publisher.publishAsync(TOPIC, pressed(2), { qos: 1 })
    expect(seen.lost).toBe(1)
    expect(log.stats().lanes.alarm?.depth).toBe(1)
  })

  it('MQTT-3.3.5-2: closes the connection of a gateway that speaks for another one', async () => {
    const site = { street: 's', community: 'c', estate: 'e' }
    principals.set('gw-2', { role: 'gateway', name: 'gw-2', site, gateway: 'gw-2' })
    const intruder = await client('gw-2')
    const closed = new Promise<void>((resolve) => intruder.once('close', () => resolve()))
    intruder.publish(TOPIC, pressed(1), { qos: 1 })
    await closed
    expect(seen.accepted).toEqual([])
  })

  it('refuses subscriptions outside what an account may read', async () => {
    const site = { street: 's', community: 'c', estate: 'e' }
    principals.set('gw-2', { role: 'gateway', name: 'gw-2', site, gateway: 'gw-2' })
    const gateway = await client('gw-2')
    const granted = await gateway
      .subscribeAsync({ '#': { qos: 1 }, 'linli/v1/s/c/e/gw-2/+/+/cmd/+/+': { qos: 1 } })
      .catch((error: Error) => error)
    expect(JSON.stringify(granted)).not.toContain('"#","qos":1')
    const platform = await client('reader')
    await expect(platform.subscribeAsync('$linli/#', { qos: 0 })).rejects.toThrow()
  })

  it('a subscriber that reads nothing delays nobody else', { timeout: 60_000 }, async () => {
    // A raw socket that subscribes to everything and never reads again.
    const frozen = await frozenSubscriber(port)
    sockets.push(frozen)
    const order: number[] = []
    const listener = await client('listener')
    listener.on('message', (_topic, payload) =>
      order.push((JSON.parse(payload.toString()) as { data: { press: number } }).data.press),
    )
    await listener.subscribeAsync('linli/#', { qos: 1 })
    const publisher = await client('gw-1')
    const COUNT = 6000
    // Far more than a socket buffers: with one stalled subscriber a broker that waits for it would stop here.
    const sent = Array.from({ length: COUNT }, (_, n) => publisher.publishAsync(TOPIC, pressed(n + 1), { qos: 1 }))
    await Promise.all(sent)
    await vi.waitFor(() => expect(order.length).toBe(COUNT), WAIT)
    expect(order).toEqual(Array.from({ length: COUNT }, (_, n) => n + 1))
    expect(frozen.destroyed).toBe(false)
  })
})

/** Speaks just enough MQTT 3.1.1 to be subscribed to everything with QoS 1, then stops reading for good. */
function frozenSubscriber(port: number): Promise<Socket> {
  const CONNECT = Buffer.from([
    0x10, 18, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 6, 0x66, 0x72, 0x6f, 0x7a, 0x65, 0x6e,
  ])
  const SUBSCRIBE = Buffer.from([0x82, 12, 0, 1, 0, 7, 0x6c, 0x69, 0x6e, 0x6c, 0x69, 0x2f, 0x23, 1])
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(CONNECT))
    let connected = false
    socket.on('error', reject)
    socket.on('data', () => {
      if (!connected) {
        connected = true
        socket.write(SUBSCRIBE)
        return
      }
      socket.pause()
      resolve(socket)
    })
  })
}
