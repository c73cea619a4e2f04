import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BusBench, createBusBench, SITE_KEY } from './bus-bench.ts'
import { createReaderInMemory } from './reader-in-memory.ts'

let bench: BusBench | undefined
let clock: Clock
beforeEach(() => {
  bench = undefined
  clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(async () => {
  await bench?.end()
  clock.uninstall()
})

const readersAt = (...addresses: number[]) => addresses.map((address) => createReaderInMemory(address, [...SITE_KEY]))
const card = { code: 0x50, data: [0, 0, 26, 0, 0x12, 0x34, 0x56, 0x80] }
const green = {
  type: 'led',
  leds: [
    {
      reader: 0,
      led: 0,
      temporary: { on_100ms: 10, off_100ms: 0, onColor: 'green', offColor: 'off', timer_100ms: 10 },
    },
  ],
} as const
const led = () => structuredClone(green) as unknown as Parameters<BusBench['bus']['send']>[1]

describe('the bus', () => {
  it('polls every reader at its interval, one command at a time', async () => {
    const readers = readersAt(1, 2, 3)
    bench = createBusBench(clock, readers, { baud: 115_200 })
    await bench.run(1000)
    for (const reader of readers) reader.heard.length = 0
    await bench.run(10_000)
    for (const reader of readers) expect(reader.heard.length).toBeGreaterThanOrEqual(195)
    const { written } = bench.line
    // A command and its reply take longer than 2.5 ms here; nothing was sent into them.
    for (let i = 1; i < written.length; i++)
      expect((written[i]?.at_ms ?? 0) - (written[i - 1]?.at_ms ?? 0)).toBeGreaterThan(2.5)
  })

  it.each([
    [9600, 1, 0.9],
    [9600, 8, 0.9],
    [38_400, 1, 0.97],
    [38_400, 8, 0.97],
    [115_200, 1, 0.97],
    [115_200, 8, 0.97],
  ])('comes near the limit of a line of %i bit/s with %i readers', async (baud, count, share) => {
    const readers = readersAt(...Array.from({ length: count }, (_, i) => i))
    for (const reader of readers) reader.latency_ms = 1
    bench = createBusBench(clock, readers, { baud, timing: { pollInterval_ms: 0 } })
    await bench.run(5000)
    const from = bench.line.written.length
    await bench.run(10_000)
    // A secured poll has 15 bytes, its ACK 15; the reader takes 1 ms. The line in memory counts in whole ms.
    const wire_ms = (15 * 10_000) / baud
    const limit = 10_000 / (Math.ceil(wire_ms) + Math.ceil(1 + wire_ms))
    expect((bench.line.written.length - from) / limit).toBeGreaterThan(share)
  })

  it('lights the lamp of a card within 200 ms, though others are polled, one loses replies and one is dead', async () => {
    const readers = readersAt(0, 1, 2, 3, 4, 5, 6, 7)
    const [, , , , , , flaky, dead] = readers
    if (!flaky || !dead) throw new Error('eight readers')
    dead.powered = false
    bench = createBusBench(clock, readers, { baud: 9600 })
    await bench.run(5000)
    flaky.faults = Array.from({ length: 2000 }, (_, i) => (reply) => ((i * 7919) % 10 < 3 ? undefined : reply))
    const { bus } = bench
    const waits: number[] = []
    bench.listen((address, event) => {
      if (event.type !== 'card') return
      const read_ms = performance.now()
      // The decision takes its time.
      setTimeout(async () => {
        await bus.send(address, led())
        waits.push(performance.now() - read_ms)
      }, 50)
    })
    for (let i = 0; i < 60; i++) {
      readers[i % 6]?.pending.push(card)
      await clock.tickAsync(900 + ((i * 37) % 100))
    }
    expect(bus.stats().get(6)?.counts.timeouts).toBeGreaterThan(20)
    expect(waits).toHaveLength(60)
    expect(Math.max(...waits)).toBeLessThan(200)
  })

  it('hears a reader behind what a false start left on the line', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    bench = createBusBench(clock, [reader])
    await bench.run(1000)
    reader.faults = Array.from({ length: 10 }, () => (reply: number[]) => [...reply, 0x53, 0x81, 0x40, 0x00])
    await bench.run(1000)
    const stats = bench.bus.stats().get(1)
    expect(stats?.counts).toMatchObject({ corrupted: 0, timeouts: 0, sessions: 1 })
    expect(stats?.roundTrip_ms.max).toBeLessThan(100)
  })

  it('does not take the frame of another reader for an answer', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    bench = createBusBench(clock, [reader], { plain: true })
    await bench.run(1000)
    const other = createReaderInMemory(2)
    reader.faults.push((reply) => other.plain((reply[5] ?? 0) & 3, card.code, card.data))
    await bench.run(1000)
    expect(bench.story()).not.toContain('card')
    expect(bench.bus.stats().get(1)?.counts).toMatchObject({ retries: 1 })
  })

  it('is not confused by a reader that answers a little too late', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    bench = createBusBench(clock, [reader])
    await bench.run(1000)
    const before = bench.events.length
    reader.latency_ms = 230
    reader.pending.push(card)
    await bench.run(5000)
    expect(bench.story().slice(before)).toEqual(['card'])
    expect(bench.bus.stats().get(1)?.counts.unexpected).toBeGreaterThan(3)
  })

  it('sends feedback from within the event before any other poll', async () => {
    const readers = readersAt(1, 2)
    bench = createBusBench(clock, readers)
    await bench.run(500)
    const { bus, line } = bench
    let sent: Promise<unknown> | undefined
    let before = 0
    bench.listen((address, event) => {
      if (event.type !== 'card') return
      before = line.written.length
      sent = bus.send(address, led())
    })
    readers[0]?.pending.push(card)
    await bench.run(200)
    expect(line.written[before]?.bytes[2]).toBe(1)
    expect(readers[0]?.heard.find(({ code }) => code === 0x69)?.data).toEqual([
      0, 0, 2, 10, 0, 2, 0, 10, 0, 0, 0, 0, 0, 0,
    ])
    expect(await sent).toEqual({ ok: true, reply: { type: 'ack' } })
  })

  it('polls the others again once the feedback has gone out', async () => {
    const [reader, other] = readersAt(1, 2)
    if (!reader || !other) throw new Error('two readers')
    bench = createBusBench(clock, [reader, other], { baud: 115_200, timing: { pollInterval_ms: 10 } })
    await bench.run(1000)
    const { bus, events } = bench
    let asked_ms = 0
    bench.listen((address, event) => {
      if (event.type !== 'card') return
      asked_ms = performance.now()
      void bus.send(address, led())
    })
    reader.pending.push(card)
    await bench.run(300)
    expect(events.at(-1)?.event.type).toBe('card')
    const next = other.heard.find(({ at_ms }) => at_ms > asked_ms)
    expect((next?.at_ms ?? Number.POSITIVE_INFINITY) - asked_ms).toBeLessThan(30)
  })

  it('keeps the others going beside a dead reader, and the dead one does not cost much', async () => {
    const [alive, dead] = readersAt(1, 2)
    if (!alive || !dead) throw new Error('two readers')
    dead.powered = false
    bench = createBusBench(clock, [alive, dead], { baud: 115_200 })
    await bench.run(60_000)
    alive.heard.length = 0
    await bench.run(60_000)
    expect(alive.heard.length).toBeGreaterThan(60 * 20 * 0.95)
    expect(bench.bus.stats().get(1)?.counts.sessions).toBe(1)
  })

  it('leaves most of the line to the others while a session is being lost', async () => {
    const [alive, dying] = readersAt(1, 2)
    if (!alive || !dying) throw new Error('two readers')
    bench = createBusBench(clock, [alive, dying], { baud: 115_200 })
    await bench.run(2000)
    dying.powered = false
    alive.heard.length = 0
    await bench.run(7000)
    expect(alive.heard.length).toBeGreaterThan(7 * 20 * 0.6)
  })

  it('understands adapters that echo', async () => {
    bench = createBusBench(clock, readersAt(1), { echo: true })
    await bench.run(1000)
    expect(bench.story()[0]).toBe('online')
    expect(bench.bus.stats().get(1)?.counts).toMatchObject({ corrupted: 0, timeouts: 0 })
  })

  it('survives unplugging: waiting commands fail at once and are never sent later', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    bench = createBusBench(clock, [reader])
    await bench.run(1000)
    const pulse = { type: 'output', outputs: [{ output: 0, action: 'pulse-on', timer_100ms: 30 }] } as const
    reader.powered = false
    const results = [0, 1].map(() => bench?.bus.send(1, structuredClone(pulse) as never))
    await bench.run(50)
    bench.line.unplug()
    expect(await Promise.all(results)).toMatchObject([{ code: 'OSDP_OFFLINE' }, { code: 'OSDP_OFFLINE' }])
    expect(bench.story().at(-1)).toBe('offline line-lost')
    reader.powered = true
    await bench.run(2000)
    expect(bench.line.opened).toBe(2)
    expect(bench.story().at(-3)).toBe('online')
    expect(reader.heard.some(({ code }) => code === 0x68)).toBe(false)
  })

  it('does not repeat an output command after its time', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    bench = createBusBench(clock, [reader])
    await bench.run(1000)
    const { bus } = bench
    reader.powered = false
    const sent = bus.send(1, { type: 'output', outputs: [{ output: 0, action: 'pulse-on', timer_100ms: 30 }] }, 500)
    await bench.run(1500)
    reader.powered = true
    expect(await sent).toMatchObject({ ok: false, code: 'OSDP_OFFLINE' })
    await bench.run(3000)
    expect(reader.heard.some(({ code }) => code === 0x68)).toBe(false)
    expect(bench.story()).toContain('offline command-expired')
    expect(bench.story().at(-3)).toBe('online')
  })

  it('refuses commands for readers that are offline or unknown, and more than it can hold', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    reader.powered = false
    bench = createBusBench(clock, [reader])
    await bench.run(100)
    const { bus } = bench
    expect(await bus.send(1, led())).toMatchObject({ code: 'OSDP_OFFLINE' })
    expect(await bus.send(9, led())).toMatchObject({ code: 'OSDP_OFFLINE' })
    expect(bus.install(9, 1000, Uint8Array.from(SITE_KEY))).toBe(false)
    reader.powered = true
    await bench.run(5000)
    reader.busy = 1000
    const all = Array.from({ length: 18 }, () => bus.send(1, led(), 500))
    expect(await all[17]).toMatchObject({ code: 'OSDP_QUEUE_FULL' })
    await bench.run(1000)
    reader.busy = 0
    await bench.run(500)
    expect((await Promise.all(all)).filter((one) => !one.ok && one.code === 'OSDP_EXPIRED').length).toBeGreaterThan(14)
  })

  it('lives on when a listener throws', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    bench = createBusBench(clock, [reader])
    bench.listen(() => {
      throw new Error('not my day')
    })
    await bench.run(1000)
    reader.pending.push(card, card)
    await bench.run(300)
    expect(bench.story().filter((one) => one === 'card')).toHaveLength(2)
  })

  it('is silent after close', async () => {
    const [reader] = readersAt(1)
    if (!reader) throw new Error('one reader')
    bench = createBusBench(clock, [reader])
    await bench.run(1000)
    const { bus, line, events } = bench
    const sent = bus.send(1, led())
    await bus.close()
    expect(await sent).toMatchObject({ ok: expect.any(Boolean) })
    const told = events.length
    const written = line.written.length
    await bench.run(10_000)
    expect([events.length, line.written.length]).toEqual([told, written])
  })

  it.each([
    ['/baud', { baud: 0 }, {}],
    ['/readers/0/address', {}, { address: 127 }],
    ['/readers/0/security/keys/0', {}, { security: { mode: 'secure', keys: [new Uint8Array(15)] } }],
    [
      '/readers/0/security/keys/1',
      {},
      {
        security: {
          mode: 'secure',
          keys: [Uint8Array.from(SITE_KEY), Uint8Array.from('0123456789:;<=>?', (one) => one.charCodeAt(0))],
        },
      },
    ],
  ] as const)('refuses a configuration that is wrong at %s', (path, config, reader) => {
    const make = () => createBusBench(clock, readersAt(1), { ...config, reader } as never)
    expect(make).toThrow(expect.objectContaining({ code: 'OSDP_CONFIG', kind: 'caller', path }))
  })
})
