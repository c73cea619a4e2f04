import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  CONNACK,
  connectOf,
  DISCONNECT_PACKET,
  login,
  messages,
  PINGREQ_PACKET,
  PINGRESP,
  PUBLISH,
  packet,
  peerAt,
  publish,
  subscribed,
  until,
} from '../../../test/support/mqtt-peer.ts'
import { type OpenBroker, startOpenBroker } from '../../../test/support/open-broker.ts'

/** MQTT 3.1.1 §3.1, §3.2, §3.12 and §3.14 as a whole broker behaves, statement by statement, over real sockets. */

let open: OpenBroker
beforeEach(async () => {
  open = await startOpenBroker()
})
afterEach(() => open.broker.close())

describe('CONNECT and CONNACK', () => {
  it('MQTT-3.1.4-4: is answered with a CONNACK of return code 0', async () => {
    const peer = peerAt(open.port)
    peer.send(connectOf({ id: 'a' }))
    const [connack] = await peer.packets(CONNACK, 1)
    expect(connack).toEqual({ type: CONNACK, flags: 0, body: Buffer.from([0, 0]) })
    expect(peer.closed()).toBe(false)
    await peer.end()
  })

  it('MQTT-3.2.0-1: CONNACK is the first packet, also when messages wait in the session', async () => {
    const first = await login(open.port, { id: 'waiting', clean: false })
    await subscribed(first, ['t', 1])
    await first.end()
    const sender = await login(open.port, { id: 'sender' })
    sender.send(publish('t', '1', { qos: 1 }))
    await sender.settled()
    const again = peerAt(open.port)
    again.send(connectOf({ id: 'waiting', clean: false }))
    await messages(again, 1)
    expect(again.received.map((one) => one.type)).toEqual([CONNACK, PUBLISH])
    await again.end()
    await sender.end()
  })

  it('MQTT-3.2.2-4: a CONNACK that refuses says that no session is present', async () => {
    const kept = await login(open.port, { id: 'kept', clean: false, username: undefined as never })
    await subscribed(kept, ['t', 1])
    await kept.end()
    const refused = peerAt(open.port)
    refused.send(connectOf({ id: 'kept', clean: false, username: 'nobody', password: 'x' }))
    const [connack] = await refused.packets(CONNACK, 1)
    expect(connack?.body).toEqual(Buffer.from([0, 5]))
  })

  it('MQTT-3.2.2-5: closes the connection after a CONNACK that refuses', async () => {
    const refused = peerAt(open.port)
    refused.send(connectOf({ id: 'a', username: 'nobody', password: 'x' }))
    await until(refused.closed)
    expect(refused.bytes()).toEqual(Buffer.from([0x20, 2, 0, 5]))
  })

  it('MQTT-3.2.2-6: closes without a CONNACK where no return code fits', async () => {
    const wrong = peerAt(open.port)
    wrong.send(packet(0x10, 'MQTT', 4, 0x03, 0, 60, 'a'))
    await until(wrong.closed)
    expect(wrong.bytes()).toHaveLength(0)
  })

  it('MQTT-3.1.4-2: a second connection with the same client id ends the first', async () => {
    const first = await login(open.port, { id: 'twin' })
    const second = await login(open.port, { id: 'twin' })
    await until(first.closed)
    await second.settled()
    await second.end()
  })

  it('MQTT-3.1.3-2: the session belongs to the client id', async () => {
    const first = await login(open.port, { id: 'mine', clean: false })
    await subscribed(first, ['t', 1])
    await first.end()
    const other = await login(open.port, { id: 'yours', clean: false })
    const same = await login(open.port, { id: 'mine', clean: false })
    expect([other.sessionPresent, same.sessionPresent]).toEqual([false, true])
    await other.end()
    await same.end()
  })

  it('MQTT-3.1.3-6: each empty client id gets one of its own', async () => {
    const [one, two] = [await login(open.port, { id: '' }), await login(open.port, { id: '' })]
    await one.settled()
    await two.settled()
    expect([one.closed(), two.closed()]).toEqual([false, false])
    await one.end()
    await two.end()
  })

  it('MQTT-3.1.2-24: drops who is silent for one and a half times the keep alive, and nobody who pings', async () => {
    const silent = await login(open.port, { id: 'silent', keepAlive_s: 1 })
    const pinging = await login(open.port, { id: 'pinging', keepAlive_s: 1 })
    const without = await login(open.port, { id: 'without', keepAlive_s: 0 })
    const pings = setInterval(() => pinging.send(PINGREQ_PACKET), 200)
    await until(silent.closed)
    clearInterval(pings)
    expect([pinging.closed(), without.closed()]).toEqual([false, false])
    await pinging.end()
    await without.end()
  })

  it('MQTT-3.12.4-1: PINGREQ is answered with PINGRESP', async () => {
    const peer = await login(open.port, { id: 'a' })
    peer.send(PINGREQ_PACKET, PINGREQ_PACKET)
    expect(await peer.packets(PINGRESP, 2)).toEqual(
      Array.from({ length: 2 }, () => ({ type: PINGRESP, flags: 0, body: Buffer.alloc(0) })),
    )
    await peer.end()
  })

  it('MQTT-3.1.0-2: a second CONNECT ends the connection', async () => {
    const peer = await login(open.port, { id: 'a' })
    peer.send(connectOf({ id: 'a' }))
    await until(peer.closed)
    expect(peer.received.map((one) => one.type)).toEqual([CONNACK])
  })
})

describe('the will', () => {
  const will = { topic: 'will', payload: 'gone', qos: 1 }

  it.each([
    ['the socket dies', async (peer: Awaited<ReturnType<typeof login>>) => peer.end()],
    ['the client breaks the protocol', async (peer: Awaited<ReturnType<typeof login>>) => peer.send(packet(0x36, 'x'))],
    ['the keep alive runs out', async () => undefined],
    ['somebody takes the client id over', async () => (await login(open.port, { id: 'mortal' })).settled()],
  ])('MQTT-3.1.2-8: is published when %s', async (_what, die) => {
    const heir = await login(open.port, { id: 'heir' })
    await subscribed(heir, ['will', 2])
    const mortal = await login(open.port, { id: 'mortal', will, keepAlive_s: 1 })
    await die(mortal)
    expect(await messages(heir, 1)).toMatchObject([{ topic: 'will', payload: 'gone' }])
    await heir.end()
  })

  it.each([0, 1, 2])('MQTT-3.1.2-9: is published with its QoS %i', async (qos) => {
    const heir = await login(open.port, { id: 'heir' })
    await subscribed(heir, ['will', 2])
    const mortal = await login(open.port, { id: 'mortal', will: { ...will, qos } })
    await mortal.end()
    expect(await messages(heir, 1)).toMatchObject([{ payload: 'gone', qos, retain: false }])
    await heir.end()
  })

  it.each([
    ['MQTT-3.1.2-16: is not retained without its flag', false, 0],
    ['MQTT-3.1.2-17: is retained with its flag', true, 1],
  ])('%s', async (_title, retain, kept) => {
    const heir = await login(open.port, { id: 'heir' })
    await subscribed(heir, ['will', 1])
    const mortal = await login(open.port, { id: 'mortal', will: { ...will, retain } })
    await mortal.end()
    await messages(heir, 1)
    const late = await login(open.port, { id: 'late' })
    await subscribed(late, ['will', 1])
    if (kept > 0) expect(await messages(late, 1)).toMatchObject([{ payload: 'gone', retain: true }])
    await late.settled()
    expect(late.received.filter((one) => one.type === PUBLISH)).toHaveLength(kept)
    await heir.end()
    await late.end()
  })

  it('MQTT-3.14.4-3: is discarded by DISCONNECT', async () => {
    const heir = await login(open.port, { id: 'heir' })
    await subscribed(heir, ['#', 1])
    const polite = await login(open.port, { id: 'polite', will })
    polite.send(DISCONNECT_PACKET)
    await until(polite.closed)
    heir.send(publish('after', '1'))
    expect(await messages(heir, 1)).toMatchObject([{ topic: 'after' }])
    await heir.end()
  })

  it('MQTT-3.1.2-10: is published once, and is no part of the session that comes back', async () => {
    const heir = await login(open.port, { id: 'heir' })
    await subscribed(heir, ['#', 1])
    await (await login(open.port, { id: 'mortal', clean: false, will })).end()
    await messages(heir, 1)
    await (await login(open.port, { id: 'mortal', clean: false })).end()
    await until(() => open.broker.connections() === 1)
    heir.send(publish('after', '1'))
    expect((await messages(heir, 2)).map((one) => one.topic)).toEqual(['will', 'after'])
    await heir.end()
  })

  it('MQTT-3.1.2-12: there is none without the will flag', async () => {
    const heir = await login(open.port, { id: 'heir' })
    await subscribed(heir, ['#', 1])
    await (await login(open.port, { id: 'mortal' })).end()
    await until(() => open.broker.connections() === 1)
    heir.send(publish('after', '1'))
    expect((await messages(heir, 1)).map((one) => one.topic)).toEqual(['after'])
    await heir.end()
  })
})
