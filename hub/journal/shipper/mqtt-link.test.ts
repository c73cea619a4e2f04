import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import FakeTimers from '@sinonjs/fake-timers'
import { Aedes, type Client } from 'aedes'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMemoryDisk } from '../memory-backend.ts'
import { openMemoryLog } from '../open.ts'
import { createMqttLink, type LinkMessage, type MqttLink, type MqttLinkConfig, type MqttLinkDeps } from './mqtt-link.ts'
import { createPump } from './pump.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Broker {
  aedes: Aedes
  url: string
  port: number
  sockets: Set<Socket>
  stop(): Promise<void>
}

async function startBroker(port = 0, options: ConstructorParameters<typeof Aedes>[0] = {}): Promise<Broker> {
  const aedes = await Aedes.createBroker(options)
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    aedes.handle(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const bound = typeof address === 'object' && address ? address.port : 0
  async function stop(): Promise<void> {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await new Promise<void>((resolve) => aedes.close(() => resolve()))
  }
  const broker = { aedes, url: `mqtt://127.0.0.1:${bound}`, port: bound, sockets, stop }
  cleanups.push(stop)
  return broker
}

const quick = { first_ms: 60, max_ms: 60 }

function link(
  url: string,
  more: Partial<MqttLinkConfig> = {},
  deps: Partial<MqttLinkDeps> = {},
): MqttLink & { downs: string[]; ups: number } {
  const made = createMqttLink(
    { random: () => 0.5, ...deps },
    { url, clientId: 'test', clean: true, backoff: quick, ...more },
  )
  const watch = Object.assign(Object.create(made) as MqttLink, { downs: [] as string[], ups: 0 })
  made.onUp(() => {
    watch.ups += 1
  })
  made.onDown((_, error) => watch.downs.push(error.code))
  cleanups.push(() => made.close())
  return watch
}

describe('a link', () => {
  it('resolves a QoS 1 publish when the broker has acknowledged it, with the bytes it was given', async () => {
    const broker = await startBroker()
    const got: string[] = []
    broker.aedes.on(
      'publish',
      (packet) => packet.topic.startsWith('$SYS') || got.push(`${packet.topic} ${packet.payload}`),
    )
    const up = link(broker.url)
    up.start()
    await vi.waitFor(() => expect(up.connected).toBe(true))
    // A view into a larger buffer: only the view may be sent.
    await up.publish('a/b', Buffer.from('--hello--').subarray(2, 7), { qos: 1, retain: false })
    expect(got).toEqual(['a/b hello'])
  })

  it('refuses a publish at once while there is no connection, and does not send it later', async () => {
    const broker = await startBroker()
    const got: string[] = []
    broker.aedes.on('publish', (packet) => packet.topic.startsWith('$SYS') || got.push(packet.topic))
    const up = link(broker.url)
    await expect(up.publish('early', Buffer.from('x'), { qos: 1, retain: false })).rejects.toMatchObject({
      code: 'UPSTREAM_LOST',
    })
    up.start()
    await vi.waitFor(() => expect(up.connected).toBe(true))
    await up.publish('late', Buffer.from('x'), { qos: 1, retain: false })
    expect(got).toEqual(['late'])
  })

  it('refuses what is in flight when the connection drops, comes back, and resends nothing by itself', async () => {
    let swallow = true
    const got: string[] = []
    const broker = await startBroker(0, {
      authorizePublish: (_client, packet, done) => {
        if (packet.topic.startsWith('$SYS')) return done(null)
        got.push(packet.topic)
        // Not calling back withholds the PUBACK.
        if (!swallow) done(null)
      },
    })
    const up = link(broker.url, { clean: false })
    up.start()
    await vi.waitFor(() => expect(up.connected).toBe(true))
    const sent = [1, 2, 3].map((n) => up.publish(`t/${n}`, Buffer.from('x'), { qos: 1, retain: false }))
    const settled = Promise.allSettled(sent)
    await vi.waitFor(() => expect(got).toContain('t/1'))
    swallow = false
    for (const socket of broker.sockets) socket.destroy()
    for (const one of await settled)
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'UPSTREAM_LOST' } })
    const before = got.length
    await vi.waitFor(() => expect(up.ups).toBe(2))
    await up.publish('after', Buffer.from('x'), { qos: 1, retain: false })
    expect(got.slice(before)).toEqual(['after'])
    expect(up.downs).toEqual(['UPSTREAM_LOST'])
  })

  it('reports a broker that is away once, not at each try, and one that refuses by its CONNACK reason', async () => {
    const gone = await startBroker()
    await gone.stop()
    const random = vi.fn(() => 0.5)
    const up = link(gone.url, {}, { random })
    up.start()
    await vi.waitFor(() => expect(random.mock.calls.length).toBeGreaterThanOrEqual(4))
    expect(up.downs).toEqual(['UPSTREAM_UNREACHABLE'])
    let isAllowed = false
    await startBroker(gone.port, {
      authenticate: (_client: Client, _name, _password, done) =>
        isAllowed ? done(null, true) : done(Object.assign(new Error('no'), { returnCode: 5 as const }), false),
    })
    await vi.waitFor(() => expect(up.downs).toEqual(['UPSTREAM_UNREACHABLE', 'UPSTREAM_REFUSED']))
    isAllowed = true
    await vi.waitFor(() => expect(up.connected).toBe(true))
  })

  it('calls a bad url the mistake of its caller, without showing a password', () => {
    for (const url of ['', 'broker', 'http://host', 'mqtt://', 'mqtt://user:secret@']) {
      const make = () => createMqttLink({ random: () => 0 }, { url, clientId: 'x', clean: true })
      expect(make).toThrow(expect.objectContaining({ code: 'UPSTREAM_URL_INVALID', kind: 'caller', path: '/url' }))
      expect(make).not.toThrow(/secret/)
    }
  })

  it('acknowledges a message only after its listener, and not when the listener fails', async () => {
    const broker = await startBroker()
    const up = link(broker.url, { clean: false })
    const messages: LinkMessage[] = []
    let finish: (() => void) | undefined
    let isFailing = true
    up.onMessage((message) => {
      messages.push(message)
      if (isFailing) return Promise.reject(new Error('the disk is full'))
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    up.onUp((sessionPresent) => sessionPresent || up.subscribe('cmd/#', 1))
    const acks: string[] = []
    broker.aedes.on('ack', (packet) => acks.push('topic' in packet ? packet.topic : ''))
    const subscribed = once(broker.aedes, 'subscribe')
    up.start()
    await subscribed
    broker.aedes.publish(
      { cmd: 'publish', topic: 'cmd/1', payload: Buffer.from('go'), qos: 1, retain: false, dup: false },
      () => undefined,
    )
    await vi.waitFor(() => expect(messages.length).toBe(1))
    isFailing = false
    for (const socket of broker.sockets) socket.destroy()
    // The session is kept, so the broker sends again what was not acknowledged.
    await vi.waitFor(() => expect(messages.length).toBe(2))
    expect(messages.map(({ topic }) => topic)).toEqual(['cmd/1', 'cmd/1'])
    expect(acks).toEqual([])
    finish?.()
    await vi.waitFor(() => expect(acks.length).toBe(1))
  })

  it('says why a subscription is refused', async () => {
    const broker = await startBroker(0, { authorizeSubscribe: (_client, _subscription, done) => done(null, null) })
    const up = link(broker.url)
    up.start()
    await vi.waitFor(() => expect(up.connected).toBe(true))
    await expect(up.subscribe('x/#', 1)).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED' })
  })

  it('says goodbye at close, so that the broker does not speak its will', async () => {
    const broker = await startBroker()
    const topics: string[] = []
    broker.aedes.on('publish', (packet) => topics.push(packet.topic))
    const will = { topic: 'will', payload: Buffer.from('gone'), qos: 1 as const, retain: false }
    const polite = link(broker.url, { will })
    polite.start()
    await vi.waitFor(() => expect(polite.connected).toBe(true))
    const left = once(broker.aedes, 'clientDisconnect')
    await polite.close()
    await left
    expect(topics).not.toContain('will')
    const rude = link(broker.url, { will })
    rude.start()
    await vi.waitFor(() => expect(rude.connected).toBe(true))
    for (const socket of broker.sockets) socket.destroy()
    await vi.waitFor(() => expect(topics).toContain('will'))
  })
})

describe('pump and link together', () => {
  it('carry 70,000 messages over a wrap of the packet ids and two drops, none lost, in order', {
    timeout: 60_000,
  }, async () => {
    const broker = await startBroker()
    const total = 70_000
    const seen = new Uint8Array(total)
    let out_of_order = 0
    let highest = -1
    broker.aedes.on('publish', (packet) => {
      if (packet.topic !== 'm') return
      const n = Number(packet.payload.toString())
      if (seen[n] === 0 && n !== highest + 1) out_of_order += 1
      highest = Math.max(highest, n)
      seen[n] = (seen[n] ?? 0) + 1
    })
    const log = await openMemoryLog(createMemoryDisk(), {
      lanes: [{ name: 'alarm', kind: 'queue', evict: 'never' }],
      pending_max: total,
    })
    cleanups.push(() => log.close())
    const appends = Array.from({ length: total }, (_, n) =>
      log.append({ lane: 'alarm', topic: 'm', payload: Buffer.from(String(n)), time_ms: 0 }),
    )
    await Promise.all(appends)
    const up = link(broker.url)
    const pump = createPump({
      log,
      cursorName: 'upstream',
      lanes: ['alarm'],
      window: 100,
      send: ({ entry }, answered) => up.send(entry.topic, entry.payload, false, answered),
      onError: () => undefined,
    })
    const drops = [20_000, 50_000]
    broker.aedes.on('publish', () => {
      if (highest < (drops[0] ?? total)) return
      drops.shift()
      for (const socket of broker.sockets) socket.destroy()
    })
    up.onUp(() => pump.start())
    up.onDown(() => pump.stop())
    up.start()
    await vi.waitFor(() => expect(pump.idle()).toBe(true), { timeout: 50_000, interval: 50 })
    expect(seen.indexOf(0)).toBe(-1)
    expect(out_of_order).toBe(0)
    expect(up.downs).toEqual(['UPSTREAM_LOST', 'UPSTREAM_LOST'])
    // At most a window is sent again for each drop.
    expect(pump.stats().resent).toBeLessThanOrEqual(2 * 100)
  })
})

/**
 * Two ends of a wire in memory; what is cut swallows bytes without telling anybody. Bytes travel in one piece per turn: on
 * Node 26 `read()` gives one chunk, and Aedes reads once per `readable`, so a second chunk of the same turn would lie there.
 */
function wire(): { near: Duplex; far: Duplex; cut(): void } {
  let isCut = false
  const end = (other: () => Duplex): Duplex => {
    let under_way: Buffer[] = []
    const deliver = (): void => {
      const bytes = Buffer.concat(under_way)
      under_way = []
      if (!isCut && !other().destroyed) other().push(bytes)
    }
    return new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (under_way.push(chunk) === 1) setImmediate(deliver)
        done()
      },
      destroy(error, done) {
        if (!isCut) setImmediate(() => other().destroy())
        done(error)
      },
    })
  }
  const near: Duplex = end(() => far)
  const far: Duplex = end(() => near)
  return {
    near,
    far,
    cut() {
      isCut = true
    },
  }
}

describe('a link on virtual time', () => {
  it('notices a connection that swallows everything by its keepalive, and comes back over a new one', async () => {
    const clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
    cleanups.push(() => clock.uninstall())
    const settle = async (): Promise<void> => {
      for (let hop = 0; hop < 50; hop += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    const run = async (ms: number): Promise<void> => {
      const until = clock.now + ms
      for (await settle(); clock.now < until; await settle()) clock.tick(Math.min(100, until - clock.now))
    }
    const aedes = await Aedes.createBroker({})
    const wires: ReturnType<typeof wire>[] = []
    const connect = (): Duplex => {
      const made = wire()
      wires.push(made)
      aedes.handle(made.far as never)
      return made.near
    }
    const up = link('mqtt://virtual', { keepalive_s: 10, backoff: { first_ms: 1_000, max_ms: 30_000 } }, { connect })
    up.start()
    await run(100)
    expect(up.connected).toBe(true)
    const cutAt_ms = clock.now
    wires[0]?.cut()
    const lost = up.publish('t', Buffer.from('x'), { qos: 1, retain: false })
    const outcome = lost.then(
      () => 'acknowledged',
      (error: { code: string }) => `${error.code} after ${clock.now - cutAt_ms}`,
    )
    await run(14_000)
    expect(up.connected).toBe(true)
    await run(1_500)
    expect(up.downs).toEqual(['UPSTREAM_LOST'])
    expect(await outcome).toMatch(/^UPSTREAM_LOST after 1[45]\d{3}$/)
    // Full jitter with the dice at a half: 500 ms.
    await run(600)
    expect(up.connected).toBe(true)
    expect(up.ups).toBe(2)
    await up.publish('t', Buffer.from('x'), { qos: 1, retain: false })
    const closed = up.close()
    await run(2_000)
    await closed
    const ended = new Promise<void>((resolve) => aedes.close(() => resolve()))
    await run(1_000)
    await ended
    clock.uninstall()
  })
})
