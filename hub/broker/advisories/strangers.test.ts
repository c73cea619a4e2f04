import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  answer,
  connectOf,
  DISCONNECT_PACKET,
  login,
  messages,
  type Peer,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  packet,
  peerAt,
  publish,
  SUBACK,
  subscribe,
  subscribed,
  unsubscribe,
  until,
} from '../../../test/support/mqtt-peer.ts'
import { type OpenBroker, startOpenBroker } from '../../../test/support/open-broker.ts'

/**
 * Published advisories of MQTT brokers, replayed: packets and floods. In each the attacker is refused, an honest client that
 * was there before keeps working, each cause is told once, and a new client is served afterwards. ADVISORIES.md lists them.
 */

const LIMITS = {
  incoming_qos2_max: 20,
  retained_per_gateway_max: 10,
  retained_bytes_per_gateway_max: 5_000,
  packet_ms_max: 100,
}

let open: OpenBroker
let honest: Peer
let listener: Peer
let said = 0

beforeEach(async () => {
  open = await startOpenBroker({ limits: LIMITS })
  listener = await login(open.port, { id: 'listener' })
  await subscribed(listener, ['honest/#', 1])
  honest = await login(open.port, { id: 'honest' })
  said = 0
})
afterEach(() => open.broker.close())

/** What it says is acknowledged and arrives. */
async function works(): Promise<void> {
  said += 1
  honest.send(publish('honest/word', String(said), { qos: 1, id: said }))
  await honest.packets(PUBACK, said)
  const heard = await messages(listener, said)
  expect(heard.at(-1)?.payload).toBe(String(said))
  listener.send(answer(PUBACK, heard.at(-1)?.id as number))
}

/** After the attack: told once for each cause, nobody left behind, and service. */
async function isOver(): Promise<void> {
  await works()
  await until(() => open.broker.connections() === 2)
  const causes = open.told.map(({ cause }) => cause)
  expect(causes).toEqual([...new Set(open.refused)])
  await (await login(open.port, { id: 'next' })).end()
}

const repeated = (count: number, make: (n: number) => Buffer[]) =>
  Array.from({ length: count }, (_, n) => {
    const peer = peerAt(open.port)
    peer.send(...make(n))
    return peer
  })

describe('before login', () => {
  it.each([
    ['CVE-2017-7651', 'a CONNECT of 256 MB', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), 'connect-bytes'],
    [
      'CVE-2023-0809',
      'a PUBLISH of 256 MB as the first packet',
      Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
      'MQTT-3.1.0-1',
    ],
    ['CVE-2021-33175', 'a CONNECT of 64 kB in its fields', connectOf({ id: 'x'.repeat(60_000) }), 'connect-bytes'],
    [
      'CVE-2021-33176',
      'a will of 60 kB',
      connectOf({ id: 'x', will: { topic: 'w', payload: 'x'.repeat(60_000) } }),
      'connect-bytes',
    ],
    [
      'CVE-2021-22116',
      'a user name that does not end',
      packet(0x10, 'MQTT', 4, 0x82, 0, 60, 'a', 0xff, 0xff),
      'MQTT-3.1.3-1',
    ],
    [
      'CVE-2017-7654',
      'a CONNECT with a will of QoS 3',
      packet(0x10, 'MQTT', 4, 0x1e, 0, 60, 'a', 'w', 'x'),
      'MQTT-3.1.2-14',
    ],
    ['CVE-2026-21888', 'a remaining length of five bytes', Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x01]), '§2.2.3'],
    [
      'CVE-2021-41039',
      'a CONNECT of MQTT 5 full of user properties',
      packet(0x10, 'MQTT', 5, 2, 0, 60, 0x80, 1, Buffer.alloc(128, 0x26), 'a'),
      'MQTT-3.1.2-2',
    ],
  ])('%s: %s, forty times', async (_id, _what, bytes, cause) => {
    const attackers = repeated(40, () => [bytes])
    await works()
    await until(() => attackers.every((one) => one.closed()))
    expect(open.refused).toEqual(Array.from({ length: 40 }, () => cause))
    await isOver()
  })

  it('slow-drip: a hundred connections that say nothing, or a byte', async () => {
    await open.broker.close()
    open = await startOpenBroker({ limits: { connect_ms_max: 300 } })
    listener = await login(open.port, { id: 'listener' })
    await subscribed(listener, ['honest/#', 1])
    honest = await login(open.port, { id: 'honest' })
    const attackers = repeated(100, (n) => [connectOf({ id: 'drip' }).subarray(0, n % 5)])
    await works()
    await until(() => attackers.every((one) => one.closed()))
    expect(new Set(open.refused)).toEqual(new Set(['connect-time']))
    await isOver()
  })
})

describe('packets of a client that is in', () => {
  const withTopic = (topic: Buffer) => Buffer.concat([Buffer.from([topic.length >> 8, topic.length & 0xff]), topic])
  it.each([
    ['CVE-2021-34432', 'PUBLISH with an empty topic', packet(0x30, '', 1), 'MQTT-4.7.3-1'],
    ['CVE-2021-28166', 'CONNACK from a client', packet(0x20, 0, 0), 'MQTT-4.8.0-1'],
    [
      'CVE-2017-7653',
      'a topic that is not UTF-8',
      packet(0x30, withTopic(Buffer.from([0xed, 0xa0, 0x80])), 1),
      'MQTT-1.5.3-1',
    ],
    ['CVE-2019-11779', 'SUBSCRIBE to 65,400 levels', subscribe(1, ['/'.repeat(65_400), 0]), 'topic-bytes'],
    ['aedes, too many words', 'PUBLISH to 200 levels', publish('a/'.repeat(200), 'x'), 'topic-levels'],
    ['nanomq#2268', 'SUBSCRIBE without its last byte', packet(0x82, 0, 1, 'topic'), 'MQTT-3.8.3-1'],
    ['nanomq#2270', 'PUBLISH of QoS 1 that ends within its packet id', packet(0x32, 'topic', 0), 'MQTT-3.3.2-1'],
    ['CVE-2020-13410', 'PUBLISH that ends within its topic', packet(0x30, 0, 200, 0x61), 'MQTT-3.3.2-1'],
  ])('%s: %s', async (_id, _what, bytes, cause) => {
    const attacker = await login(open.port, { id: 'attacker' })
    attacker.send(bytes, publish('honest/late', 'never'))
    await until(attacker.closed)
    expect(open.refused).toEqual([cause])
    expect(open.accepted).toEqual([])
    await isOver()
  })

  it('CVE-2024-8376: CONNECT, DISCONNECT, SUBSCRIBE, UNSUBSCRIBE and PUBLISH in one breath, thirty times', async () => {
    const attackers = repeated(30, (n) => [
      connectOf({ id: `attacker-${n % 3}`, clean: n % 2 === 0 }),
      DISCONNECT_PACKET,
      subscribe(1, ['#', 2]),
      unsubscribe(2, '#'),
      publish('honest/x', 'never', { qos: 2 }),
    ])
    await until(() => attackers.every((one) => one.closed()))
    expect(open.accepted).toEqual([])
    await isOver()
  })

  it('CVE-2023-28366: QoS 2 without end: messages whose PUBREL never comes', async () => {
    const attacker = await login(open.port, { id: 'attacker' })
    attacker.send(...Array.from({ length: 200 }, (_, n) => publish('t', 'x', { qos: 2, id: n + 1 })))
    await until(attacker.closed)
    expect(open.refused).toEqual(['incoming-qos2'])
    await isOver()
  })

  it('CVE-2026-8741: the same QoS 2 message again and again, over connections, is passed on once', async () => {
    for (let n = 0; n < 5; n++) {
      const attacker = await login(open.port, { id: 'again', clean: false })
      attacker.send(publish('honest/once', 'once', { qos: 2, id: 9, dup: n > 0 }))
      await attacker.packets(PUBREC, 1)
      await attacker.end()
    }
    const last = await login(open.port, { id: 'again', clean: false })
    last.send(answer(PUBREL, 9))
    await last.packets(PUBCOMP, 1)
    await last.end()
    expect((await messages(listener, 1)).filter((one) => one.payload === 'once')).toHaveLength(1)
    await listener.settled()
    expect(listener.received.filter((one) => one.type === PUBLISH)).toHaveLength(1)
  })

  it('CVE-2026-22040: connects that push each other out, with publishes and subscriptions under way', async () => {
    const flood = Array.from({ length: 60 }, (_, n) => [
      connectOf({ id: 'same', clean: n % 3 === 0, will: { topic: 'w', payload: 'x' } }),
      subscribe(1, ['#', n % 3], ['a/+', 1]),
      publish('a/b', 'x', { qos: n % 3, id: n + 1 }),
      unsubscribe(2, '#'),
      subscribe(3, ['#', 1]),
    ])
    const attackers = repeated(60, (n) => flood[n] as Buffer[])
    await works()
    await until(() => attackers.filter((one) => one.closed()).length >= 59)
    await works()
    for (const attacker of attackers) await attacker.end()
    await isOver()
  })

  it('wildcard storm: a thousand filters that overlap, and a message for all of them', async () => {
    const attacker = await login(open.port, { id: 'attacker' })
    const filters = Array.from({ length: 1_000 }, (_, n) =>
      Array.from({ length: 10 }, (_level, at) => ((n >> at) & 1 ? '+' : 'a')).join('/'),
    )
    for (let at = 0; at < 1_000; at += 100)
      attacker.send(subscribe(at + 1, ...filters.slice(at, at + 100).map((one): [string, number] => [one, 1])))
    await attacker.packets(SUBACK, 10)
    const sender = await login(open.port, { id: 'sender' })
    sender.send(publish('a/a/a/a/a/a/a/a/a/a', 'x', { qos: 1 }))
    await works()
    expect(await messages(attacker, 1)).toMatchObject([{ payload: 'x', qos: 1 }])
    attacker.send(subscribe(9, ['one/more', 1]))
    expect([...((await attacker.packets(SUBACK, 11)).at(-1)?.body ?? [])]).toEqual([0, 9, 0x80])
    await sender.end()
    await attacker.end()
    await isOver()
  })

  it('retained floods: as many, and as many bytes, as a gateway may keep; what it keeps it may change', async () => {
    const attacker = await login(open.port, { id: 'attacker' })
    const own = (n: number) => `linli/v1/s/c/e/gw-9/${n}`
    attacker.send(...Array.from({ length: 500 }, (_, n) => publish(own(n), 'x', { qos: 1, id: n + 1, retain: true })))
    await attacker.packets(PUBACK, 500)
    expect(open.broker.retained().messages).toBe(10)
    attacker.send(publish(own(0), 'y'.repeat(6_000), { qos: 1, id: 501, retain: true }))
    attacker.send(publish(own(1), 'changed', { qos: 1, id: 502, retain: true }))
    attacker.send(publish('linli/v1/s/c/e/gw-8/1', 'of another', { qos: 1, id: 503, retain: true }))
    await attacker.packets(PUBACK, 503)
    const late = await login(open.port, { id: 'late' })
    await subscribed(late, ['linli/#', 1])
    const kept = await messages(late, 11)
    await late.settled()
    expect(late.received.filter((one) => one.type === PUBLISH)).toHaveLength(11)
    const payloads = new Map(kept.map((one) => [one.topic, one.payload]))
    expect([payloads.get(own(0)), payloads.get(own(1)), payloads.get('linli/v1/s/c/e/gw-8/1')]).toEqual([
      'x',
      'changed',
      'of another',
    ])
    expect(new Set(open.refused)).toEqual(new Set(['retained']))
    await late.end()
    await attacker.end()
    await isOver()
  })
})

describe('over WebSocket', () => {
  let http: Server
  let port: number
  beforeEach(async () => {
    http = createServer()
    http.on('upgrade', open.broker.upgrade)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    port = (http.address() as { port: number }).port
  })
  afterEach(() => new Promise((resolve) => http.close(resolve)))

  it('CVE-2026-25627: a frame with less than its packet announces', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt')
    let closed = false
    socket.on('error', () => undefined)
    socket.on('close', () => {
      closed = true
    })
    const heard: Buffer[] = []
    socket.on('message', (data) => heard.push(data as Buffer))
    await new Promise((resolve) => socket.once('open', resolve))
    socket.send(connectOf({ id: 'short' }))
    await until(() => heard.length > 0)
    socket.send(Buffer.from([0x30, 0x80, 0x20, 0, 1, 0x61]))
    await works()
    await until(() => closed)
    expect(open.refused).toEqual(['packet-time'])
    expect(open.accepted.map((one) => one.topic)).toEqual(['honest/word'])
    await isOver()
  })

  it('CVE-2024-37890: an upgrade with more headers than are read', async () => {
    const socket = connect(port, '127.0.0.1')
    let closed = false
    socket.on('error', () => undefined)
    socket.on('close', () => {
      closed = true
    })
    socket.resume()
    const headers = Array.from({ length: 2_100 }, (_, n) => `x${n}: 1\r\n`).join('')
    socket.write(`GET /mqtt HTTP/1.1\r\nHost: a\r\n${headers}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`)
    await until(() => closed)
    await isOver()
  })
})
