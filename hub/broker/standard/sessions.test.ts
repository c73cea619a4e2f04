import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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
  publishedBy,
  type Received,
  subscribed,
  unsubscribe,
  until,
  WAIT,
} from '../../../test/support/mqtt-peer.ts'
import { type OpenBroker, startOpenBroker } from '../../../test/support/open-broker.ts'

/** MQTT 3.1.1 §3.1.2.4, §4.1, §4.4: sessions, over real sockets. */

let open: OpenBroker
let sender: Peer
beforeEach(async () => {
  open = await startOpenBroker()
  sender = await login(open.port, { id: 'sender' })
})
afterEach(() => open.broker.close())

const keeper = (clean = false) => login(open.port, { id: 'keeper', clean })

async function awayWith(...filters: Array<[string, number]>): Promise<void> {
  const first = await keeper()
  await subscribed(first, ...filters)
  await first.end()
  await until(() => open.broker.connections() === 1)
}

async function sent(...packets: Buffer[]): Promise<void> {
  sender.send(...packets)
  await sender.settled()
}

/** As a client sends it: PUBREL after PUBREC. */
async function sentExactlyOnce(id: number, topic: string, payload: string): Promise<void> {
  sender.send(publish(topic, payload, { qos: 2, id }))
  await vi.waitFor(
    () => expect(sender.received.some((one) => one.type === PUBREC && idOf(one) === id)).toBe(true),
    WAIT,
  )
  sender.send(answer(PUBREL, id))
  await vi.waitFor(
    () => expect(sender.received.some((one) => one.type === PUBCOMP && idOf(one) === id)).toBe(true),
    WAIT,
  )
}
const idOf = (one: Received) => one.body.readUInt16BE(0)

describe('a session', () => {
  it('MQTT-3.1.2-4: goes on where it was, with its subscriptions', async () => {
    await awayWith(['t/#', 1])
    const again = await keeper()
    await sent(publish('t/1', 'live'))
    expect(await messages(again, 1)).toMatchObject([{ topic: 't/1', payload: 'live' }])
    await again.end()
  })

  it('MQTT-3.1.2-5: keeps the messages of QoS 1 and 2 that come while its client is away', async () => {
    await awayWith(['t/#', 2])
    await sent(publish('t/1', 'one', { qos: 1, id: 1 }))
    await sentExactlyOnce(2, 't/2', 'two')
    const again = await keeper()
    expect(await messages(again, 2)).toMatchObject([
      { payload: 'one', qos: 1 },
      { payload: 'two', qos: 2 },
    ])
    await again.end()
  })

  it('MQTT-3.1.2-6: ends with a clean one, whose own ends with its connection', async () => {
    await awayWith(['t/#', 1])
    await sent(publish('t/1', 'old', { qos: 1 }))
    const clean = await keeper(true)
    expect(clean.sessionPresent).toBe(false)
    await sent(publish('t/1', 'unheard', { qos: 1 }))
    await subscribed(clean, ['u', 1])
    await clean.end()
    await until(() => open.broker.connections() === 1)
    const after = await keeper()
    expect(after.sessionPresent).toBe(false)
    await sent(publish('t/1', 'x'), publish('u', 'x'))
    await after.settled()
    expect([...clean.received, ...after.received].filter((one) => one.type === PUBLISH)).toEqual([])
    await after.end()
  })

  it('MQTT-3.1.2-7: retained messages are no part of it', async () => {
    const first = await login(open.port, { id: 'first' })
    first.send(publish('kept', 'still here', { qos: 1, retain: true }))
    await first.packets(PUBACK, 1)
    await first.end()
    const late = await login(open.port, { id: 'late' })
    await subscribed(late, ['kept', 1])
    expect(await messages(late, 1)).toMatchObject([{ payload: 'still here', retain: true }])
    await late.end()
  })

  it('MQTT-3.2.2-1: a clean one is never present', async () => {
    await awayWith(['t', 1])
    const clean = await keeper(true)
    expect(clean.sessionPresent).toBe(false)
    await clean.end()
  })

  it('MQTT-3.2.2-2: is present when it was kept', async () => {
    await awayWith(['t', 1])
    const again = await keeper()
    expect(again.sessionPresent).toBe(true)
    await again.end()
  })

  it('MQTT-3.2.2-2: is present also when nothing was subscribed to', async () => {
    await (await keeper()).end()
    await until(() => open.broker.connections() === 1)
    const again = await keeper()
    expect(again.sessionPresent).toBe(true)
    await again.end()
  })

  it('MQTT-3.2.2-3: is not present when there was none', async () => {
    const fresh = await keeper()
    expect(fresh.sessionPresent).toBe(false)
    await fresh.end()
  })

  it('MQTT-4.1.0-1: keeps what a client of QoS 2 has sent and not released, so that it is passed on once', async () => {
    const listener = await login(open.port, { id: 'listener' })
    await subscribed(listener, ['t', 0])
    const first = await keeper()
    first.send(publish('t', 'once', { qos: 2, id: 7 }))
    await first.packets(PUBREC, 1)
    await first.end()
    const again = await keeper()
    again.send(publish('t', 'once', { qos: 2, id: 7, dup: true }))
    await again.packets(PUBREC, 1)
    again.send(answer(PUBREL, 7))
    await again.packets(PUBCOMP, 1)
    await listener.settled()
    expect(await messages(listener, 1)).toHaveLength(1)
    await listener.end()
    await again.end()
  })

  it('MQTT-4.4.0-1: sends what was not acknowledged again, with its packet id', async () => {
    const first = await keeper()
    await subscribed(first, ['t', 2])
    await sent(publish('t', 'one', { qos: 1, id: 1 }))
    await sentExactlyOnce(2, 't', 'two')
    await sentExactlyOnce(3, 't', 'three')
    const before = await messages(first, 3)
    // The last one is received, and not complete.
    first.send(answer(PUBREC, before[2]?.id as number))
    await first.packets(PUBREL, 1)
    await first.end()
    await until(() => open.broker.connections() === 1)
    const again = await keeper()
    expect(await messages(again, 2)).toEqual(before.slice(0, 2).map((one) => ({ ...one, dup: true })))
    const [release] = await again.packets(PUBREL, 1)
    expect(release?.body.readUInt16BE(0)).toBe(before[2]?.id)
    await again.end()
  })

  it('MQTT-3.3.1-1: what is sent again carries DUP, and what is sent first does not', async () => {
    const first = await keeper()
    await subscribed(first, ['t', 1])
    await sent(publish('t', 'one', { qos: 1 }))
    expect(await messages(first, 1)).toMatchObject([{ dup: false }])
    await first.end()
    await until(() => open.broker.connections() === 1)
    await sent(publish('t', 'two', { qos: 1 }))
    const again = await keeper()
    expect(await messages(again, 2)).toMatchObject([
      { payload: 'one', dup: true },
      { payload: 'two', dup: false },
    ])
    await again.end()
  })

  it('MQTT-4.6.0-1: sends again in the order in which it sent first', async () => {
    const first = await keeper()
    await subscribed(first, ['t', 1])
    await sent(...Array.from({ length: 30 }, (_, n) => publish('t', String(n), { qos: 1, id: n + 1 })))
    await messages(first, 30)
    await first.end()
    await until(() => open.broker.connections() === 1)
    const again = await keeper()
    expect((await messages(again, 30)).map((one) => one.payload)).toEqual(Array.from({ length: 30 }, (_, n) => `${n}`))
    await again.end()
  })

  it('MQTT-3.8.4-6: what waited keeps to the QoS that was granted', async () => {
    await awayWith(['t/+', 1])
    await sentExactlyOnce(2, 't/1', 'two')
    const again = await keeper()
    expect(await messages(again, 1)).toMatchObject([{ payload: 'two', qos: 1 }])
    await again.end()
  })

  it('MQTT-3.10.4-3: what is under way is completed after UNSUBSCRIBE', async () => {
    const peer = await login(open.port, { id: 'leaver' })
    await subscribed(peer, ['t', 2])
    await sentExactlyOnce(5, 't', 'late')
    const [one] = await messages(peer, 1)
    peer.send(unsubscribe(9, 't'))
    await peer.settled()
    peer.send(answer(PUBREC, one?.id as number))
    const [release] = await peer.packets(PUBREL, 1)
    expect(release?.body.readUInt16BE(0)).toBe(one?.id)
    peer.send(answer(PUBCOMP, one?.id as number))
    await peer.settled()
    expect(peer.received.filter((each) => each.type === PUBLISH).map(publishedBy)).toHaveLength(1)
    await peer.end()
  })
})
