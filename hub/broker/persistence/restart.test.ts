import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectPacket, packet } from '../../../test/support/mqtt-bytes.ts'
import { type FramePeer, readPublish } from '../../../test/support/mqtt-frames.ts'
import { openSessionRoom, type SessionRoom } from '../../../test/support/session-room.ts'

/** Sessions over power cuts, packet by packet: the broker over real sockets, the journal on a disk in memory. */

const WAIT = { timeout: 20_000, interval: 5 }
const PUBLISH = 3
const PUBREC = 5
const PUBREL = 6
const PUBCOMP = 7
const CONNACK = 2
const SUBACK = 9
const UNSUBACK = 11

const lasting = (id = 'lasting') => connectPacket({ id, flags: 0 })
const subscribe = (filter: string, qos: number) => packet(0x82, 0, 1, filter, qos)
const publish = (topic: string, text: string, qos: 1 | 2, id: number, dup = false) =>
  packet(0x30 | (qos << 1) | (dup ? 8 : 0), topic, 0, id, Buffer.from(text))
const answer = (first: number, id: number) => packet(first, id >> 8, id & 0xff)

describe('a session', () => {
  let room: SessionRoom
  beforeEach(async () => {
    room = await openSessionRoom()
  })
  afterEach(() => room.powerCut())

  const peer = (...packets: Buffer[]) => room.peer(...packets)
  const restart = () => room.restart()
  const until = (check: () => void) => vi.waitFor(check, WAIT)
  const heard = (one: FramePeer, type: number, count: number) =>
    until(() => expect(one.of(type).length).toBeGreaterThanOrEqual(count))
  async function subscribed(filter: string, qos: number, id = 'lasting'): Promise<FramePeer> {
    const one = peer(lasting(id), subscribe(filter, qos))
    await heard(one, SUBACK, 1)
    return one
  }
  async function published(topic: string, text: string, qos: 1 | 2 = 1): Promise<void> {
    const one = peer(connectPacket({ id: `from-${text}` }), publish(topic, text, qos, 1))
    await heard(one, qos === 1 ? 4 : PUBREC, 1)
    if (qos === 2) {
      one.send(answer(0x62, 1))
      await heard(one, PUBCOMP, 1)
    }
    one.end()
  }
  async function away(one: FramePeer, id = 'lasting'): Promise<void> {
    one.end()
    await until(() => expect(room.broker.isConnected(id)).toBe(false))
  }
  const texts = (one: FramePeer) => one.of(PUBLISH).map((frame) => readPublish(frame).text)

  it('MQTT-3.1.2-4, MQTT-3.2.2-2, MQTT-3.2.2-3: is present when there is one, also over a power cut and without subscriptions', async () => {
    const present = async (one: FramePeer) => {
      await heard(one, CONNACK, 1)
      return one.of(CONNACK)[0]?.body[0]
    }
    const first = peer(lasting())
    expect(await present(first)).toBe(0)
    await away(first)
    const second = peer(lasting())
    expect(await present(second)).toBe(1)
    await restart()
    const third = peer(lasting())
    expect(await present(third)).toBe(1)
    await away(third)
    const clean = peer(connectPacket({ id: 'lasting' }))
    expect(await present(clean)).toBe(0)
    await restart()
    expect(await present(peer(lasting()))).toBe(0)
  })

  it('gets what was acknowledged while it was away, in order, alarms first', async () => {
    await away(await subscribed('#', 1))
    for (const text of ['t1', 't2']) await published('linli/v1/s/c/e/g/park-sensor/d/tele', text)
    for (const text of ['a1', 'a2', 'a3']) await published('linli/v1/s/c/e/g/alarm-button/d/evt/pressed', text)
    await restart()
    const back = peer(lasting())
    await heard(back, PUBLISH, 5)
    expect(texts(back)).toEqual(['a1', 'a2', 'a3', 't1', 't2'])
    expect(back.of(PUBLISH).map((frame) => readPublish(frame).dup)).toEqual([false, false, false, false, false])
  })

  it('MQTT-4.4.0-1, MQTT-3.3.1-1: gets what it had not acknowledged again, with DUP and the same packet ids', async () => {
    const first = await subscribed('#', 2)
    await published('x', 'one', 1)
    await published('x', 'two', 2)
    await heard(first, PUBLISH, 2)
    const before = first.of(PUBLISH).map(readPublish)
    await restart()
    const second = peer(lasting())
    await heard(second, PUBLISH, 2)
    expect(second.of(PUBLISH).map(readPublish)).toEqual(before.map((one) => ({ ...one, dup: true })))
    expect(before.map(({ qos }) => qos)).toEqual([1, 2])
  })

  it('does not get again what it acknowledged longer ago than the window', async () => {
    const first = await subscribed('#', 1)
    await published('x', 'one')
    await heard(first, PUBLISH, 1)
    const written = room.log.stats().entries
    first.send(answer(0x40, readPublish(first.of(PUBLISH)[0] as never).id))
    await until(() => expect(room.log.stats().entries).toBeGreaterThan(written))
    await restart()
    const second = peer(lasting())
    await published('x', 'two')
    await heard(second, PUBLISH, 1)
    expect(texts(second)).toEqual(['two'])
  })

  it('MQTT-4.3.3-1: after PUBREC it gets PUBREL and never the message again', async () => {
    const first = await subscribed('#', 2)
    await published('x', 'once', 2)
    await heard(first, PUBLISH, 1)
    const { id } = readPublish(first.of(PUBLISH)[0] as never)
    first.send(answer(0x50, id))
    await heard(first, PUBREL, 1)
    await restart()
    const second = peer(lasting())
    await heard(second, PUBREL, 1)
    expect(second.of(PUBREL)[0]?.body.readUInt16BE(0)).toBe(id)
    second.send(answer(0x70, id))
    await published('x', 'next', 2)
    await heard(second, PUBLISH, 1)
    expect(texts(second)).toEqual(['next'])
    await restart()
    const third = peer(lasting())
    await heard(third, PUBLISH, 1)
    expect(texts(third)).toEqual(['next'])
  })

  it('MQTT-4.3.3-2: what it publishes with QoS 2 is taken once, until its PUBREL', async () => {
    await away(await subscribed('x', 2, 'ear'), 'ear')
    const first = peer(lasting(), publish('x', 'once', 2, 7))
    await heard(first, PUBREC, 1)
    await restart()
    const second = peer(lasting(), publish('x', 'once', 2, 7, true))
    await heard(second, PUBREC, 1)
    expect(room.accepted).toEqual(['once'])
    second.send(answer(0x62, 7))
    await heard(second, PUBCOMP, 1)
    await restart()
    const third = peer(lasting(), publish('x', 'another', 2, 7))
    await heard(third, PUBREC, 1)
    const ear = peer(lasting('ear'))
    await heard(ear, PUBLISH, 2)
    expect(texts(ear)).toEqual(['once', 'another'])
  })

  it('keeps subscriptions and unsubscriptions, and what was retained when it subscribed', async () => {
    const teller = peer(connectPacket({ id: 'teller' }), packet(0x33, 'r/1', 0, 1, Buffer.from('kept')))
    await heard(teller, 4, 1)
    const first = await subscribed('r/+', 1)
    await heard(first, PUBLISH, 1)
    expect(readPublish(first.of(PUBLISH)[0] as never)).toMatchObject({ text: 'kept', retain: true, dup: false })
    first.send(packet(0x82, 0, 2, 'gone', 1))
    await heard(first, SUBACK, 2)
    first.send(packet(0xa2, 0, 3, 'gone'))
    await heard(first, UNSUBACK, 1)
    await restart()
    await published('gone', 'not for it')
    await published('r/2', 'for it')
    const second = peer(lasting())
    await heard(second, PUBLISH, 2)
    expect(texts(second).toSorted()).toEqual(['for it', 'kept'])
    expect(second.of(PUBLISH).map((frame) => readPublish(frame).retain)).toContain(true)
  })

  it('MQTT-3.1.2-8: the will of a client that was connected is published after a power cut, once, and not after DISCONNECT', async () => {
    await away(await subscribed('will/#', 1, 'ear'), 'ear')
    const withWill = (id: string) => connectPacket({ id, flags: 0x0e, rest: [`will/${id}`, 'died'] })
    await heard(peer(withWill('one')), CONNACK, 1)
    const two = peer(withWill('two'))
    await heard(two, CONNACK, 1)
    two.send(packet(0xe0))
    await until(() => expect(room.broker.isConnected('two')).toBe(false))
    await restart()
    await restart()
    const ear = peer(lasting('ear'))
    await heard(ear, PUBLISH, 1)
    await published('will/end', 'end')
    await heard(ear, PUBLISH, 2)
    expect(ear.of(PUBLISH).map((frame) => readPublish(frame).topic)).toEqual(['will/one', 'will/end'])
  })

  it('over its bound it loses the oldest telemetry, then the oldest states, alarms last; counted, and told once', async () => {
    await room.powerCut()
    room.limits = { queue_bytes_max: 2_400 }
    await room.start()
    await away(await subscribed('#', 1))
    const topic = (channel: string) => `linli/v1/s/c/e/g/park-sensor/d/${channel}`
    for (let n = 1; n <= 6; n += 1) await published(topic('tele'), `t${n}`.padEnd(100))
    for (let n = 1; n <= 4; n += 1) await published(topic('evt/x'), `a${n}`.padEnd(100))
    for (let n = 1; n <= 3; n += 1) await published(topic('state'), `s${n}`.padEnd(100))
    const { dropped, queued_bytes } = room.sessions.stats()
    expect(queued_bytes).toBeLessThanOrEqual(2_400)
    expect(dropped).toEqual({ alarm: 0, state: 0, telemetry: 6 })
    for (let n = 5; n <= 9; n += 1) await published(topic('evt/x'), `a${n}`.padEnd(100))
    expect(room.sessions.stats().dropped).toEqual({ alarm: 2, state: 3, telemetry: 6 })
    expect(room.warnings.filter((one) => one.includes('too much waiting'))).toHaveLength(1)
    const back = peer(lasting())
    await heard(back, PUBLISH, 7)
    expect(texts(back).map((text) => text.trim())).toEqual(['a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9'])
  })

  it('is deleted when its client stays away for too long, and holds nothing back then', async () => {
    await away(await subscribed('#', 1))
    await published('x', 'too late')
    room.now_ms += 8 * 24 * 60 * 60_000
    await restart()
    expect(room.sessions.stats()).toMatchObject({ offline: 0, expired: 1 })
    const back = peer(lasting())
    await heard(back, CONNACK, 1)
    expect(back.of(CONNACK)[0]?.body[0]).toBe(0)
    await until(() => expect(room.log.stats().lanes['session-alarm']?.depth).toBe(0))
  })

  it('is refused with return code 3 when there are too many', async () => {
    await room.powerCut()
    room.limits = { sessions_max: 1 }
    await room.start()
    await heard(peer(lasting('one')), CONNACK, 1)
    const two = peer(lasting('two'))
    await heard(two, CONNACK, 1)
    expect([...(two.of(CONNACK)[0]?.body ?? [])]).toEqual([0, 3])
    const clean = peer(connectPacket({ id: 'three' }))
    await heard(clean, CONNACK, 1)
    expect([...(clean.of(CONNACK)[0]?.body ?? [])]).toEqual([0, 0])
  })

  it('has at most a window in flight, and the next with each acknowledgement', async () => {
    await room.powerCut()
    room.limits = { inflight_max: 3 }
    await room.start()
    const one = await subscribed('#', 1)
    for (const text of ['1', '2', '3', '4', '5']) await published('x', text)
    await heard(one, PUBLISH, 3)
    expect(room.sessions.stats().inflight).toBe(3)
    for (let n = 0; n < 5; n += 1) {
      await heard(one, PUBLISH, n + 1)
      one.send(answer(0x40, readPublish(one.of(PUBLISH)[n] as never).id))
    }
    await until(() => expect(room.sessions.stats().queued_bytes).toBe(0))
    expect(texts(one)).toEqual(['1', '2', '3', '4', '5'])
  })
})
