import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BenchOptions, type BusBench, createBusBench, SITE_KEY } from './bus-bench.ts'
import { createReaderInMemory, framed, type ReaderInMemory } from './reader-in-memory.ts'

/** Sessions against an independent reader in memory, through the bus, under a fake clock. */

let bench: BusBench
let clock: Clock
beforeEach(() => {
  clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(async () => {
  await bench.end()
  clock.uninstall()
})

async function online(reader: ReaderInMemory, options: BenchOptions = {}) {
  bench = createBusBench(clock, [reader], options)
  await bench.run(300)
  return bench
}
const secureReader = () => createReaderInMemory(1, [...SITE_KEY])
const KEY = Uint8Array.from(SITE_KEY)
const counts = () => bench.bus.stats().get(1)?.counts
const card26 = { code: 0x50, data: [0, 0, 26, 0, 0x12, 0x34, 0x56, 0x80] }
const startup = ['online', 'local-status', 'inputs']

describe('a session', () => {
  it('begins with sequence 0, proves the key, asks once, then polls', async () => {
    const reader = secureReader()
    await online(reader)
    expect(reader.heard.slice(0, 8).map(({ code, sequence }) => [code, sequence])).toEqual([
      [0x61, 0],
      [0x76, 1],
      [0x77, 2],
      [0x61, 3],
      [0x62, 1],
      [0x64, 2],
      [0x65, 3],
      [0x60, 1],
    ])
    expect(bench.story()).toEqual(startup)
    expect(bench.events.find(({ event }) => event.type === 'online')?.event).toEqual({
      type: 'online',
      key: KEY,
      identity: { vendor: 0x0c0b0a, model: 1, version: 2, serial: 1001, firmware: '3.4.5' },
      capabilities: [
        { function: 1, level: 1, count: 2 },
        { function: 9, level: 1, count: 1 },
      ],
    })
  })

  it('works without secure channel where that is configured', async () => {
    const reader = createReaderInMemory(1)
    await online(reader, { plain: true })
    reader.pending.push(card26)
    await bench.run(100)
    expect(bench.events.find(({ event }) => event.type === 'online')?.event).toMatchObject({ key: undefined })
    expect(bench.events.at(-1)?.event).toEqual({
      type: 'card',
      card: { reader: 0, format: 0, bits: 26, data: Uint8Array.of(0x12, 0x34, 0x56, 0x80) },
    })
  })

  it('brings cards, keys and statuses, each once', async () => {
    const reader = secureReader()
    await online(reader)
    const before = bench.events.length
    reader.pending.push(card26, { code: 0x53, data: [0, 2, 0x31, 0x0d] }, { code: 0x48, data: [1, 0] })
    reader.pending.push({ code: 0x48, data: [1, 0] }, { code: 0x49, data: [1, 1] })
    await bench.run(500)
    expect(bench.events.slice(before).map(({ event }) => event)).toEqual([
      { type: 'card', card: { reader: 0, format: 0, bits: 26, data: Uint8Array.of(0x12, 0x34, 0x56, 0x80) } },
      { type: 'keypad', reader: 0, keys: '1#' },
      { type: 'local-status', tampered: true, powerFailed: false },
      { type: 'inputs', active: [true, true] },
    ])
  })

  it('repeats a lost exchange with the same bytes and the same number, and hears the card once', async () => {
    const reader = secureReader()
    await online(reader)
    const from = bench.line.written.length
    reader.pending.push(card26)
    reader.faults.push(() => undefined)
    await bench.run(300)
    const [first, second] = bench.line.written.slice(from)
    expect(second?.bytes).toEqual(first?.bytes)
    expect(bench.story().filter((one) => one === 'card')).toHaveLength(1)
    expect(bench.story()).not.toContain('offline')
    expect(counts()).toMatchObject({ timeouts: 1, retries: 1, sessions: 1 })
  })

  it.each([
    ['corrupt', (reply: number[]) => reply.map((one, i) => (i === reply.length - 3 ? one ^ 0x10 : one))],
    ['truncated', (reply: number[]) => reply.slice(0, -4)],
    ['noise', () => [0x53, 0xff, 0xff, 0x00, 0x53]],
  ])('survives one %s reply without tamper', async (_name, fault) => {
    const reader = secureReader()
    await online(reader)
    reader.pending.push(card26)
    reader.faults.push(fault)
    await bench.run(600)
    expect(bench.story().slice(startup.length)).toEqual(['card'])
    expect(counts()).toMatchObject({ corrupted: 1, retries: 1, sessions: 1 })
  })

  it('survives a command that the reader could not read', async () => {
    const reader = secureReader()
    await online(reader)
    reader.pending.push(card26)
    reader.faults.push((reply) => reader.plain((reply[5] ?? 0) & 3, 0x41, [1]))
    await bench.run(300)
    expect(bench.story().slice(startup.length)).toEqual(['card'])
  })

  it('waits for a busy reader, and loses it when that does not end', async () => {
    const reader = secureReader()
    await online(reader)
    reader.busy = 5
    reader.pending.push(card26)
    await bench.run(1000)
    expect(bench.story().slice(startup.length)).toEqual(['card'])
    expect(counts()).toMatchObject({ busy: 5, sessions: 1 })
    reader.busy = Number.POSITIVE_INFINITY
    await bench.run(10_000)
    expect(bench.story()).toContain('offline busy')
  })

  it('is lost after 8 s of silence and comes back by itself', async () => {
    const reader = secureReader()
    await online(reader)
    reader.powered = false
    await bench.run(7500)
    expect(bench.story()).not.toContain('offline no-reply')
    await bench.run(2000)
    expect(bench.story()).toContain('offline no-reply')
    reader.loseMemory()
    reader.powered = true
    await bench.run(11_000)
    expect(bench.story().at(-3)).toBe('online')
    expect(counts()?.sessions).toBe(2)
  })

  it('begins anew when the reader restarted within the 8 s', async () => {
    const reader = secureReader()
    await online(reader)
    await bench.run(9000)
    reader.loseMemory()
    await bench.run(500)
    expect(bench.story().slice(startup.length)).toEqual(['offline restarted', ...startup])
  })

  it('tells tamper when nothing but broken frames came until it was lost', async () => {
    const reader = secureReader()
    await online(reader)
    reader.faults = Array.from({ length: 60 }, () => (reply: number[]) => reply.slice(0, -3))
    await bench.run(12_000)
    expect(bench.story()).toContain('tamper corrupted')
    expect(bench.story()).toContain('offline corrupted')
  })

  it('tells a command that the reader does not know, and goes on', async () => {
    const reader = secureReader()
    await online(reader)
    const sent = bench.bus.send(1, { type: 'text', reader: 0, text: 'hi', seconds: 1, row: 1, column: 1 })
    await bench.run(100)
    expect(await sent).toMatchObject({ ok: false, code: 'OSDP_REFUSED' })
    expect(bench.story()).toEqual(expect.not.arrayContaining(['offline']))
    expect(counts()).toMatchObject({ naks: 1, sessions: 1 })
  })
})

describe('whoever is between us and the reader', () => {
  const afterwards = (kind: string) => [`tamper ${kind}`, 'offline tamper', ...startup]

  it('cannot make us take a plain card in a secure session', async () => {
    const reader = secureReader()
    await online(reader)
    reader.faults.push((reply) => reader.plain((reply[5] ?? 0) & 3, 0x50, card26.data))
    await bench.run(2000)
    expect(bench.story().slice(startup.length)).toEqual(afterwards('downgraded'))
  })

  it('cannot end a card in a secure session by a plain refusal', async () => {
    const reader = secureReader()
    await online(reader)
    reader.faults.push((reply) => reader.plain((reply[5] ?? 0) & 3, 0x41, [3]))
    await bench.run(2000)
    expect(bench.story().slice(startup.length)).toEqual(afterwards('downgraded'))
  })

  it('cannot replay a card of this session', async () => {
    const reader = secureReader()
    await online(reader)
    reader.pending.push(card26)
    await bench.run(200)
    const old = reader.sent.find((reply) => reply[8] === 0x50)
    expect(old).toBeDefined()
    const sequence = (old?.[5] ?? 0) & 3
    const replay = (reply: number[]) => (((reply[5] ?? 0) & 3) === sequence ? [...(old ?? [])] : reply)
    reader.faults.push(replay, replay, replay)
    await bench.run(2000)
    expect(bench.story().slice(startup.length)).toEqual(['card', ...afterwards('replayed')])
  })

  it.each([
    ['altered', 10],
    ['with another MAC', -6],
  ])('cannot give us a reply that was %s, though its check is right', async (_name, at) => {
    const reader = secureReader()
    await online(reader)
    reader.pending.push(card26)
    reader.faults.push((reply) => {
      const body = reply.slice(1, -2).map((one, i, all) => (i === (at < 0 ? all.length - 3 : at) ? one ^ 1 : one))
      return framed(body)
    })
    await bench.run(2000)
    expect(bench.story()).toContain('tamper bad-mac')
    expect(bench.story()).not.toContain('card')
  })

  it('cannot give us a truncated reply, though its length and check are right', async () => {
    const reader = secureReader()
    await online(reader)
    reader.pending.push(card26)
    reader.faults.push((reply) => {
      const body = [...reply.slice(1, -6 - 8), ...reply.slice(-6, -2)]
      body[2] = body.length + 2
      return framed(body)
    })
    await bench.run(2000)
    expect(bench.story()).toContain('tamper bad-mac')
    expect(bench.story()).not.toContain('card')
  })

  it('is told by a reader that is another than before', async () => {
    const reader = createReaderInMemory(1)
    await online(reader, { plain: true })
    await bench.run(9000)
    reader.serial = 77
    reader.loseMemory()
    await bench.run(1000)
    expect(bench.story().slice(startup.length)).toContain('tamper reader-swapped')
  })

  it('is not told of another reader that was installed on purpose', async () => {
    const reader = createReaderInMemory(1)
    await online(reader, { plain: true, reader: { expected: { vendor: 1, model: 1, serial: 1 } } })
    expect(bench.story()).toContain('tamper reader-swapped')
    expect(bench.bus.install(1, 60_000, undefined)).toBe(true)
    await bench.run(500)
    expect(bench.story().slice(-4)).toEqual(['offline installing', ...startup])
    expect(bench.bus.install(1, 60_000, KEY)).toBe(false)
  })

  it('is told by a plain reply that contradicts itself', async () => {
    const reader = createReaderInMemory(1)
    await online(reader, { plain: true })
    reader.pending.push({ code: 0x50, data: [0, 0, 26, 0, 0x12] })
    await bench.run(2000)
    expect(bench.story()).toContain('tamper malformed')
    expect(bench.story()).not.toContain('card')
  })

  it('cannot read along: what a reader sends unencrypted is not taken', async () => {
    const reader = secureReader()
    await online(reader)
    reader.pending.push({ ...card26, laidOpen: true })
    await bench.run(2000)
    expect(bench.story().slice(startup.length)).toEqual(afterwards('downgraded'))
  })

  it('cannot pass off a secured frame in a plain session', async () => {
    const reader = createReaderInMemory(1)
    await online(reader, { plain: true })
    reader.faults.push((reply) => {
      const body = [0x53, 0x81, 22, 0, (reply[5] ?? 0) | 8, 2, 0x16, 0x50, ...card26.data, 1, 2, 3, 4]
      return framed(body)
    })
    await bench.run(2000)
    expect(bench.story()).not.toContain('card')
  })

  it('cannot begin a session by another first MAC', async () => {
    const reader = secureReader()
    const change = (reply: number[]) =>
      reply[9] === 0x78 ? framed(reply.slice(1, -2).map((one, i) => (i === 12 ? one ^ 1 : one))) : reply
    reader.faults.push(change, change, change)
    await online(reader)
    expect(bench.story()[0]).toBe('tamper wrong-key')
  })

  it('cannot disturb with frames that nobody asked for', async () => {
    const reader = secureReader()
    await online(reader)
    for (let i = 0; i < 20; i++) {
      bench.line.inject(reader.plain(i % 4, 0x50, card26.data))
      bench.line.inject(createReaderInMemory(2).plain(1, 0x50, card26.data))
      await bench.run(45)
    }
    expect(bench.story()).not.toContain('card')
  })
})
