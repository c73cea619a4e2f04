import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  login,
  messages,
  type Peer,
  PUBLISH,
  packet,
  publish,
  publishedBy,
  SUBACK,
  subscribe,
  subscribed,
  UNSUBACK,
  unsubscribe,
} from '../../../test/support/mqtt-peer.ts'
import { type OpenBroker, startOpenBroker } from '../../../test/support/open-broker.ts'
import { WHOLE_ESTATE } from '../../auth/grants.ts'

/** MQTT 3.1.1 §3.8 to §3.11 and §4.7: subscriptions and what they match, over real sockets. */

let open: OpenBroker
let peer: Peer
beforeEach(async () => {
  open = await startOpenBroker({
    principals: new Map([
      [
        'reader',
        { role: 'platform', name: 'reader', site: { street: 's', community: 'c', estate: 'e' }, grants: WHOLE_ESTATE },
      ],
    ]),
  })
  peer = await login(open.port, { id: 'peer' })
})
afterEach(() => open.broker.close())

/** What the peer hears of these topics, each said once with QoS 1. */
async function heard(...topics: string[]): Promise<string[]> {
  const before = peer.received.filter((one) => one.type === PUBLISH).length
  const sender = await login(open.port, { id: 'sender' })
  sender.send(...topics.map((topic, n) => publish(topic, 'x', { qos: 1, id: n + 1 })))
  await sender.settled()
  await peer.settled()
  await peer.settled()
  return peer.received
    .filter((one) => one.type === PUBLISH)
    .slice(before)
    .map((one) => publishedBy(one).topic)
}

describe('SUBSCRIBE and SUBACK', () => {
  it('MQTT-3.8.4-1, MQTT-3.8.4-2, MQTT-2.3.1-7: is answered with its packet id', async () => {
    peer.send(subscribe(0x1234, ['a', 0]), subscribe(0xffff, ['b', 1]))
    const subacks = await peer.packets(SUBACK, 2)
    expect(subacks.map(({ body }) => [...body])).toEqual([
      [0x12, 0x34, 0],
      [0xff, 0xff, 1],
    ])
  })

  it('MQTT-3.8.4-3: the same filter again takes the place of the old one, and gets what is retained again', async () => {
    const sender = await login(open.port, { id: 'sender' })
    sender.send(publish('t', 'kept', { qos: 1, retain: true }))
    await sender.settled()
    await subscribed(peer, ['t', 1])
    await messages(peer, 1)
    await subscribed(peer, ['t', 0])
    expect(await messages(peer, 2)).toMatchObject([
      { qos: 1, retain: true },
      { qos: 0, retain: true },
    ])
    sender.send(publish('t', 'live', { qos: 1, id: 2 }))
    expect((await messages(peer, 3)).at(2)).toMatchObject({ payload: 'live', qos: 0 })
    await peer.settled()
    expect(peer.received.filter((one) => one.type === PUBLISH)).toHaveLength(3)
  })

  it('MQTT-3.8.4-4: many filters in one packet are as many subscriptions', async () => {
    expect(await subscribed(peer, ['a', 0], ['b/+', 1], ['c/#', 2])).toEqual([0, 1, 2])
    expect(await heard('a', 'b/1', 'c/1/2', 'd')).toEqual(['a', 'b/1', 'c/1/2'])
  })

  it.each([
    [
      'a filter twice',
      [
        ['a', 0],
        ['a', 1],
      ],
      [0, 1],
    ],
    [
      'a filter three times among others',
      [
        ['b', 2],
        ['a', 1],
        ['c', 0],
        ['a', 0],
        ['a', 2],
      ],
      [2, 1, 0, 0, 2],
    ],
    [
      'a refused one twice',
      [
        ['$linli/x', 1],
        ['a', 1],
        ['$linli/x', 0],
      ],
      [0x80, 1, 0x80],
    ],
  ] as Array<[string, Array<[string, number]>, number[]]>)(
    'MQTT-3.8.4-5: each filter has its return code: %s',
    async (_what, filters, codes) => {
      expect(await subscribed(peer, ...filters)).toEqual(codes)
      // The mended answer is a whole packet, and the stream behind it too; the later one counts.
      const last = filters.findLast(([filter]) => filter === 'a') as [string, number]
      const sender = await login(open.port, { id: 'sender' })
      sender.send(publish('a', 'x', { qos: 1 }))
      expect(await messages(peer, 1)).toMatchObject([{ topic: 'a', qos: Math.min(1, last[1]) }])
      expect(await subscribed(peer, ['z', 1])).toEqual([1])
    },
  )

  it('MQTT-3.8.4-5: a hundred double filters at once are each answered', async () => {
    peer.send(...Array.from({ length: 60 }, (_, n) => subscribe(n + 1, [`f/${n}`, 0], [`f/${n}`, 1])))
    const subacks = await peer.packets(SUBACK, 60)
    expect(subacks.map(({ body }) => [...body])).toEqual(Array.from({ length: 60 }, (_, n) => [0, n + 1, 0, 1]))
  })

  it.each([0, 1, 2])('MQTT-3.8.4-6: messages come with the lower of their QoS and the granted %i', async (granted) => {
    await subscribed(peer, ['t/+', granted])
    const sender = await login(open.port, { id: 'sender' })
    for (const qos of [0, 1, 2]) sender.send(publish(`t/${qos}`, 'x', { qos, id: qos + 1 }))
    const qos = new Map((await messages(peer, 3)).map((one) => [one.topic, one.qos]))
    expect([qos.get('t/0'), qos.get('t/1'), qos.get('t/2')]).toEqual([0, 1, 2].map((one) => Math.min(one, granted)))
  })

  it('MQTT-3.9.3-1, MQTT-3.9.3-2: return codes are 0, 1, 2 or 0x80, in the order of the filters', async () => {
    const reader = await login(open.port, { id: 'r', username: 'reader', password: 'x' })
    const filters: Array<[string, number]> = [
      ['linli/v1/s/c/e/#', 1],
      ['#', 1],
      ['linli/v1/s/c/e/+/+/+/state', 2],
      ['$SYS/#', 0],
      ['linli/v1/s/c/e/g/#', 0],
    ]
    expect(await subscribed(reader, ...filters)).toEqual([1, 0x80, 2, 0x80, 0])
  })
})

describe('UNSUBSCRIBE and UNSUBACK', () => {
  it('MQTT-3.10.4-1: removes the filter that is the same character by character, and no other', async () => {
    await subscribed(peer, ['a/+', 0], ['a/#', 0], ['b', 0], ['c/+', 0])
    peer.send(unsubscribe(7, 'a/#', 'a/+', 'B', 'b/', 'c/1', 'c/#'))
    await peer.packets(UNSUBACK, 1)
    expect(await heard('a/1', 'b', 'c/1')).toEqual(['b', 'c/1'])
  })

  it('MQTT-3.10.4-2: nothing new comes for it', async () => {
    await subscribed(peer, ['a', 1])
    expect(await heard('a')).toEqual(['a'])
    peer.send(unsubscribe(7, 'a'))
    await peer.packets(UNSUBACK, 1)
    expect(await heard('a')).toEqual([])
  })

  it('MQTT-3.10.4-4, MQTT-3.10.4-5: is answered with its packet id, also when nothing was subscribed to', async () => {
    peer.send(unsubscribe(0x1234, 'never'), unsubscribe(0xffff, 'a', 'b'))
    const unsubacks = await peer.packets(UNSUBACK, 2)
    expect(unsubacks.map(({ body }) => [...body])).toEqual([
      [0x12, 0x34],
      [0xff, 0xff],
    ])
  })

  it('MQTT-3.10.4-6: many filters in one packet have one answer', async () => {
    await subscribed(peer, ['a', 0], ['b', 0], ['c', 0])
    peer.send(unsubscribe(9, 'a', 'b', 'a'))
    await peer.settled()
    expect(await peer.packets(UNSUBACK, 1)).toHaveLength(1)
    expect(await heard('a', 'b', 'c')).toEqual(['c'])
  })
})

/** §4.7 and its examples: what a filter matches of these topics. */
const MATCHES: Array<[clause: string, filter: string, matching: string[], other: string[]]> = [
  [
    'MQTT-4.7.1-2',
    'sport/tennis/player1/#',
    ['sport/tennis/player1', 'sport/tennis/player1/ranking', 'sport/tennis/player1/score/wimbledon'],
    ['sport/tennis/player10', 'sport/tennis'],
  ],
  ['MQTT-4.7.1-2', 'sport/#', ['sport', 'sport/', 'sport/a/b'], ['sports']],
  ['MQTT-4.7.1-2', '#', ['a', '/', '/a', 'a/b/c'], []],
  [
    'MQTT-4.7.1-3',
    'sport/tennis/+',
    ['sport/tennis/player1', 'sport/tennis/'],
    ['sport/tennis/player1/ranking', 'sport/tennis'],
  ],
  ['MQTT-4.7.1-3', 'sport/+', ['sport/', 'sport/a'], ['sport', 'sport/a/b']],
  ['MQTT-4.7.1-3', '+/+', ['/finance', 'a/b', '/'], ['finance', 'a/b/c']],
  ['MQTT-4.7.1-3', '/+', ['/finance', '/'], ['finance', '//']],
  ['MQTT-4.7.1-3', '+', ['finance'], ['/finance', 'a/']],
  ['MQTT-4.7.2-1', '#', ['a'], ['$SYS/a', '$x']],
  ['MQTT-4.7.2-1', '+/monitor/Clients', ['a/monitor/Clients'], ['$SYS/monitor/Clients']],
  ['MQTT-4.7.2-1', '$x/#', ['$x/a', '$x'], ['x/a']],
  ['MQTT-4.7.3-4', 'ACCOUNTS', ['ACCOUNTS'], ['Accounts', 'accounts', 'ACCOUNTS ', 'ACCOUNTS/']],
  ['MQTT-4.7.3-4', 'a//b', ['a//b'], ['a/b', 'a/c/b']],
  ['MQTT-4.7.3-4', 'caf\u00e9', ['caf\u00e9'], ['cafe\u0301']],
]

describe('topics and filters', () => {
  it.each(MATCHES)('%s: %s, live', async (_clause, filter, matching, other) => {
    await subscribed(peer, [filter, 1])
    expect((await heard(...matching, ...other)).toSorted()).toEqual(matching.toSorted())
  })

  it.each(MATCHES)('%s: %s, retained', async (_clause, filter, matching, other) => {
    const sender = await login(open.port, { id: 'sender' })
    sender.send(...[...matching, ...other].map((topic) => publish(topic, 'x', { retain: true })))
    await sender.settled()
    await subscribed(peer, [filter, 1])
    const all = await messages(peer, matching.length)
    await peer.settled()
    expect(all.map((one) => one.topic).toSorted()).toEqual(matching.toSorted())
    expect(peer.received.filter((one) => one.type === PUBLISH)).toHaveLength(matching.length)
  })

  it('MQTT-3.3.2-3: every message has the name of its topic, which matches the filter', async () => {
    await subscribed(peer, ['a/+/c', 0], ['/#', 0])
    expect(await heard('a/b/c', '/x', 'b/b/c')).toEqual(['a/b/c', '/x'])
  })

  it('MQTT-4.8.0-1: a topic that nobody may name ends the connection, and nothing else', async () => {
    const bad = await login(open.port, { id: 'bad' })
    bad.send(packet(0x30, 'a/+'))
    await expect.poll(() => bad.closed()).toBe(true)
    await peer.settled()
  })
})
