import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectPacket, packet } from '../../../test/support/mqtt-bytes.ts'
import { type Broker, createBroker } from '../broker.ts'
import type { Ingest } from '../ingest.ts'
import { createFront } from './front.ts'
import { FRONT_LIMITS, type FrontLimits } from './limits.ts'

/** The front before the real broker, over real sockets. */

const WAIT = { timeout: 10_000, interval: 5 }
const CONNECT = connectPacket()
const CONNACK = Buffer.from([0x20, 2, 0, 0])

interface Peer {
  socket: Socket
  heard(): Buffer
  closed(): boolean
}

describe('the broker behind its front', () => {
  let broker: Broker
  let port: number
  let refused: string[]
  let told: Array<{ cause?: string; address?: string }>
  let throttled: number
  let published: string[]
  /** Authentication waits for this. */
  let door: Promise<void>
  const peers: Peer[] = []

  async function start(limits: Partial<FrontLimits> = {}): Promise<void> {
    const ingest: Ingest = {
      async accept(_principal, { topic, payload }) {
        published.push(topic)
        return { kind: 'deliver', payload }
      },
    }
    broker = await createBroker({
      ingest,
      authenticate: async ({ clientId }) => {
        await door
        return clientId.startsWith('stranger') ? undefined : { role: 'dev', name: clientId }
      },
      log: { info() {}, warn: (details) => told.push(details) },
      events: {
        connected() {},
        disconnected() {},
        shed() {},
        refused: (cause) => refused.push(cause),
        throttled: () => throttled++,
      },
      limits,
    })
    port = (await broker.listen({ host: '127.0.0.1', port: 0 })).port
  }

  beforeEach(() => {
    refused = []
    told = []
    published = []
    throttled = 0
    door = Promise.resolve()
  })
  afterEach(async () => {
    for (const { socket } of peers.splice(0)) socket.destroy()
    await broker.close()
  })

  function peer(...packets: Buffer[]): Peer {
    const heard: Buffer[] = []
    let closed = false
    const socket = connect(port, '127.0.0.1', () => {
      if (packets.length > 0) socket.write(Buffer.concat(packets))
    })
    socket.on('data', (bytes: Buffer) => heard.push(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      closed = true
    })
    const made = { socket, heard: () => Buffer.concat(heard), closed: () => closed }
    peers.push(made)
    return made
  }
  const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), WAIT)
  const isIn = (one: Peer) => one.heard().subarray(0, 4).equals(CONNACK)

  it.each([
    ['MQTT-3.1.2-2', packet(0x10, 'MQTT', 5, 2, 0, 60, 0, 'a'), 1],
    ['MQTT-3.1.3-8', connectPacket({ flags: 0, id: '' }), 2],
  ])('%s: answers with a CONNACK, then closes', async (cause, bad, code) => {
    await start()
    const one = peer(bad)
    await until(one.closed)
    expect(one.heard()).toEqual(Buffer.from([0x20, 2, 0, code]))
    expect(refused).toEqual([cause])
  })

  it('MQTT-4.8.0-1: closes on a violation; what was right before it counts, and others are served', async () => {
    await start()
    const other = peer(connectPacket({ id: 'other' }))
    await until(() => isIn(other))
    const bad = peer(connectPacket({ id: 'bad' }))
    await until(() => isIn(bad))
    bad.socket.write(Buffer.concat([packet(0x30, 'good'), packet(0x30, 'bad/+'), packet(0x30, 'late')]))
    await until(bad.closed)
    other.socket.write(Buffer.concat([packet(0x30, 'fine'), packet(0xc0)]))
    await until(() => other.heard().includes(Buffer.from([0xd0, 0])))
    expect(published).toEqual(['good', 'fine'])
    expect(refused).toEqual(['MQTT-3.3.2-2'])
    await until(() => broker.connections() === 1)
  })

  it('tells a cause of an address once, and counts it every time', async () => {
    await start()
    const bad = Array.from({ length: 5 }, () => peer(packet(0xc0)))
    await until(() => bad.every((one) => one.closed()))
    expect(refused).toEqual(Array.from({ length: 5 }, () => 'MQTT-3.1.0-1'))
    expect(told).toMatchObject([{ cause: 'MQTT-3.1.0-1', address: '127.0.0.1', count: 1 }])
  })

  it('MQTT-3.1.4-5: packets right behind CONNECT wait until the client is let in', async () => {
    let open: () => void = () => undefined
    door = new Promise((resolve) => {
      open = resolve
    })
    await start()
    const one = peer(connectPacket(), packet(0x30, 'first'), packet(0x30, 'second'), packet(0x32, 'third', 0, 9, 1))
    await until(() => broker.connections() === 1)
    expect(published).toEqual([])
    open()
    await until(() => one.heard().equals(Buffer.concat([CONNACK, Buffer.from([0x40, 2, 0, 9])])))
    expect(published).toEqual(['first', 'second', 'third'])
  })

  it('MQTT-3.1.4-5: nothing that came with a refused CONNECT is ever handled', async () => {
    await start()
    const one = peer(connectPacket({ id: 'stranger' }), packet(0x30, 'mine'), packet(0x82, 0, 1, '#', 0))
    await until(one.closed)
    expect(one.heard()).toEqual(Buffer.from([0x20, 2, 0, 5]))
    expect(published).toEqual([])
  })

  it('keeps no more than a few kB for a stranger, before CONNECT and behind it', async () => {
    let open: () => void = () => undefined
    door = new Promise((resolve) => {
      open = resolve
    })
    await start()
    const announced = peer(Buffer.from([0x10, 0xff, 0xff, 0x7f]))
    await until(announced.closed)
    const eager = peer(connectPacket(), ...Array.from({ length: 40 }, () => packet(0x30, 'x', Buffer.alloc(200))))
    await until(eager.closed)
    open()
    expect(refused).toEqual(['connect-bytes', 'before-login'])
    expect(published).toEqual([])
  })

  it('drops whoever drips a CONNECT, and whoever says nothing', async () => {
    await start({ connect_ms_max: 50 })
    const silent = peer()
    const dripping = peer(connectPacket().subarray(0, 5))
    await until(() => silent.closed() && dripping.closed())
    expect(refused).toEqual(['connect-time', 'connect-time'])
  })

  it('drops whoever stops within a packet, and whoever is silent for too long', async () => {
    await start({ packet_ms_max: 40, idle_ms_max: 150 })
    const stuck = peer(connectPacket({ id: 'stuck' }), Buffer.from([0x30, 10, 0]))
    const idle = peer(connectPacket({ id: 'idle' }))
    await until(() => stuck.closed() && idle.closed())
    expect(refused.toSorted()).toEqual(['idle', 'packet-time'])
  })

  it('holds the limits of connections, in all and per address, and serves again when one leaves', async () => {
    await start({ connections_max: 3, connections_per_address_max: 2, loopback_limited: true })
    const [one, two] = [peer(connectPacket({ id: 'one' })), peer(connectPacket({ id: 'two' }))]
    await until(() => isIn(one) && isIn(two))
    const three = peer(connectPacket({ id: 'three' }))
    await until(three.closed)
    expect(refused).toEqual(['connections-of-address'])
    one.socket.destroy()
    await until(() => broker.connections() === 1)
    const four = peer(connectPacket({ id: 'four' }))
    await until(() => isIn(four))
  })

  it('holds the rate of connections of an address', async () => {
    await start({ connects_per_s: 0.001, connects_burst: 2, loopback_limited: true })
    const three = [peer(connectPacket({ id: '1' })), peer(connectPacket({ id: '2' })), peer(connectPacket({ id: '3' }))]
    await until(() => three.filter((one) => one.closed()).length === 1)
    expect(refused).toEqual(['connect-rate'])
  })

  it('reads a client that publishes too fast more slowly, and loses nothing of it', async () => {
    await start({ publishes_per_s: 1_000, publishes_burst: 10 })
    const packets = Array.from({ length: 60 }, (_, n) => packet(0x30, `t/${n}`))
    const one = peer(connectPacket())
    await until(() => isIn(one))
    one.socket.write(Buffer.concat([...packets, packet(0xc0)]))
    one.socket.write(packet(0x30, 'end'))
    await until(() => published.length === 61)
    expect(published.at(-1)).toBe('end')
    expect(throttled).toBeGreaterThan(0)
    expect(refused).toEqual([])
  })

  it('grants a client so many subscriptions, and more when it gives some back', async () => {
    await start({ subscriptions_max: 2 })
    const one = peer(connectPacket(), packet(0x82, 0, 1, 'a', 0, 'b', 0))
    const suback = (id: number, ...codes: number[]) => packet(0x90, 0, id, ...codes)
    await until(() => one.heard().includes(suback(1, 0, 0)))
    one.socket.write(packet(0x82, 0, 2, 'c', 0))
    await until(() => one.heard().includes(suback(2, 0x80)))
    one.socket.write(packet(0xa2, 0, 3, 'a'))
    await until(() => one.heard().includes(packet(0xb0, 0, 3)))
    one.socket.write(packet(0x82, 0, 4, 'c', 1))
    await until(() => one.heard().includes(suback(4, 1)))
    expect(refused).toEqual(['subscriptions'])
    one.socket.write(packet(0x82, 0, 5, 'x', 0, 'y', 0, 'z', 0))
    await until(one.closed)
    expect(refused).toEqual(['subscriptions', 'filters'])
  })

  it.each([
    ['packet-bytes', packet(0x30, 'a', Buffer.alloc(1_000))],
    ['packet-bytes', Buffer.from([0x82, 0xff, 0xff, 0xff, 0x7f])],
    ['topic-bytes', packet(0x30, 'a'.repeat(101))],
    ['topic-bytes', packet(0x82, 0, 1, 'a'.repeat(101), 0)],
    ['topic-levels', packet(0x30, 'a/b/c/d/e')],
    ['topic-levels', packet(0xa2, 0, 1, '+/+/+/+/#')],
  ])('%s is a limit', async (cause, bad) => {
    await start({ packet_bytes_max: 500, topic_bytes_max: 100, topic_levels_max: 4 })
    const one = peer(connectPacket())
    await until(() => isIn(one))
    one.socket.write(bad)
    await until(one.closed)
    expect(refused).toEqual([cause])
  })

  it('takes whatever a known client sends while its CONNACK is being written', async () => {
    const limits = { ...FRONT_LIMITS, connect_bytes_max: 100 }
    const events = { refused: (cause: string) => refused.push(cause), throttled() {} }
    const front = createFront({ log: { warn() {} }, events }, limits)
    const line = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() })
    const read: Buffer[] = []
    const next = () => {
      const bytes: Buffer | null = line.read(null as unknown as number)
      if (bytes) read.push(bytes)
    }
    expect(front.admit(line)).toBe(true)
    line.on('readable', next)
    line.push(CONNECT)
    await until(() => read.length === 1)
    front.authenticated(line)
    const big = packet(0x30, 'big', Buffer.alloc(5_000))
    const heard = new Promise((resolve) => line.once('readable', resolve))
    line.push(big)
    await heard
    expect(Buffer.concat(read)).toEqual(CONNECT)
    front.accepted(line)
    next()
    expect(Buffer.concat(read)).toEqual(Buffer.concat([CONNECT, big]))
    expect(refused).toEqual([])
    line.destroy()
    front.close()
  })

  it('gives on a packet that lies there in many pieces: nothing asks for them a second time', async () => {
    await start()
    const line = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() })
    broker.handle(line)
    for (const byte of CONNECT) line.push(Buffer.from([byte]))
    await until(() => broker.isConnected('front-test'))
    for (const byte of packet(0x30, 'whole', 1, 2, 3)) line.push(Buffer.from([byte]))
    await until(() => published.includes('whole'))
    line.destroy()
  })

  it.each(['__proto__', 'constructor', 'hasOwnProperty'])(
    '%s is a client id and a topic like any other',
    async (name) => {
      await start()
      const one = peer(connectPacket({ id: name }), packet(0x82, 0, 1, name, 0))
      await until(() => one.heard().includes(packet(0x90, 0, 1, 0)))
      one.socket.write(packet(0x30, name, 1, 2, 3))
      await until(() => one.heard().includes(packet(0x30, name, 1, 2, 3)))
      expect(broker.isConnected(name)).toBe(true)
    },
  )
})
