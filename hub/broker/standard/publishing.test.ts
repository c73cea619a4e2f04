import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  answer,
  login,
  messages,
  type Peer,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  publish,
  subscribed,
} from '../../../test/support/mqtt-peer.ts'
import { type OpenBroker, startOpenBroker } from '../../../test/support/open-broker.ts'

/** MQTT 3.1.1 §2.3, §3.3 to §3.7, §4.3, §4.5, §4.6: messages, over real sockets. */

let open: OpenBroker
let sender: Peer
let listener: Peer
/** By payload, the door lets a message wait. */
let held: Map<string, Promise<void>>

beforeEach(async () => {
  held = new Map()
  open = await startOpenBroker({ gate: async ({ payload }) => held.get(Buffer.from(payload).toString()) })
  sender = await login(open.port, { id: 'sender' })
  listener = await login(open.port, { id: 'listener' })
})
afterEach(() => open.broker.close())

/** One message of QoS 2, all the way. */
async function exactlyOnce(id: number, topic: string, payload: string): Promise<void> {
  const before = sender.received.length
  sender.send(publish(topic, payload, { qos: 2, id }))
  await sender.packets(PUBREC, count(PUBREC, before) + 1)
  sender.send(answer(PUBREL, id))
  await sender.packets(PUBCOMP, count(PUBCOMP, before) + 1)
}
const count = (type: number, upTo: number) => sender.received.slice(0, upTo).filter((one) => one.type === type).length
const ids = (packets: Array<{ body: Buffer }>) => packets.map(({ body }) => body.readUInt16BE(0))

describe('packets that the broker sends', () => {
  it('MQTT-2.2.2-1: have the flags of the table', async () => {
    expect(await subscribed(listener, ['t', 2])).toEqual([2])
    sender.send(publish('t', 'one', { qos: 1, id: 1 }))
    await exactlyOnce(2, 't', 'two')
    const [, two] = await messages(listener, 2)
    listener.send(answer(PUBREC, two?.id as number))
    await listener.packets(PUBREL, 1)
    await listener.settled()
    const flags = [...sender.received, ...listener.received]
      .filter((one) => one.type !== PUBLISH)
      .map((one) => [one.type, one.flags])
    expect(flags).toEqual(flags.map(([type]) => [type, type === PUBREL ? 2 : 0]))
    expect(new Set(flags.map(([type]) => type)).size).toBeGreaterThanOrEqual(7)
  })

  it('MQTT-2.3.1-4: have a packet id that is not in use, and never 0', async () => {
    await subscribed(listener, ['t', 1])
    // Nothing is acknowledged.
    sender.send(...Array.from({ length: 150 }, (_, n) => publish('t', String(n), { qos: 1, id: n + 1 })))
    const all = (await messages(listener, 150)).map((one) => one.id)
    expect(new Set(all).size).toBe(150)
    expect(all).not.toContain(0)
  })

  it('MQTT-2.3.1-5: have no packet id with QoS 0', async () => {
    await subscribed(listener, ['t', 0])
    sender.send(publish('t', 'payload', { qos: 1 }))
    const [packet] = await listener.packets(PUBLISH, 1)
    expect(packet).toMatchObject({ flags: 0, body: Buffer.from('\0\u0001tpayload') })
  })

  it('MQTT-2.3.1-6: answer with the packet id they were asked with', async () => {
    sender.send(publish('t', '', { qos: 1, id: 0xabcd }))
    await exactlyOnce(0xffff, 't', '')
    expect(ids(await sender.packets(PUBACK, 1))).toEqual([0xabcd])
    expect(ids(await sender.packets(PUBREC, 1))).toEqual([0xffff])
    expect(ids(await sender.packets(PUBCOMP, 1))).toEqual([0xffff])
  })

  it('MQTT-1.5.3-3: keep U+FEFF and every other character of a topic', async () => {
    const topic = '\ufeff消防/door \u00e9'
    await subscribed(listener, [topic, 0])
    sender.send(publish(topic, 'x'))
    expect(await messages(listener, 1)).toMatchObject([{ topic }])
  })

  it('MQTT-3.3.1-3: do not hand DUP of a publisher on', async () => {
    await subscribed(listener, ['t', 1])
    sender.send(publish('t', 'x', { qos: 1, id: 3, dup: true }))
    expect(await messages(listener, 1)).toMatchObject([{ dup: false }])
  })
})

describe('retained messages', () => {
  it('MQTT-3.3.1-5: are stored with their QoS', async () => {
    await exactlyOnce(1, 'warm-up', '')
    sender.send(publish('t', 'kept', { qos: 1, id: 2, retain: true }))
    await sender.packets(PUBACK, 1)
    await subscribed(listener, ['t', 2])
    expect(await messages(listener, 1)).toMatchObject([{ payload: 'kept', qos: 1 }])
  })

  it('MQTT-3.3.1-6: the last one of each topic that matches goes to a new subscription', async () => {
    sender.send(publish('t/1', 'old', { retain: true }), publish('t/1', 'new', { retain: true }))
    sender.send(publish('t/2', 'other', { retain: true }), publish('u', 'not this', { retain: true }))
    await sender.settled()
    await subscribed(listener, ['t/+', 0])
    const heard = await messages(listener, 2)
    await listener.settled()
    expect(heard.map((one) => one.payload).toSorted()).toEqual(['new', 'other'])
    expect(listener.received.filter((one) => one.type === PUBLISH)).toHaveLength(2)
  })

  it('MQTT-3.3.1-7: one of QoS 0 takes the place of what was retained before', async () => {
    sender.send(publish('t', 'first', { qos: 1, id: 1, retain: true }))
    await sender.packets(PUBACK, 1)
    sender.send(publish('t', 'second', { retain: true }))
    await sender.settled()
    await subscribed(listener, ['t', 1])
    expect(await messages(listener, 1)).toMatchObject([{ payload: 'second', qos: 0 }])
  })

  it('MQTT-3.3.1-8: carry RETAIN for a new subscription', async () => {
    sender.send(publish('t', 'x', { retain: true }))
    await sender.settled()
    await subscribed(listener, ['t', 0])
    expect(await messages(listener, 1)).toMatchObject([{ retain: true }])
  })

  it('MQTT-3.3.1-9: carry no RETAIN for a subscription that was there', async () => {
    await subscribed(listener, ['t', 0], ['t/#', 1])
    sender.send(publish('t', 'x', { retain: true }), publish('t/1', 'y', { qos: 1, retain: true }))
    expect(await messages(listener, 2)).toMatchObject([{ retain: false }, { retain: false }])
  })

  it('MQTT-3.3.1-10: an empty one is delivered, and removes what was retained', async () => {
    sender.send(publish('t', 'x', { retain: true }))
    await sender.settled()
    await subscribed(listener, ['t', 0])
    sender.send(publish('t', '', { retain: true }))
    expect(await messages(listener, 2)).toMatchObject([{ payload: 'x' }, { payload: '', retain: false }])
    const late = await login(open.port, { id: 'late' })
    await subscribed(late, ['t', 0])
    await late.settled()
    expect(late.received.filter((one) => one.type === PUBLISH)).toEqual([])
  })

  it('MQTT-3.3.1-11: an empty one is not retained', async () => {
    sender.send(publish('t', '', { qos: 1, retain: true }))
    await sender.packets(PUBACK, 1)
    await subscribed(listener, ['#', 1])
    await listener.settled()
    expect(listener.received.filter((one) => one.type === PUBLISH)).toEqual([])
    expect(open.broker.retained().messages).toBe(0)
  })

  it('MQTT-3.3.1-12: a message without RETAIN is not stored, and removes nothing', async () => {
    sender.send(publish('t', 'kept', { retain: true }), publish('t', 'passing'), publish('t', ''))
    await sender.settled()
    await subscribed(listener, ['t', 0])
    expect(await messages(listener, 1)).toMatchObject([{ payload: 'kept' }])
  })
})

describe('delivery', () => {
  it('MQTT-3.3.4-1: QoS 0 has no answer, QoS 1 PUBACK, QoS 2 PUBREC', async () => {
    sender.send(publish('t', '0'), publish('t', '1', { qos: 1, id: 1 }), publish('t', '2', { qos: 2, id: 2 }))
    await sender.packets(PUBREC, 1)
    await sender.settled()
    expect(sender.received.map((one) => one.type).filter((type) => type < 8 && type > 2)).toEqual([PUBACK, PUBREC])
  })

  it.each([
    ['the lower one is older', ['t/+', 0], ['t/#', 2]],
    ['the higher one is older', ['t/#', 2], ['t/+', 0]],
    ['the lower one is the topic itself', ['t/#', 2], ['t/1', 0]],
    ['three of them', ['t/#', 0], ['t/1', 1], ['+/1', 0]],
  ] as Array<[string, ...Array<[string, number]>]>)(
    'MQTT-3.3.5-1: of overlapping subscriptions the highest QoS counts: %s',
    async (_what, ...filters) => {
      for (const filter of filters) await subscribed(listener, filter)
      sender.send(publish('t/1', 'x', { qos: 1 }))
      const highest = Math.min(1, Math.max(...filters.map(([, qos]) => qos)))
      expect(await messages(listener, 1)).toMatchObject([{ payload: 'x', qos: highest }])
    },
  )

  it('MQTT-4.3.1-1: QoS 0 is sent with QoS 0 and without DUP', async () => {
    await subscribed(listener, ['t', 0])
    sender.send(publish('t', 'x', { qos: 1 }))
    expect(await messages(listener, 1)).toMatchObject([{ qos: 0, dup: false }])
  })

  it('MQTT-4.3.2-1: QoS 1 is sent with an id of its own, QoS 1 and no DUP', async () => {
    await subscribed(listener, ['t', 1])
    sender.send(publish('t', 'x', { qos: 1 }), publish('t', 'y', { qos: 1, id: 2 }))
    const [one, two] = await messages(listener, 2)
    expect([one, two]).toMatchObject([
      { qos: 1, dup: false },
      { qos: 1, dup: false },
    ])
    expect(one?.id).not.toBe(two?.id)
  })

  it('MQTT-4.3.2-2: QoS 1 with an id that was acknowledged is a new message', async () => {
    await subscribed(listener, ['t', 1])
    sender.send(publish('t', 'x', { qos: 1, id: 5 }))
    await sender.packets(PUBACK, 1)
    sender.send(publish('t', 'x', { qos: 1, id: 5, dup: true }))
    await sender.packets(PUBACK, 2)
    expect(await messages(listener, 2)).toMatchObject([{ payload: 'x' }, { payload: 'x' }])
  })

  it('MQTT-4.3.3-1: QoS 2 is sent as PUBLISH, released after PUBREC and done after PUBCOMP', async () => {
    await subscribed(listener, ['t', 2])
    await exactlyOnce(1, 't', 'x')
    const [one] = await messages(listener, 1)
    expect(one).toMatchObject({ qos: 2, dup: false })
    listener.send(answer(PUBREC, one?.id as number))
    expect(ids(await listener.packets(PUBREL, 1))).toEqual([one?.id])
    listener.send(answer(PUBCOMP, one?.id as number))
    await listener.settled()
    expect(listener.closed()).toBe(false)
  })

  it('MQTT-4.3.3-2: QoS 2 is passed on once, however often it comes before PUBREL; after it the id is new', async () => {
    await subscribed(listener, ['t', 0])
    for (const [n, dup] of [false, true, true].entries()) {
      sender.send(publish('t', 'x', { qos: 2, id: 9, dup }))
      expect(ids(await sender.packets(PUBREC, n + 1)).at(-1)).toBe(9)
    }
    sender.send(answer(PUBREL, 9))
    expect(ids(await sender.packets(PUBCOMP, 1))).toEqual([9])
    await listener.settled()
    expect(listener.received.filter((one) => one.type === PUBLISH)).toHaveLength(1)
    sender.send(publish('t', 'again', { qos: 2, id: 9 }))
    expect(await messages(listener, 2)).toMatchObject([{ payload: 'x' }, { payload: 'again' }])
  })

  it('MQTT-4.5.0-1: what is accepted goes to every client that subscribed', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, (_, n) => login(open.port, { id: `other-${n}` })))
    for (const other of others) await subscribed(other, ['t', 1])
    sender.send(publish('t', 'x', { qos: 1 }))
    for (const other of others) expect(await messages(other, 1)).toMatchObject([{ payload: 'x', qos: 1 }])
  })

  it.each([
    ['MQTT-4.6.0-2', PUBACK, 1],
    ['MQTT-4.6.0-3', PUBREC, 2],
  ])(
    '%s: acknowledgements come in the order of the messages, also when the first takes longest',
    async (_clause, type, qos) => {
      let release: () => void = () => undefined
      held.set(
        'slow',
        new Promise((resolve) => {
          release = resolve
        }),
      )
      sender.send(
        publish('t', 'slow', { qos, id: 11 }),
        publish('t', 'quick', { qos, id: 12 }),
        publish('t', 'quick', { qos, id: 13 }),
      )
      await listener.settled()
      release()
      expect(ids(await sender.packets(type, 3))).toEqual([11, 12, 13])
    },
  )

  it('MQTT-4.6.0-4: PUBREL comes in the order of PUBREC', async () => {
    await subscribed(listener, ['t', 2])
    for (const id of [1, 2, 3]) await exactlyOnce(id, 't', String(id))
    const sent = (await messages(listener, 3)).map((one) => one.id as number)
    listener.send(...sent.map((id) => answer(PUBREC, id)))
    expect(ids(await listener.packets(PUBREL, 3))).toEqual(sent)
  })

  it.each([0, 1, 2])(
    'MQTT-4.6.0-5, MQTT-4.6.0-6: a topic keeps its order at QoS %i, also when the first takes longest',
    async (qos) => {
      let release: () => void = () => undefined
      held.set(
        '0',
        new Promise((resolve) => {
          release = resolve
        }),
      )
      await subscribed(listener, ['#', qos])
      const all = Array.from({ length: 20 }, (_, n) => publish('t', String(n), { qos, id: n + 1 }))
      sender.send(...all)
      await listener.settled()
      release()
      expect((await messages(listener, 20)).map((one) => Number(one.payload))).toEqual(
        Array.from({ length: 20 }, (_, n) => n),
      )
    },
  )
})
