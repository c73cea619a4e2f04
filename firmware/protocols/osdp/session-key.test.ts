import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BenchOptions, type BusBench, createBusBench, SITE_KEY } from './bus-bench.ts'
import { createReaderInMemory, framed, type ReaderInMemory } from './reader-in-memory.ts'

/** The keys of a session: proven, missing, given, replaced; against an independent reader in memory. */

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
const NEW_KEY = KEY.map((one) => one ^ 0x55)
const startup = ['online', 'local-status', 'inputs']

describe('the key', () => {
  const otherKey = Array.from({ length: 16 }, (_, i) => i)

  it('wrong in the reader: no session, no cryptogram of ours, tamper once', async () => {
    const reader = createReaderInMemory(1, otherKey)
    await online(reader)
    await bench.run(30_000)
    expect(bench.story()).toEqual(['tamper wrong-key', 'offline key-refused'])
    expect(reader.heard.some(({ code }) => code === 0x77)).toBe(false)
  })

  it('missing in the reader: the default key is not used outside install mode', async () => {
    const reader = createReaderInMemory(1)
    await online(reader)
    await bench.run(30_000)
    expect(bench.story()).toEqual(['tamper wrong-key', 'offline key-refused'])
    const challenges = bench.line.written.filter(({ bytes }) => bytes.includes(0x76))
    expect(challenges.every(({ bytes }) => bytes[8] === 1)).toBe(true)
  })

  it('offered as the default key by the reader: refused as such', async () => {
    const reader = createReaderInMemory(1)
    const offer = (reply: number[]) => (reply[6] === 0x41 ? withDefaultKeyOffer(reader) : reply)
    reader.faults.push((reply) => reply, offer)
    await online(reader)
    expect(bench.story()[0]).toBe('tamper default-key')
  })

  it('is given in install mode, then proven, and install mode is over', async () => {
    const reader = createReaderInMemory(1)
    await online(reader)
    expect(bench.bus.install(1, 60_000, KEY)).toBe(true)
    await bench.run(2000)
    expect(reader.key).toEqual(SITE_KEY)
    expect(bench.story().slice(-4)).toEqual(['key-set', ...startup])
    reader.key = undefined
    reader.loseMemory()
    await bench.run(20_000)
    expect(reader.key).toBeUndefined()
    expect(bench.story().slice(-3)).toEqual(['offline restarted', 'tamper wrong-key', 'offline key-refused'])
  })

  it('is given again by nobody when the reader acknowledges and forgets it', async () => {
    const reader = createReaderInMemory(1)
    await online(reader)
    bench.bus.install(1, 60_000, KEY)
    Object.defineProperty(reader, 'key', { get: () => undefined, set: () => {} })
    await bench.run(20_000)
    expect(reader.heard.filter(({ code }) => code === 0x75)).toHaveLength(1)
    expect(bench.story()).not.toContain('key-set')
  })

  it('is not given when install mode has run out', async () => {
    const reader = createReaderInMemory(1)
    reader.powered = false
    await online(reader)
    bench.bus.install(1, 1000, KEY)
    await bench.run(5000)
    reader.powered = true
    await bench.run(20_000)
    expect(reader.key).toBeUndefined()
  })

  it('is replaced by another inside the channel, proven, and the old one is not believed any more', async () => {
    const reader = secureReader()
    await online(reader)
    await bench.run(10_000)
    expect(bench.bus.install(1, 60_000, NEW_KEY)).toBe(true)
    await bench.run(2000)
    expect(reader.key).toEqual([...NEW_KEY])
    expect(bench.story().slice(startup.length)).toEqual(['offline installing', 'key-set', ...startup])
    expect(bench.line.written.every(({ bytes }) => !(bytes.includes(0x76) && bytes[8] === 0))).toBe(true)
    reader.key = [...SITE_KEY]
    reader.loseMemory()
    await bench.run(5000)
    expect(bench.story().slice(-3)).toEqual(['offline restarted', 'tamper wrong-key', 'offline key-refused'])
  })

  it.each([
    ['before it has the new key', [...SITE_KEY], KEY],
    ['after it has the new key', [...NEW_KEY], NEW_KEY],
  ])('is the old or the new one when the power goes %s', async (_name, has, proven) => {
    const reader = createReaderInMemory(1, has)
    await online(reader, { reader: { security: { mode: 'secure', keys: [KEY, NEW_KEY] } } })
    await bench.run(1000)
    expect(bench.story()).toEqual(startup)
    expect(bench.events[0]?.event).toMatchObject({ type: 'online', key: proven })
  })

  it('is proven by the reader whose acknowledgement of it was lost together with the session', async () => {
    const reader = secureReader()
    await online(reader)
    bench.bus.install(1, 3000, NEW_KEY)
    let hasForgotten = false
    const forgetful = (reply: number[]) => {
      if (hasForgotten || reader.heard.at(-1)?.code !== 0x75) return reply
      hasForgotten = true
      reader.loseMemory()
      return undefined
    }
    reader.faults = Array.from({ length: 30 }, () => forgetful)
    await bench.run(6000)
    expect([reader.key, bench.story().at(-1)]).toEqual([[...NEW_KEY], 'inputs'])
    expect(bench.story()).not.toContain('tamper wrong-key')
  })

  it('that nobody has yet: the reader is not installed, and nothing is asked of it', async () => {
    const reader = createReaderInMemory(1)
    await online(reader, { reader: { security: { mode: 'secure', keys: [] } } })
    await bench.run(30_000)
    expect(bench.story()).toEqual(['offline not-installed'])
    expect(reader.heard.every(({ code }) => code === 0x61)).toBe(true)
    bench.bus.install(1, 60_000, KEY)
    await bench.run(2000)
    expect(bench.story().slice(1)).toEqual(['key-set', ...startup])
  })

  it('is not needed where the reader is plain; one that insists on a channel stays offline', async () => {
    const reader = createReaderInMemory(1)
    reader.faults = Array.from({ length: 20 }, () => (reply: number[]) => reader.plain((reply[5] ?? 0) & 3, 0x41, [6]))
    await online(reader, { plain: true })
    expect(bench.story()).toEqual(['offline secure-channel-required'])
  })
})

/** A proof of the default key instead of a refusal. */
function withDefaultKeyOffer(reader: ReaderInMemory): number[] {
  const double = createReaderInMemory(reader.address)
  double.receive(Uint8Array.from(framed([0x53, reader.address, 9, 0, 4, 0x61, 0])))
  const challenge = [0x53, reader.address, 19, 0, 0x0d, 3, 0x11, 0, 0x76, 0, 1, 2, 3, 4, 5, 6, 7]
  return double.receive(Uint8Array.from(framed(challenge))) ?? []
}
